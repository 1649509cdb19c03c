"""The contract agrees with itself and with every environment."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path

import pytest

import thoth_infra.contract
from tests.render.support import ENVIRONMENTS, PROJECT
from thoth_infra.config.environment import Services
from thoth_infra.config.load import load
from thoth_infra.contract import metrics, network
from thoth_infra.contract.queues import QUEUES, RESULTS, STAGE_QUEUES, Stage
from thoth_infra.contract.services import (
    BY_NAME,
    DATABASE_SECRET,
    IMAGES,
    ORCHESTRATOR,
    SECRETS,
    SERVICES,
    Service,
)
from thoth_infra.contract.storage import BUCKETS, VOLUMES
from thoth_infra.contract.variables import BucketName, DatabaseField, MountPath, QueueUrl, SecretField, Setting

each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)


def repeated(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once."""
    return [name for name, count in Counter(names).items() if count > 1]


@pytest.mark.parametrize("things", [QUEUES, VOLUMES, BUCKETS, SERVICES, SECRETS, metrics.METRICS])
def test_names_are_unique_and_fit_into_names_of_aws(things: tuple[Service, ...]) -> None:
    names = [thing.name for thing in things]
    assert not repeated(names)
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z-]*", name) for name in names)


def test_mount_paths_are_folders_of_their_own() -> None:
    paths = [volume.path for volume in VOLUMES]
    assert not repeated(paths)
    assert not [(a, b) for a in paths for b in paths if a != b and b.startswith(f"{a}/")]


@each_service
def test_no_variable_is_given_twice(service: Service) -> None:
    names = [variable.name for variable in service.variables]
    assert not repeated(names)
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*", name) for name in names)


@each_service
def test_every_variable_is_described(service: Service) -> None:
    assert all(variable.description for variable in service.variables)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_setting_is_a_value_of_every_environment(environment: str) -> None:
    env = load(PROJECT, environment, personal=False).environment
    for service in SERVICES:
        for variable in service.variables:
            if isinstance(variable.source, Setting):
                value = attrgetter(variable.source.key)(env)
                assert isinstance(value, str | int | float), f"{service.name}: {variable.name}"


def test_every_service_of_the_contract_is_configured_and_no_other() -> None:
    assert {name.replace("_", "-") for name in Services.model_fields} == set(BY_NAME)


@each_service
def test_what_a_variable_names_is_what_the_service_uses(service: Service) -> None:
    # The mismatches that broke the earlier system: a variable without its mount, bucket, queue or database.
    for variable in service.variables:
        match variable.source:
            case MountPath(volume):
                assert volume in [mounted for mounted, _ in service.mounts], variable.name
            case BucketName(bucket):
                assert bucket in [used for used, _ in service.buckets], variable.name
            case QueueUrl(queue, dead_letter):
                reachable = (service.consumes,) if dead_letter else (service.consumes, *service.sends)
                assert queue in reachable, variable.name
            case DatabaseField(field):
                assert service.database, variable.name
                assert field in {"address", "port", "name"}
            case SecretField(secret, _) if secret == DATABASE_SECRET:
                assert service.database, variable.name


@each_service
def test_what_a_service_uses_it_is_told_of(service: Service) -> None:
    sources = [variable.source for variable in service.variables]
    queues = {source.queue for source in sources if isinstance(source, QueueUrl) and not source.dead_letter}
    assert queues == {queue for queue in (service.consumes, *service.sends) if queue}
    assert {s.volume for s in sources if isinstance(s, MountPath)} == {volume for volume, _ in service.mounts}
    assert {s.bucket for s in sources if isinstance(s, BucketName)} == {bucket for bucket, _ in service.buckets}
    assert any(isinstance(source, DatabaseField) for source in sources) == service.database


@each_service
def test_every_secret_field_is_declared(service: Service) -> None:
    declared = {secret.name: set(secret.fields) for secret in SECRETS}
    declared[DATABASE_SECRET] = {"username", "password"}
    for variable in service.secrets:
        assert isinstance(variable.source, SecretField)
        assert variable.source.field in declared[variable.source.secret], variable.name
    assert set(service.secret_names) <= {secret.name for secret in SECRETS}


