"""What the emulator does not evaluate, by our own evaluator on the same policies: conditions, keys, files, agents."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import pytest

from tests.iam.attempts import JOB, resource
from tests.iam.enforcement import Verdicts
from tests.iam.estate import Estate, Names
from thoth_infra.contract.calls import (
    JOBS_PREFIX,
    By,
    Call,
    OnImage,
    OnKey,
    OnLogs,
    OnNothing,
    OnObjects,
    OnSecret,
    OnTask,
    OnVolume,
    calls,
    start_calls,
)  # fmt: skip
from thoth_infra.contract.services import DATABASE_SECRET, SECRETS, SERVICES, Service
from thoth_infra.contract.storage import VOLUMES
from thoth_infra.review.iam import Decision, Document, Principal, Request, authorize, evaluate

pytestmark = [pytest.mark.slow, pytest.mark.terraform, pytest.mark.xdist_group("iam")]

each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)

MOUNTED = {"elasticfilesystem:AccessedViaMountTarget": "true", "aws:SecureTransport": "true"}
MOUNT = ("ClientMount", "ClientWrite", "ClientRootAccess")
KEY_ACTIONS = (
    "Decrypt",
    "GenerateDataKey",
    "Encrypt",
    "CreateGrant",
    "PutKeyPolicy",
    "ScheduleKeyDeletion",
    "DisableKey",
)
KEYS = ("database", "logs", "messages", "secrets", "storage")


class Judge:
    """Decides about requests of one role of the estate."""

    def __init__(self, estate: Estate, role: str) -> None:
        self.estate = estate
        self.principal = Principal("AWS", estate.names.role(role))
        self.identity = estate.roles[role].inline

    def allows(self, call: Call) -> bool:
        match call.on:
            case OnVolume(volume):
                return self.mounts(call.operation, self.estate.access_point(volume))
            case OnKey(purpose):
                return self.uses(call.action, purpose)
        return self.may(call.action, arn(self.estate, call))

    def may(self, action: str, on: str) -> bool:
        return evaluate(self.identity, Request(action, on, self.principal)) is Decision.ALLOWED

    def mounts(self, operation: str, access_point: str | None, **context: str) -> bool:
        point = {"elasticfilesystem:AccessPointArn": access_point} if access_point else {}
        keys = {**MOUNTED, **point, **context}
        request = Request(f"elasticfilesystem:{operation}", self.estate.file_system, self.principal, keys)
        policy = self.estate.policies["module.shared_storage.aws_efs_file_system_policy.this"]
        return authorize(request, self.identity, policy) is Decision.ALLOWED

    def uses(self, action: str, purpose: str) -> bool:
        request = Request(action, self.estate.key(purpose), self.principal, {"aws:SecureTransport": "true"})
        policy = self.estate.policies[f'aws_kms_key.this["{purpose}"]']
        return authorize(request, self.identity, policy, resource_decides=True) is Decision.ALLOWED


def task(estate: Estate, service: Service) -> Judge:
    return Judge(estate, f"{estate.env.prefix}-{service.name}-task")


def execution(estate: Estate, service: Service) -> Judge:
    return Judge(estate, f"{estate.env.prefix}-{service.name}-execution")


def arn(estate: Estate, call: Call) -> str:
    """The ARN of what a call is about, as AWS would name it in the request."""
    names, env = estate.names, estate.env
    match call.on:
        case OnImage(name):
            return f"arn:aws:ecr:{env.region}:{estate.shared_account}:repository/{env.repository(name)}"
        case OnLogs(service):
            return names.arn("logs", f"log-group:/thoth/{env.name}/{service}:log-stream:task/0190c2a4")
        case OnTask():
            return names.arn("ecs", f"task/{env.prefix}/0190c2a47c1e7d3a9f521f1f8e0c5a11")
        case OnKey(purpose):
            return estate.key(purpose)
        case OnVolume():
            return estate.file_system
        case OnNothing():
            return "*"
    return resource(estate, call)


def _task_calls(estate: Estate, service: Service) -> tuple[Call, ...]:
    return calls(service, exec_enabled=estate.env.services.by_name()[service.name].exec_enabled)


@each_service
def test_every_call_of_the_task_role_is_allowed(estate: Estate, service: Service) -> None:
    judge = task(estate, service)
    made = _task_calls(estate, service)
    assert {call.by for call in made} >= {By.CODE, By.MOUNT, By.AWS}
    assert [call for call in made if not judge.allows(call)] == []


@each_service
def test_every_call_of_the_execution_role_is_allowed(estate: Estate, service: Service) -> None:
    judge = execution(estate, service)
    assert [call for call in start_calls(service) if not judge.allows(call)] == []


@each_service
def test_exactly_what_is_called_is_allowed(estate: Estate, service: Service) -> None:
    """No statement names an action or a resource that the contract's calls do not need."""
    for judge, made in ((task(estate, service), _task_calls(estate, service)),
                        (execution(estate, service), start_calls(service))):  # fmt: skip
        assert _granted(judge.identity) == {(call.action, _scope(estate, call)) for call in made}


