"""The AWS API calls that a service makes, derived from what it consumes, sends, mounts and stores.

Said once: the task roles are held to exactly these calls, and a worker that starts to call something else has to say
so here first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from thoth_infra.contract.queues import Queue
from thoth_infra.contract.services import DATABASE_SECRET, Service
from thoth_infra.contract.storage import Access, Bucket, Volume

# Start of every object's key in the buckets, as of every folder on EFS: jobs/<job_id>/….
JOBS_PREFIX = "jobs/"


class By(StrEnum):
    """Who sends the request, always with the service's own role."""

    CODE = "code"  # the service's Python, through boto3
    MOUNT = "mount"  # the EFS client; not a request that boto3 knows
    AWS = "aws"  # SQS, S3 and Secrets Manager, on the caller's behalf
    AGENT = "agent"  # the agents of ECS and Session Manager, inside the task or beside it


@dataclass(frozen=True)
class OnQueue:
    """A work queue, or its dead-letter queue."""

    queue: Queue
    dead_letter: bool = False


@dataclass(frozen=True)
class OnObjects:
    """The objects of jobs in a bucket."""

    bucket: Bucket


@dataclass(frozen=True)
class OnBucket:
    """A bucket itself."""

    bucket: Bucket


@dataclass(frozen=True)
class OnVolume:
    """The file system, through the access point of a volume."""

    volume: Volume


@dataclass(frozen=True)
class OnKey:
    """The KMS key of a purpose."""

    purpose: str


@dataclass(frozen=True)
class OnSecret:
    """A secret of the environment, by the contract's name."""

    name: str


@dataclass(frozen=True)
class OnImage:
    """The repository of an image."""

    name: str


@dataclass(frozen=True)
class OnLogs:
    """The log group of a service."""

    service: str


@dataclass(frozen=True)
class OnTask:
    """The running task itself."""


@dataclass(frozen=True)
class OnNothing:
    """An action that knows no resources."""


Target: TypeAlias = (
    OnQueue | OnObjects | OnBucket | OnVolume | OnKey | OnSecret | OnImage | OnLogs | OnTask | OnNothing
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One kind of request: boto3's ``service`` and its ``operation``, on what, and the IAM ``action`` that it needs."""

    service: str
    operation: str
    on: Target
    action: str
    by: By = By.CODE


# Operations whose IAM action has another name than they.
_S3_ACTIONS = {
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "HeadObject": "GetObject",
    "ListParts": "ListMultipartUploadParts",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
}
_RECEIVE = ("ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes")
_READ_OBJECTS = ("GetObject", "HeadObject")
# Large files are uploaded in parts, and such an upload is resumed.
_WRITE_OBJECTS = (
    "PutObject", "DeleteObject", "CreateMultipartUpload", "UploadPart", "ListParts", "CompleteMultipartUpload",
    "AbortMultipartUpload",
)  # fmt: skip
_EXEC = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")


def calls(service: Service, *, exec_enabled: bool = False) -> tuple[Call, ...]:
    """Return what is called with the service's task role; ``exec_enabled``: where operators may open a shell."""
    parts = (
        _queues(service), _buckets(service), _volumes(service), _database(service), _keys(service),
        _agents(service, exec_enabled),
    )  # fmt: skip
    return tuple(call for part in parts for call in part)


def start_calls(service: Service) -> tuple[Call, ...]:
    """Return what ECS calls with the service's execution role before the service's own code runs, and for its logs."""
    pull = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
    secrets = [*service.secret_names, *([DATABASE_SECRET] if service.database else [])]
    return (
        Call("ecr", "GetAuthorizationToken", OnNothing(), "ecr:GetAuthorizationToken", By.AGENT),
        *(Call("ecr", name, OnImage(service.image), f"ecr:{name}", By.AGENT) for name in pull),
        *(
            Call("logs", name, OnLogs(service.name), f"logs:{name}", By.AGENT)
            for name in ("CreateLogStream", "PutLogEvents")
        ),
        *(
            Call("secretsmanager", "GetSecretValue", OnSecret(name), "secretsmanager:GetSecretValue", By.AGENT)
            for name in secrets
        ),
        *([Call("kms", "Decrypt", OnKey("secrets"), "kms:Decrypt", By.AWS)] if secrets else []),
    )


def _queues(service: Service) -> Iterator[Call]:
    if service.consumes:
        yield from (Call("sqs", name, OnQueue(service.consumes), f"sqs:{name}") for name in _RECEIVE)
    targets = [OnQueue(queue) for queue in service.sends]
    if service.stage and service.consumes:
        # A poison message goes straight to the worker's own dead-letter queue.
        targets.append(OnQueue(service.consumes, dead_letter=True))
    yield from (Call("sqs", "SendMessage", target, "sqs:SendMessage") for target in targets)
    if not service.stage:
        # SQS stops its metrics for a queue that nobody has touched for six hours, and with them autoscaling's alarms.
        yield from (Call("sqs", "GetQueueAttributes", target, "sqs:GetQueueAttributes") for target in targets)


def _buckets(service: Service) -> Iterator[Call]:
    for bucket, access in service.buckets:
        names = _READ_OBJECTS + (_WRITE_OBJECTS if access is Access.WRITE else ())
        yield from (_s3(name, OnObjects(bucket)) for name in names)
        yield _s3("ListObjectsV2", OnBucket(bucket))
        if access is Access.WRITE:
            # Erasing a job (GDPR) finds and removes every version of its objects.
            yield _s3("ListObjectVersions", OnBucket(bucket))
            yield Call("s3", "DeleteObject", OnObjects(bucket), "s3:DeleteObjectVersion")


def _s3(operation: str, target: Target) -> Call:
    return Call("s3", operation, target, f"s3:{_S3_ACTIONS.get(operation, operation)}")


def _volumes(service: Service) -> Iterator[Call]:
    for volume, access in service.mounts:
        names = ("ClientMount", "ClientWrite") if access is Access.WRITE else ("ClientMount",)
        yield from (Call("efs", name, OnVolume(volume), f"elasticfilesystem:{name}", By.MOUNT) for name in names)


def _database(service: Service) -> Iterator[Call]:
    """RDS rotates its password every week, while tasks go on: whoever is refused reads it again."""
    if service.database:
        yield Call("secretsmanager", "GetSecretValue", OnSecret(DATABASE_SECRET), "secretsmanager:GetSecretValue")
        yield Call("kms", "Decrypt", OnKey("secrets"), "kms:Decrypt", By.AWS)


def _keys(service: Service) -> Iterator[Call]:
    """A sent message is encrypted with the caller's rights, a received one decrypted; objects likewise."""
    used = ["messages"] if service.consumes or service.sends else []
    used += ["storage"] if service.buckets else []
    for purpose in used:
        yield from (Call("kms", name, OnKey(purpose), f"kms:{name}", By.AWS) for name in ("Decrypt", "GenerateDataKey"))


def _agents(service: Service, exec_enabled: bool) -> Iterator[Call]:
    if service.stage:
        names = ("GetTaskProtection", "UpdateTaskProtection")
        yield from (Call("ecs", name, OnTask(), f"ecs:{name}", By.AGENT) for name in names)
    if exec_enabled:
        yield from (Call("ssmmessages", name, OnNothing(), f"ssmmessages:{name}", By.AGENT) for name in _EXEC)
