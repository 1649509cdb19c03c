"""IAM statements of the task roles: what each service's own code may call, derived from the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from thoth_infra.config.environment import Environment
from thoth_infra.contract.calls import JOBS_PREFIX
from thoth_infra.contract.services import Service
from thoth_infra.contract.storage import Access
from thoth_infra.render.hcl import Expression


@dataclass(frozen=True)
class Condition:
    """A condition of a statement."""

    test: str
    variable: str
    values: tuple[str | Expression, ...]

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the HCL block."""
        return {"test": self.test, "variable": self.variable, "values": self.values}


@dataclass(frozen=True)
class Statement:
    """A statement of a policy; resources are HCL references."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[Expression, ...]
    condition: Condition | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the HCL block, without the condition, which is a block of its own."""
        return {"sid": self.sid, "actions": self.actions, "resources": self.resources}


RECEIVE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes")
SEND = ("sqs:SendMessage",)
READ_OBJECTS = ("s3:GetObject",)
# Erasing a job (GDPR) removes every version of its objects; large uploads come in parts.
WRITE_OBJECTS = (
    *READ_OBJECTS, "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)  # fmt: skip
LIST_BUCKET = ("s3:ListBucket", "s3:ListBucketVersions")
MOUNT = ("elasticfilesystem:ClientMount",)
MOUNT_AND_WRITE = (*MOUNT, "elasticfilesystem:ClientWrite")
EXEC = (
    "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
)  # fmt: skip

# The secret of RDS's own making.
DATABASE_SECRET_ARN = "aws_db_instance.this.master_user_secret[0].secret_arn"  # noqa: S105 - a reference


def statements(env: Environment, service: Service) -> tuple[Statement, ...]:
    """Return the statements of a service's task role."""
    parts = (
        _queues(service), _buckets(service), _volumes(service), _database(service), _keys(service),
        _tasks(env, service),
    )  # fmt: skip
    return tuple(statement for part in parts for statement in part)


def _queues(service: Service) -> Iterator[Statement]:
    if service.consumes:
        name = service.consumes.name
        yield Statement("ReceiveWork", RECEIVE, (Expression(f'aws_sqs_queue.this["{name}"].arn'),))
    targets = [Expression(f'aws_sqs_queue.this["{queue.name}"].arn') for queue in service.sends]
    if service.stage and service.consumes:
        # A poison message goes straight to the worker's own dead-letter queue.
        targets.append(Expression(f'aws_sqs_queue.dead_letter["{service.consumes.name}"].arn'))
    if targets:
        # Whoever asks for stages keeps their queues' metrics alive by looking at them.
        actions = SEND if service.stage else (*SEND, "sqs:GetQueueAttributes")
        yield Statement("SendMessages", actions, tuple(targets))


def _buckets(service: Service) -> Iterator[Statement]:
    for bucket, access in service.buckets:
        arn = f'module.shared_storage.bucket_arns["{bucket.name}"]'
        title = bucket.name.title()
        actions = WRITE_OBJECTS if access is Access.WRITE else READ_OBJECTS
        yield Statement(f"Objects{title}", actions, (Expression(f'"${{{arn}}}/{JOBS_PREFIX}*"'),))
        yield Statement(f"List{title}", LIST_BUCKET, (Expression(arn),))


def _volumes(service: Service) -> Iterator[Statement]:
    for volume, access in service.mounts:
        point = Expression(f'module.shared_storage.access_point_arns["{volume.name}"]')
        yield Statement(
            f"Mount{volume.name.title()}",
            MOUNT_AND_WRITE if access is Access.WRITE else MOUNT,
            (Expression("module.shared_storage.file_system_arn"),),
            Condition("StringEquals", "elasticfilesystem:AccessPointArn", (point,)),
        )


def _database(service: Service) -> Iterator[Statement]:
    if service.database:
        yield Statement("ReadPassword", ("secretsmanager:GetSecretValue",), (Expression(DATABASE_SECRET_ARN),))
        yield Statement("DecryptPassword", ("kms:Decrypt",), (Expression('aws_kms_key.this["secrets"].arn'),))


def _keys(service: Service) -> Iterator[Statement]:
    used = ["messages"] if service.consumes or service.sends else []
    used += ["storage"] if service.buckets else []
    if used:
        keys = tuple(Expression(f'aws_kms_key.this["{name}"].arn') for name in used)
        yield Statement("UseKeys", ("kms:Decrypt", "kms:GenerateDataKey"), keys)


def _tasks(env: Environment, service: Service) -> Iterator[Statement]:
    if service.stage:
        cluster = "${local.prefix}"
        arn = f'"arn:${{local.partition}}:ecs:${{var.region}}:${{var.account_id}}:task/{cluster}/*"'
        yield Statement("ProtectTask", ("ecs:GetTaskProtection", "ecs:UpdateTaskProtection"), (Expression(arn),))
    if env.services.by_name()[service.name].exec_enabled:
        # The session channels of `thoth-infra exec`; these actions know no resources.
        yield Statement("ExecChannels", EXEC, (Expression('"*"'),))
