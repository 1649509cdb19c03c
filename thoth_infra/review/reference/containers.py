"""docs/reference/containers.md: what each container reads, writes and is given, by the contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from thoth_infra.config.sources import ENV_KEYS
from thoth_infra.contract import queues, services, storage
from thoth_infra.contract import variables as v
from thoth_infra.review.reference.markdown import code, literal, page, table

_INTRODUCTION: Final = """\
What infrastructure and workers agree on; `thoth_infra/contract` says it once, and task definitions,
permissions and rules follow from it. A value *of configuration* is a key of `environments/<env>.yaml`
([configuration](../configuration.md)); a *secret* is put into the container by ECS and stands in no task
definition.
"""
_QUEUES: Final = """\
Full names are `<project>-<environment>-<queue>`. Beside each stands its dead-letter queue, with `-dlq` at the
end. Message formats: [messages.schema.json](../messages.schema.json).
"""
_DOTENV: Final = """\
`.env.<env>` on your machine may set these keys; a variable of the process with `THOTH_` before the name wins
over it. Any other key is set as `THOTH_` and its path, with two underscores between the parts:
`THOTH_NETWORK__NAT` is `network.nat`.
"""


def document() -> str:
    """Return the text of the page."""
    return page(
        "Containers, variables and queues",
        _INTRODUCTION,
        "## Queues",
        _QUEUES,
        table(("queue", "holds", "sent by", "received by"), _queue_rows()),
        "## Files",
        table(("volume", "mounted at", "holds"), _volume_rows()),
        table(("bucket", "holds"), ((code(bucket.name), bucket.description) for bucket in storage.BUCKETS)),
        "## Secrets",
        table(("secret", "fields", "holds"), _secret_rows()),
        "## Services",
        *(part for service in services.SERVICES for part in _service(service)),
        "### Without RDS",
        f"Where `database.engine` is `sqlite`, no orchestrator runs: {services.API_ALONE.name} does its work, with",
        table(_VARIABLE, (_variable(o) for o in services.API_ALONE.variables if o not in services.API.variables)),
        "## Variables of your own machine",
        _DOTENV,
        table(("variable in `.env.<env>`", "key"), ((code(name), code(key)) for name, key in ENV_KEYS.items())),
    )


def _queue_rows() -> Iterator[tuple[str, ...]]:
    for queue in queues.QUEUES:
        senders = ", ".join(code(s.name) for s in services.SERVICES if queue in s.sends)
        receivers = ", ".join(code(s.name) for s in services.SERVICES if s.consumes == queue)
        yield code(queue.name), queue.description, senders, receivers


def _volume_rows() -> Iterator[tuple[str, ...]]:
    yield from ((code(volume.name), code(volume.path), literal(volume.description)) for volume in storage.VOLUMES)


def _secret_rows() -> Iterator[tuple[str, ...]]:
    for secret in services.SECRETS:
        yield code(secret.name), ", ".join(map(code, secret.fields)), f"{secret.description}. An operator fills it."
    yield code(services.DATABASE_SECRET), "`username`, `password`", "The database's owner. RDS makes and rotates it."


_VARIABLE: Final = ("variable", "value", "meaning")


def _service(service: services.Service) -> Iterator[str]:
    yield f"### {service.name}"
    yield f"{literal(service.description)}."
    yield table(("what", "value"), ((what, value) for what, value in _facts(service) if value))
    yield table(_VARIABLE, (_variable(variable) for variable in service.variables))


def _facts(service: services.Service) -> Iterator[tuple[str, str]]:
    check = service.health_check
    yield "image", code(service.image)
    yield "command", code(" ".join(service.command))
    yield (
        "health check",
        f"{code(' '.join(check.command))} every {check.interval} s, at most {check.timeout} s; "
        f"unhealthy after {check.retries} in a row; failures of the first {check.start_period} s don't count",
    )
    yield "port", code(str(service.port)) if service.port else ""
    yield "receives from", code(service.consumes.name) if service.consumes else ""
    yield "sends to", ", ".join(code(queue.name) for queue in service.sends)
    yield "volumes", ", ".join(f"{code(volume.path)} ({access.value})" for volume, access in service.mounts)
    yield "buckets", ", ".join(f"{code(bucket.name)} ({access.value})" for bucket, access in service.buckets)
    yield "database", "yes" if service.database else ""
    yield "GPU", "yes" if service.gpu else ""


def _variable(variable: v.Variable) -> tuple[str, ...]:
    return code(variable.name), _source(variable.source), literal(variable.description)


def _source(source: v.Source) -> str:
    match source:
        case v.Setting(key):
            return f"of configuration: {code(key)}"
        case v.Constant(value):
            return code(value)
        case v.QueueUrl(queue, dead_letter):
            return f"URL of {code(queue.name + '-dlq' * dead_letter)}"
        case v.BucketName(bucket):
            return f"name of the bucket {code(bucket.name)}"
        case v.MountPath(volume):
            return code(volume.path)
        case v.DatabaseField(field):
            return f"{field} of the database"
        case v.SecretField(secret, field):
            return f"secret {code(secret)}, field {code(field)}"
        case v.SecretArn(secret):
            return f"ARN of the secret {code(secret)}"
        case v.PublicUrl():
            return "address of the web page"
