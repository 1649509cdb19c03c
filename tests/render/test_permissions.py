"""IAM statements: each service may do what the contract says, on its own resources, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.render.support import ENVIRONMENTS, PROJECT, ROOTS, parsed, unquoted
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load
from thoth_infra.contract.services import (
    API,
    AUDIO_EXTRACTION,
    MUSIC_TERMS,
    ORCHESTRATOR,
    SERVICES,
    TRANSCRIPTION,
    Service,
)
from thoth_infra.contract.storage import ARCHIVE, Access
from thoth_infra.render.hcl import Expression
from thoth_infra.render.permissions import READ_OBJECTS, Statement, statements

# Actions that know no resources, so that "*" is all one can write.
WITHOUT_RESOURCES = re.compile(
    r"ssmmessages:\w+|ecr:GetAuthorizationToken|ecs:(Describe|Register)TaskDefinition|ec2:Describe\w+"
    r"|route53:(ListHostedZones|ListHostedZonesByName)|autoscaling:DescribeScalingActivities"
    r"|codedeploy:(BatchGetDeploymentTargets|ListDeploymentTargets|StopDeployment)"
    r"|ecs:ListTasks"  # of a service's tasks; bounded by a condition on the cluster
)

each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
each_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


def _by_sid(env: Environment, service: Service) -> dict[str, Statement]:
    found = statements(env, service)
    assert len({statement.sid for statement in found}) == len(found)
    return {statement.sid: statement for statement in found}


@each_environment
@each_service
def test_no_service_may_do_everything(environment: str, service: Service) -> None:
    env = load(PROJECT, environment, personal=False).environment
    for statement in statements(env, service):
        assert statement.actions
        assert all(re.fullmatch(r"[a-z0-9]+:[A-Z]\w+", action) for action in statement.actions)
        if any(resource.text == '"*"' for resource in statement.resources):
            assert all(WITHOUT_RESOURCES.fullmatch(action) for action in statement.actions), statement.sid


@each_service
def test_a_service_reaches_its_own_queues_only(staging: Environment, service: Service) -> None:
    found = _by_sid(staging, service)
    received = [r.text for s in found.values() if "sqs:ReceiveMessage" in s.actions for r in s.resources]
    sent = [r.text for s in found.values() if "sqs:SendMessage" in s.actions for r in s.resources]
    assert received == ([f'aws_sqs_queue.this["{service.consumes.name}"].arn'] if service.consumes else [])
    wanted = [f'aws_sqs_queue.this["{queue.name}"].arn' for queue in service.sends]
    if service.stage:
        assert service.consumes
        wanted.append(f'aws_sqs_queue.dead_letter["{service.consumes.name}"].arn')
    assert sent == wanted


@each_service
def test_a_service_mounts_its_own_volumes_only(staging: Environment, service: Service) -> None:
    points = [
        point
        for statement in statements(staging, service)
        if "elasticfilesystem:ClientMount" in statement.actions
        for point in (statement.condition.values if statement.condition else ["anything"])
    ]
    wanted = [f'module.shared_storage.access_point_arns["{volume.name}"]' for volume, _ in service.mounts]
    assert [getattr(point, "text", point) for point in points] == wanted


@each_service
def test_only_services_with_buckets_reach_s3(staging: Environment, service: Service) -> None:
    found = [s for s in statements(staging, service) if any(action.startswith("s3:") for action in s.actions)]
    named = {name for s in found for r in s.resources for name in re.findall(r'bucket_arns\["(\w+)"\]', r.text)}
    assert named == {bucket.name for bucket, _ in service.buckets}


def test_a_bucket_that_is_only_read_can_not_be_written(staging: Environment) -> None:
    reader = Service(
        "api", "Reads the archive", "api", ("python",), API.health_check, buckets=((ARCHIVE, Access.READ),)
    )
    found = _by_sid(staging, reader)
    assert found["ObjectsArchive"].actions == READ_OBJECTS
    assert not [a for s in found.values() for a in s.actions if re.search("Put|Delete|Abort", a)]


def test_a_volume_that_is_only_read_can_not_be_written(staging: Environment) -> None:
    (models,) = [volume for volume, _ in TRANSCRIPTION.mounts if volume.name == "models"]
    reader = Service("api", "Reads models", "api", ("python",), API.health_check, mounts=((models, Access.READ),))
    assert _by_sid(staging, reader)["MountModels"].actions == ("elasticfilesystem:ClientMount",)


@each_service
def test_keys_are_those_of_what_the_service_touches(staging: Environment, service: Service) -> None:
    keys = [r.text for s in statements(staging, service) if "kms:Decrypt" in s.actions for r in s.resources]
    wanted = ["secrets"] if service.database else []
    wanted += ["messages"] if service.consumes or service.sends else []
    wanted += ["storage"] if service.buckets else []
    assert keys == [f'aws_kms_key.this["{name}"].arn' for name in wanted]


def test_only_queue_workers_protect_their_task_from_scale_in(staging: Environment) -> None:
    protecting = {service for service in SERVICES if "ProtectTask" in _by_sid(staging, service)}
    assert protecting == {AUDIO_EXTRACTION, TRANSCRIPTION, MUSIC_TERMS}
    assert "ProtectTask" not in _by_sid(staging, ORCHESTRATOR)


def test_a_shell_in_a_container_needs_the_configurations_leave() -> None:
    for environment, wanted in (("staging", {"api"}), ("production", set())):
        env = load(PROJECT, environment, personal=False).environment
        assert {s.name for s in SERVICES if "ExecChannels" in _by_sid(env, s)} == wanted


@each_environment
@each_service
def test_the_rendered_policy_is_the_derived_one(environment: str, service: Service) -> None:
    env = load(PROJECT, environment, personal=False).environment
    documents = dict(_documents(environment, "41-iam-services.tf"))
    rendered = documents[f"task_{service.name.replace('-', '_')}"]["statement"]
    assert [
        (unquoted(s["sid"]), [unquoted(a) for a in s["actions"]], [_bare(r) for r in s["resources"]]) for s in rendered
    ] == [(s.sid, list(s.actions), [_bare(r.text) for r in s.resources]) for s in statements(env, service)]
    assert [[_bare(v) for c in s.get("condition", []) for v in c["values"]] for s in rendered] == [
        [_bare(v.text if isinstance(v, Expression) else v) for v in (s.condition.values if s.condition else ())]
        for s in statements(env, service)
    ]


def _documents(environment: str, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for block in parsed(environment, path).get("data", []):
        for name, body in block.get('"aws_iam_policy_document"', {}).items():
            yield unquoted(name), body


def _bare(text: str) -> str:
    """Return an expression without the wrapping that python-hcl2 gives to what is not a string."""
    return text.removeprefix("${").removesuffix("}") if re.fullmatch(r"\$\{[^{}]*\}", text) else text


@pytest.mark.parametrize("root", ROOTS)
def test_no_policy_in_the_tree_allows_everything(root: str) -> None:
    folder = PROJECT / "terraform" / root
    for path in sorted(folder.rglob("*.tf")):
        for name, body in _documents(root, path.relative_to(folder).as_posix()):
            for statement in _statements(body):
                if unquoted(statement.get("effect", "Allow")) == "Deny" or _of_key(statement):
                    continue
                actions, resources = _list(statement, "actions"), _list(statement, "resources")
                assert not [action for action in actions if "*" in action], f"{path.name}: {name}"
                named = "*" not in resources or all(WITHOUT_RESOURCES.fullmatch(action) for action in actions)
                assert named, f"{path.name}: {name}: {actions}"


def _statements(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from document.get("statement", [])
    for dynamic in document.get("dynamic", []):
        yield from dynamic.get('"statement"', {}).get("content", [])


def _list(statement: dict[str, Any], name: str) -> list[str]:
    found = statement.get(name, [])
    return [unquoted(item) for item in found] if isinstance(found, list) else [found]


def _of_key(statement: dict[str, Any]) -> bool:
    """Whether it belongs to a key's own policy, where "*" is that key and ``kms:*`` leaves it to the account."""
    return bool(statement.get("principals")) and all('"kms:' in action for action in statement["actions"])