def test_every_declared_secret_field_is_read() -> None:
    read = {v.source for service in SERVICES for v in service.secrets}
    assert {SecretField(secret.name, field) for secret in SECRETS for field in secret.fields} <= read


@pytest.mark.parametrize("queue", QUEUES, ids=lambda queue: queue.name)
def test_every_queue_has_one_reader_and_at_least_one_writer(queue: object) -> None:
    assert len([service for service in SERVICES if service.consumes is queue]) == 1
    assert [service for service in SERVICES if queue in service.sends]


def test_every_stage_has_its_worker_and_its_queue() -> None:
    workers = {service.stage: service for service in SERVICES if service.stage}
    assert set(workers) == set(Stage) == set(STAGE_QUEUES)
    for stage, worker in workers.items():
        assert worker.consumes is STAGE_QUEUES[stage]
        assert worker.sends == (RESULTS,)
        assert stage.value == worker.name
    assert set(ORCHESTRATOR.sends) == set(STAGE_QUEUES.values())


@each_service
def test_health_checks_and_commands_are_python_of_the_image(service: Service) -> None:
    for command in (service.command, service.health_check.command):
        assert command[:2] == ("python", "-m")
        assert command[2].startswith("workers.")
    check = service.health_check
    # The limits of ECS.
    assert 5 <= check.interval <= 300
    assert 2 <= check.timeout <= 60
    assert 1 <= check.retries <= 10
    assert 0 <= check.start_period <= 300
    assert check.timeout < check.interval


@each_service
def test_a_service_that_reports_metrics_knows_their_dimensions(service: Service) -> None:
    names = {variable.name for variable in service.variables}
    assert "SERVICE_NAME" in names
    assert ({"THOTH_ENVIRONMENT", "METRIC_NAMESPACE"} <= names) is bool(service.metrics)
    assert set(service.metrics) <= set(metrics.METRICS)
    assert metrics.DIMENSIONS == ("Environment", "Service")


def test_every_metric_is_reported_by_a_service() -> None:
    assert {metric for service in SERVICES for metric in service.metrics} == set(metrics.METRICS)


def test_images_are_listed_once() -> None:
    assert list(IMAGES) == list(dict.fromkeys(service.image for service in SERVICES))
    assert len(IMAGES) < len(SERVICES), "the orchestrator runs from the api's image"


@pytest.mark.parametrize("endpoints", [True, False])
def test_flows_run_between_known_groups_on_real_ports(endpoints: bool) -> None:
    groups = {network.ALB, network.DATABASE, network.FILES, *BY_NAME} | ({network.ENDPOINTS} if endpoints else set())
    flows = list(network.flows(SERVICES, endpoints))
    for flow in flows:
        assert {flow.source, flow.target} <= groups, flow
        assert flow.source != flow.target
        assert 0 < flow.port < 65536
        assert flow.reason
        # Characters that EC2 accepts in a rule's description.
        assert re.fullmatch(r"[a-zA-Z0-9. _:/()#,@\[\]+=&;{}!$*-]{1,255}", flow.reason)
    assert not repeated(flow.key for flow in flows)
    assert any(flow.target == network.ENDPOINTS for flow in flows) == endpoints


def test_nobody_reaches_a_queue_worker() -> None:
    assert {flow.target for flow in network.flows(SERVICES, True)} & set(BY_NAME) == {"api"}


def test_only_services_with_a_database_reach_it() -> None:
    reaching = {flow.source for flow in network.flows(SERVICES, True) if flow.target == network.DATABASE}
    assert reaching == {service.name for service in SERVICES if service.database}


def test_the_contract_imports_only_itself_and_the_standard_library() -> None:
    # A worker's image has nothing else.
    for path in Path(thoth_infra.contract.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                modules = [node.module or ""]
            for module in modules:
                standard = module.partition(".")[0] in sys.stdlib_module_names
                assert standard or module.startswith("thoth_infra.contract"), f"{path.name}: {module}"