def _granted(policies: Iterable[Document]) -> set[tuple[str, str]]:
    statements = [statement for document in policies for statement in document.statements]
    assert all(s.allow and s.resources and not s.resources.negated and not s.actions.negated for s in statements)
    return {pair for s in statements if s.resources for pair in product(s.actions.texts, s.resources.texts)}


def _scope(estate: Estate, call: Call) -> str:
    """The narrowest resource that can be written for a call whose ARN is known only when it is made."""
    on = arn(estate, call)
    match call.on:
        case OnObjects():
            return on.replace(f"{JOB}source.mp4", f"{JOBS_PREFIX}*")
        case OnTask():
            return on.rpartition("/")[0] + "/*"
        case OnLogs():
            return on.replace(":log-stream:task/0190c2a4", ":*")
    return on


@each_service
def test_the_emulator_and_the_evaluator_agree(estate: Estate, verdicts: Verdicts, service: Service) -> None:
    judge = task(estate, service)
    done, refused = verdicts.allowed[service.name], verdicts.forbidden[service.name]
    assert [str(v) for v in done if not judge.may(v.attempt.action, v.attempt.resource)] == []
    assert [str(v) for v in refused if judge.may(v.attempt.action, v.attempt.resource)] == []


@each_service
def test_files_are_mounted_through_the_own_access_points_only(estate: Estate, service: Service) -> None:
    judge = task(estate, service)
    own = {(c.operation, c.on.volume) for c in calls(service) if isinstance(c.on, OnVolume)}
    for operation, volume in product(MOUNT, VOLUMES):
        point = estate.access_point(volume)
        assert judge.mounts(operation, point) is ((operation, volume) in own)
        assert not judge.mounts(operation, point, **{"aws:SecureTransport": "false"})
        assert not judge.mounts(operation, point + "0")
    for operation in MOUNT:
        assert not judge.mounts(operation, None), "the whole file system"
        assert not execution(estate, service).mounts(operation, estate.access_point(VOLUMES[0]))


@each_service
def test_keys_of_other_purposes_stay_closed(estate: Estate, service: Service) -> None:
    judge, starter = task(estate, service), execution(estate, service)
    own = {(c.action, c.on.purpose) for c in calls(service) if isinstance(c.on, OnKey)}
    assert {action for action, _ in own} <= {"kms:Decrypt", "kms:GenerateDataKey"}
    for purpose, action in product(KEYS, (f"kms:{name}" for name in KEY_ACTIONS)):
        assert judge.uses(action, purpose) is ((action, purpose) in own)
        reads = bool(service.secrets) and purpose == "secrets" and action == "kms:Decrypt"
        assert starter.uses(action, purpose) is reads


@each_service
def test_secrets_are_read_by_ecs_for_their_service_only(estate: Estate, service: Service) -> None:
    """All but the database's, which RDS changes under running tasks: their own code reads that one again."""
    own = {c.on.name for c in start_calls(service) if isinstance(c.on, OnSecret)}
    starter, judge = execution(estate, service), task(estate, service)
    for name in (*(secret.name for secret in SECRETS), DATABASE_SECRET):
        on = estate.secret(name)
        assert starter.may("secretsmanager:GetSecretValue", on) is (name in own)
        assert not starter.may("secretsmanager:PutSecretValue", on)
        assert judge.may("secretsmanager:GetSecretValue", on) is (name == DATABASE_SECRET and service.database)
        assert not judge.may("secretsmanager:PutSecretValue", on)
    for env in estate.others:
        other = Names(env).arn("secretsmanager", f"secret:{env.prefix}/api-AbCdEf")
        assert not starter.may("secretsmanager:GetSecretValue", other)


@each_service
def test_images_and_logs_of_other_services_stay_closed(estate: Estate, service: Service) -> None:
    starter = execution(estate, service)
    for other in SERVICES:
        (pull,) = (c for c in start_calls(other) if c.operation == "BatchGetImage")
        assert starter.allows(pull) is (other.image == service.image)
        assert not starter.may("ecr:PutImage", arn(estate, pull))
        (write,) = (c for c in start_calls(other) if c.operation == "PutLogEvents")
        assert starter.allows(write) is (other is service)


@each_service
def test_other_clusters_tasks_are_not_protected(estate: Estate, service: Service) -> None:
    """Within the cluster a task's ARN does not tell its service: there a worker's role reaches the others' tasks."""
    judge = task(estate, service)
    for env in estate.others:
        assert not judge.may("ecs:UpdateTaskProtection", Names(env).arn("ecs", f"task/{env.prefix}/0190c2a4"))
    assert not judge.may("ecs:UpdateService", estate.names.arn("ecs", f"service/{estate.env.prefix}/{service.name}"))


def test_a_job_of_another_bucket_or_prefix_is_not_reached(estate: Estate) -> None:
    """A key that only starts like the prefix is none of it."""
    for service in SERVICES:
        judge = task(estate, service)
        for bucket, _ in service.buckets:
            root = f"arn:aws:s3:::{estate.names.bucket(bucket)}"
            assert judge.may("s3:GetObject", f"{root}/{JOB}transcript.json")
            assert not judge.may("s3:GetObject", f"{root}/jobs.csv")
            assert not judge.may("s3:GetObject", f"{root}-copy/{JOB}transcript.json")
