"""The roles that apply and deploy: what their commands need, and nothing of anybody else's.

By our own evaluator alone: their policies have conditions and exceptions, which the emulator does not evaluate.
"""

from __future__ import annotations

import pytest

from tests.iam import operations
from tests.iam.estate import POWER_USER, Estate, Names
from tests.iam.pipeline import DEPLOY, PUSH, RIGHTS, Right, ledger, state_bucket
from tests.iam.test_judged import _granted
from tests.iam.test_trust import CONTENTS, GAP
from thoth_infra.review.iam import Decision, Principal, Request, evaluate

pytestmark = [pytest.mark.slow, pytest.mark.terraform, pytest.mark.xdist_group("iam")]

WRITES = tuple(operations.writes())


def _may(estate: Estate, purpose: str, action: str, on: str = "*", **context: str) -> bool:
    role = f"{estate.env.prefix}-github-{purpose}"
    request = Request(action, on, Principal("AWS", estate.names.role(role)), context)
    return evaluate(estate.carried(role), request) is Decision.ALLOWED


def _has(estate: Estate, right: Right, **context: str) -> bool:
    return _may(estate, "deploy", right.action, right.on(estate), **{**right.context(estate), **context})


# deploy


@pytest.mark.parametrize("call", DEPLOY, ids=".".join)
def test_deploy_may_make_its_calls(estate: Estate, call: tuple[str, str]) -> None:
    assert [right.action for right in DEPLOY[call] if not _has(estate, right)] == []


def test_deploy_may_push(estate: Estate) -> None:
    assert [right.action for right in PUSH if not _has(estate, right)] == []


def test_deploy_may_nothing_else(estate: Estate) -> None:
    role = estate.roles[f"{estate.env.prefix}-github-deploy"]
    assert role.attached == ()
    granted = {action for action, _ in _granted(role.inline)}
    assert granted == {right.action for right in RIGHTS}
    refused = [action for action in WRITES if action not in granted]
    assert len(refused) > 1000
    assert [action for action in refused if _may(estate, "deploy", action)] == []


def test_deploy_does_nothing_to_another_environment(estate: Estate) -> None:
    """The same requests, about the same things of the others."""
    walked = 0
    for right in RIGHTS:
        own = right.on(estate)
        for env in estate.others:
            theirs = own.replace(estate.env.prefix, env.prefix).replace(f"/{estate.env.name}/", f"/{env.name}/")
            if theirs != own:
                walked += 1
                assert not _may(estate, "deploy", right.action, theirs, **right.context(estate)), (right.action, theirs)
    assert walked >= 2 * 15


def test_deploys_conditions_hold(estate: Estate) -> None:
    by_action = {right.action: right for right in RIGHTS}
    other = Names(estate.others[0]).arn("ecs", f"cluster/{estate.others[0].prefix}")
    assert not _has(estate, by_action["ecs:RunTask"], **{"ecs:cluster": other})
    assert not _has(estate, by_action["ecs:ListTasks"], **{"ecs:cluster": other})
    for service in ("ec2.amazonaws.com", "lambda.amazonaws.com", "codedeploy.amazonaws.com"):
        assert not _has(estate, by_action["iam:PassRole"], **{"iam:PassedToService": service})
    for role in ("codedeploy", "backup", "gpu-host", "github-apply", "github-deploy"):
        on = estate.names.role(f"{estate.env.prefix}-{role}")
        assert not _may(estate, "deploy", "iam:PassRole", on, **{"iam:PassedToService": "ecs-tasks.amazonaws.com"})
    assert not _has(estate, by_action["ecs:TagResource"], **{"ecs:CreateAction": "CreateService"})
    service = estate.names.arn("ecs", f"service/{estate.env.prefix}/api")
    assert not _may(estate, "deploy", "ecs:TagResource", service, **{"ecs:CreateAction": "RunTask"})
    worker = estate.names.arn("ecs", f"task-definition/{estate.env.prefix}-transcription:3")
    assert not _may(estate, "deploy", "ecs:RunTask", worker, **by_action["ecs:RunTask"].context(estate))


def test_deploy_reads_neither_state_nor_contents(estate: Estate) -> None:
    state = f"{state_bucket(estate)}/{estate.env.state.key}"
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert not _may(estate, "deploy", action, state)
    assert not _may(estate, "deploy", "s3:DeleteObject", ledger(estate))
    assert [action for action in (*CONTENTS, *GAP) if _may(estate, "deploy", action)] == []


# apply

# How AWS says whose a thing is.
OWN_TAG = "aws:ResourceTag/Environment"


def test_apply_makes_every_role_of_the_tree_but_those_of_the_workflows(estate: Estate) -> None:
    prefix = estate.env.prefix
    made = {name: role for name, role in estate.roles.items() if not name.startswith(f"{prefix}-github-")}
    assert len(made) >= 12
    for name, role in made.items():
        on = estate.names.role(name)
        for action in ("CreateRole", "GetRole", "PutRolePolicy", "UpdateAssumeRolePolicy", "TagRole", "DeleteRole"):
            assert _may(estate, "apply", f"iam:{action}", on), (action, name)
        for policy in role.attached:
            assert _may(estate, "apply", "iam:AttachRolePolicy", on, **{"iam:PolicyARN": policy}), (name, policy)
        for statement in role.trust.statements:
            for kind, service in statement.principals or ():
                assert kind == "Service"
                assert _may(estate, "apply", "iam:PassRole", on, **{"iam:PassedToService": service}), (name, service)


