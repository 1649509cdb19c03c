"""The requests of GitHub's workflows: what each role's commands call, and the rights that AWS asks for besides.

`tests/deploy/test_calls.py` compares ``DEPLOY`` with what the commands call; `test_pipeline.py` compares both with the
roles' policies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tests.iam.estate import Estate

Arns: TypeAlias = Callable[[Estate], str]


@dataclass(frozen=True)
class Right:
    """An action, what it is about, and the keys that AWS adds to the request."""

    action: str
    on: Arns
    context: Callable[[Estate], Mapping[str, str]] = lambda _: {}


def _own(service: str, rest: str) -> Arns:
    """An ARN of the environment's own; ``{prefix}`` stands for the start of its names."""
    return lambda estate: estate.names.arn(service, rest.format(prefix=estate.env.prefix))


def _everything(_: Estate) -> str:
    return "*"


def _repository(estate: Estate) -> str:
    return f"arn:aws:ecr:{estate.env.region}:{estate.env.ecr_account}:repository/{estate.env.repository('api')}"


def state_bucket(estate: Estate) -> str:
    return f"arn:aws:s3:::{estate.env.state.bucket}"


def ledger(estate: Estate) -> str:
    return f"{state_bucket(estate)}/{estate.env.name}/deployments/current.json"


def _in_cluster(estate: Estate) -> dict[str, str]:
    return {"ecs:cluster": _own("ecs", "cluster/{prefix}")(estate)}


def _making(operation: str) -> Callable[[Estate], dict[str, str]]:
    return lambda _: {"ecs:CreateAction": operation}


def _role(purpose: str) -> Right:
    return Right(
        "iam:PassRole",
        lambda estate: estate.names.role(f"{estate.env.prefix}-api-{purpose}"),
        lambda _: {"iam:PassedToService": "ecs-tasks.amazonaws.com"},
    )


_SERVICE, _TASK = _own("ecs", "service/{prefix}/api"), _own("ecs", "task/{prefix}/0190c2a4")
_DEFINITION = _own("ecs", "task-definition/{prefix}-api:7")
_GROUP = _own("codedeploy", "deploymentgroup:{prefix}/{prefix}-api")
_APPLICATION = _own("codedeploy", "application:{prefix}")
_PASSED = (_role("task"), _role("execution"))

# By boto3's service and operation; the resources are those of IAM's service authorization reference.
DEPLOY: Mapping[tuple[str, str], tuple[Right, ...]] = {
    ("autoscaling", "DescribeScalingActivities"): (Right("autoscaling:DescribeScalingActivities", _everything),),
    ("codedeploy", "BatchGetDeploymentTargets"): (Right("codedeploy:BatchGetDeploymentTargets", _everything),),
    ("codedeploy", "BatchGetDeployments"): (Right("codedeploy:BatchGetDeployments", _GROUP),),
    ("codedeploy", "CreateDeployment"): (
        Right("codedeploy:CreateDeployment", _GROUP),
        Right(
            "codedeploy:GetDeploymentConfig",
            _own("codedeploy", "deploymentconfig:CodeDeployDefault.ECSCanary10Percent5Minutes"),
        ),
        Right("codedeploy:RegisterApplicationRevision", _APPLICATION),
        Right("codedeploy:GetApplicationRevision", _APPLICATION),
    ),
    ("codedeploy", "GetDeployment"): (Right("codedeploy:GetDeployment", _GROUP),),
    ("codedeploy", "ListDeploymentTargets"): (Right("codedeploy:ListDeploymentTargets", _everything),),
    ("codedeploy", "ListDeployments"): (Right("codedeploy:ListDeployments", _GROUP),),
    ("codedeploy", "StopDeployment"): (Right("codedeploy:StopDeployment", _everything),),
    ("ecr", "BatchGetImage"): (Right("ecr:BatchGetImage", _repository),),
    ("ecs", "DescribeCapacityProviders"): (
        Right("ecs:DescribeCapacityProviders", _own("ecs", "capacity-provider/{prefix}-main-spot")),
    ),
    ("ecs", "DescribeServices"): (Right("ecs:DescribeServices", _SERVICE),),
    ("ecs", "DescribeTaskDefinition"): (Right("ecs:DescribeTaskDefinition", _everything),),
    ("ecs", "DescribeTasks"): (Right("ecs:DescribeTasks", _TASK),),
    ("ecs", "ListTasks"): (Right("ecs:ListTasks", _everything, _in_cluster),),
    ("ecs", "RegisterTaskDefinition"): (
        Right("ecs:RegisterTaskDefinition", _everything),
        Right("ecs:TagResource", _DEFINITION, _making("RegisterTaskDefinition")),
        *_PASSED,
    ),
    ("ecs", "RunTask"): (
        Right("ecs:RunTask", _DEFINITION, _in_cluster),
        Right("ecs:TagResource", _TASK, _making("RunTask")),
        *_PASSED,
    ),
    ("ecs", "UpdateService"): (Right("ecs:UpdateService", _SERVICE),),
    ("s3", "GetObject"): (Right("s3:GetObject", ledger), Right("s3:ListBucket", state_bucket)),
    ("s3", "ListObjectsV2"): (Right("s3:ListBucket", state_bucket),),
    ("s3", "PutObject"): (Right("s3:PutObject", ledger),),
    ("sts", "GetCallerIdentity"): (),
}

# What `docker push` and `images push` call.
PUSH = (
    Right("ecr:GetAuthorizationToken", _everything),
    *(
        Right(f"ecr:{name}", _repository)
        for name in (
            "BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "DescribeImages",
            "GetDownloadUrlForLayer", "InitiateLayerUpload", "PutImage", "UploadLayerPart",
        )
    ),
)  # fmt: skip

RIGHTS = (*(right for rights in DEPLOY.values() for right in rights), *PUSH)
