"""What the rendered task definitions give the containers is what the contract says, no more and no less."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import Any

import pytest

from tests.render.support import ENVIRONMENTS, PROJECT, parsed, unquoted
from thoth_infra.config.load import load
from thoth_infra.contract.queues import QUEUES
from thoth_infra.contract.services import DATABASE_SECRET, SECRETS, SERVICES, Service
from thoth_infra.contract.storage import BUCKETS, VOLUMES, Access, Volume
from thoth_infra.contract.variables import (
    BucketName,
    Constant,
    DatabaseField,
    MountPath,
    PublicUrl,
    QueueUrl,
    SecretArn,
    SecretField,
    Setting,
)

pytestmark = [
    pytest.mark.parametrize("environment", ENVIRONMENTS),
    pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name),
]


def _tfvars(environment: str, service: Service) -> dict[str, Any]:
    rendered: dict[str, Any] = _keys(parsed(environment, f"{environment}.auto.tfvars")["services"])
    return rendered[service.name]  # type: ignore[no-any-return]


def _local(environment: str, name: str, service: Service) -> dict[str, Any]:
    (body,) = [part for part in parsed(environment, "03-locals.tf")["locals"] if name in part]
    return _keys(_keys(body[name])[service.name])


def _keys(data: dict[str, Any]) -> dict[str, Any]:
    return {unquoted(key): value for key, value in data.items() if not key.startswith("__")}


def _public_url(plain: dict[str, Any], references: dict[str, Any]) -> str:
    """Return the page's address: in clear where there is a domain, else a reference."""
    return unquoted(plain["PUBLIC_URL"] if "PUBLIC_URL" in plain else references["PUBLIC_URL"])


def test_the_containers_get_exactly_their_variables(environment: str, service: Service) -> None:
    plain = set(_keys(_tfvars(environment, service)["environment"]))
    references = set(_local(environment, "service_references", service))
    assert not plain & references
    assert plain | references == {variable.name for variable in service.environment}


def test_every_variable_holds_what_the_contract_says(environment: str, service: Service) -> None:
    env = load(PROJECT, environment, personal=False).environment
    plain = _keys(_tfvars(environment, service)["environment"])
    references = _local(environment, "service_references", service)
    for variable in service.environment:
        match variable.source:
            case Constant(value) | MountPath(Volume(path=value)):
                assert plain[variable.name] == f'"{value}"'
            case PublicUrl():
                assert _public_url(plain, references) == (
                    f"https://{env.domain.name}" if env.domain else "http://${aws_lb.this.dns_name}"
                )
            case Setting(key):
                setting = str(attrgetter(key)(env))
                wanted = {"True": "true", "False": "false"}.get(setting, setting)
                assert plain[variable.name] == f'"{wanted}"'
            case QueueUrl(queue, dead_letter):
                kind = "dead_letter" if dead_letter else "this"
                assert references[variable.name] == f'${{aws_sqs_queue.{kind}["{queue.name}"].url}}'
            case BucketName(bucket):
                assert references[variable.name] == f'${{module.shared_storage.bucket_names["{bucket.name}"]}}'
            case DatabaseField(field):
                attribute = {"address": "address", "port": "port", "name": "db_name"}[field]
                assert re.search(rf"\baws_db_instance\.this\.{attribute}\b", references[variable.name])
            case SecretArn(secret):
                assert secret == DATABASE_SECRET
                assert references[variable.name] == "${aws_db_instance.this.master_user_secret[0].secret_arn}"
            case SecretField():
                pytest.fail(f"{variable.name} is in clear")


def test_secrets_come_from_secrets_manager(environment: str, service: Service) -> None:
    rendered = _local(environment, "service_secrets", service)
    assert set(rendered) == {variable.name for variable in service.secrets}
    for variable in service.secrets:
        assert isinstance(variable.source, SecretField)
        secret = variable.source.secret
        own = f'aws_secretsmanager_secret.this["{secret}"].arn'
        arn = "aws_db_instance.this.master_user_secret[0].secret_arn" if secret == DATABASE_SECRET else own
        # ARN:JSON key:version stage:version id, as ECS reads it
        assert unquoted(rendered[variable.name]) == f"${{{arn}}}:{variable.source.field}::"


def test_mounts_are_the_services_own(environment: str, service: Service) -> None:
    rendered = _keys(_tfvars(environment, service)["mounts"])
    assert {name: unquoted(mount["path"]) for name, mount in rendered.items()} == {
        volume.name: volume.path for volume, _ in service.mounts
    }
    for volume, access in service.mounts:
        assert rendered[volume.name]["read_only"] is (access is Access.READ)


def test_port_queue_command_and_health_check_follow_the_contract(environment: str, service: Service) -> None:
    rendered = _tfvars(environment, service)
    assert rendered["port"] == service.port
    queue = rendered["queue"] and unquoted(rendered["queue"])
    assert queue == (service.consumes.name if service.consumes else None)
    assert [unquoted(part) for part in rendered["command"]] == list(service.command)
    assert [unquoted(part) for part in rendered["health_check"]["command"]] == list(service.health_check.command)
    assert rendered["gpus"] == (1 if service.gpu else 0)


def test_everything_that_a_service_refers_to_is_made(environment: str, service: Service) -> None:
    tfvars = parsed(environment, f"{environment}.auto.tfvars")
    assert set(_keys(tfvars["queues"])) == {queue.name for queue in QUEUES}
    assert set(_keys(tfvars["buckets"])) == {bucket.name for bucket in BUCKETS}
    assert set(_keys(tfvars["volumes"])) == {volume.name for volume in VOLUMES}
    secrets = {name: [unquoted(f) for f in fields] for name, fields in _keys(tfvars["secrets"]).items()}
    assert secrets == {secret.name: list(secret.fields) for secret in SECRETS}