def test_apply_does_not_change_what_the_workflows_may(estate: Estate) -> None:
    for purpose in ("plan", "watch", "apply", "deploy"):
        on = estate.names.role(f"{estate.env.prefix}-github-{purpose}")
        changes = [action for action in WRITES if action.startswith("iam:") and _may(estate, "apply", action, on)]
        assert set(changes) <= _SERVICE_LINKED
        assert _may(estate, "apply", "iam:GetRole", on)


# PowerUserAccess has them, and AWS makes such roles only for its own services.
_SERVICE_LINKED = {"iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole"}


def test_apply_makes_nobody_powerful(estate: Estate) -> None:
    prefix = estate.env.prefix
    task = estate.names.role(f"{prefix}-api-task")
    for policy in ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess", "ReadOnlyAccess"):
        given = {"iam:PolicyARN": f"arn:aws:iam::aws:policy/{policy}"}
        assert not _may(estate, "apply", "iam:AttachRolePolicy", task, **given)
    for service in ("lambda.amazonaws.com", "cloudformation.amazonaws.com", "glue.amazonaws.com"):
        assert not _may(estate, "apply", "iam:PassRole", task, **{"iam:PassedToService": service})
    others = [*estate.env.identity.operator_roles, "administrator", *(f"{e.prefix}-api-task" for e in estate.others)]
    for name in (*others, *(f"{e.prefix}-github-deploy" for e in estate.others)):
        on = estate.names.role(name)
        allowed = {
            a for a in WRITES if (a == "sts:AssumeRole" or a.startswith("iam:")) and _may(estate, "apply", a, on)
        }
        assert allowed <= _SERVICE_LINKED, name
    hosts = estate.names.arn("iam", f"instance-profile/{prefix}-gpu-host").replace(f":{estate.env.region}:", "::")
    assert _may(estate, "apply", "iam:AddRoleToInstanceProfile", hosts)
    for action in ("iam:CreateUser", "iam:CreateAccessKey", "iam:CreateOpenIDConnectProvider", "iam:CreatePolicy"):
        assert not _may(estate, "apply", action), action


def test_apply_touches_no_other_environment(estate: Estate) -> None:
    """Whatever carries another environment's tag, whichever the action."""
    free = [a for a in WRITES if not a.startswith(("iam:", "s3:", "sts:"))]
    own = [a for a in free if _may(estate, "apply", a, "*", **{OWN_TAG: estate.env.name})]
    assert len(own) > 900
    assert set(own) == {a for a in free if _may(estate, "apply", a)}
    for env in estate.others:
        assert [a for a in WRITES if _may(estate, "apply", a, "*", **{OWN_TAG: env.name})] == []
    # The shared account's role and repositories are tagged as shared.
    shared = f"arn:aws:iam::{estate.shared_account}:role/{estate.env.identity.shared_role}"
    assert _may(estate, "apply", "sts:AssumeRole", shared, **{OWN_TAG: "shared"})
    assert not _may(estate, "apply", "sts:AssumeRole", estate.names.role("administrator"))


def test_apply_keeps_to_its_own_buckets_and_state(estate: Estate) -> None:
    bucket, key = state_bucket(estate), estate.env.state.key
    for on in (f"{bucket}/{key}", f"{bucket}/{key}.tflock"):
        assert _may(estate, "apply", "s3:PutObject", on)
    assert _may(estate, "apply", "s3:GetObject", f"{bucket}/{key}")
    assert _may(estate, "apply", "s3:DeleteObject", f"{bucket}/{key}.tflock")
    assert _may(estate, "apply", "s3:PutBucketPolicy", f"arn:aws:s3:::{estate.env.prefix}-media-1")
    for env in estate.others:
        for on in (f"{bucket}/{env.state.key}", f"arn:aws:s3:::{env.prefix}-media-1", ledger(estate)):
            assert [a for a in WRITES if a.startswith("s3:") and _may(estate, "apply", a, on)] == [], on
    for action in ("s3:PutBucketPolicy", "s3:DeleteBucket", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"):
        assert not _may(estate, "apply", action, bucket)


def test_apply_reads_no_contents(estate: Estate) -> None:
    role = estate.roles[f"{estate.env.prefix}-github-apply"]
    assert role.attached == (POWER_USER,)
    wanted = [action for action in (*CONTENTS, *GAP) if action != "kms:Decrypt"]  # its own keys encrypt the state
    assert [action for action in wanted if _may(estate, "apply", action)] == []
    media = f"arn:aws:s3:::{estate.env.prefix}-media-{estate.names.account}/jobs/1/source.mp4"
    assert not _may(estate, "apply", "s3:GetObject", media)
