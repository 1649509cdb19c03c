"""Environment variables of the containers, each with the place that its value comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from thoth_infra.contract.queues import Queue
from thoth_infra.contract.storage import Bucket, Volume


@dataclass(frozen=True)
class Setting:
    """A value of the environment's configuration, by its dotted key."""

    key: str


@dataclass(frozen=True)
class Constant:
    """The same value in every environment."""

    value: str


@dataclass(frozen=True)
class QueueUrl:
    """The URL of a work queue, or of its dead-letter queue."""

    queue: Queue
    dead_letter: bool = False


@dataclass(frozen=True)
class BucketName:
    """The full name of a bucket."""

    bucket: Bucket


@dataclass(frozen=True)
class MountPath:
    """Where a volume is mounted."""

    volume: Volume


@dataclass(frozen=True)
class DatabaseField:
    """A property of the RDS instance: ``address``, ``port`` or ``name``."""

    field: str


@dataclass(frozen=True)
class SecretField:
    """One key of a JSON secret in Secrets Manager, put into the container by ECS."""

    secret: str
    field: str


@dataclass(frozen=True)
class SecretArn:
    """The ARN of a secret that the service's own code reads."""

    secret: str


@dataclass(frozen=True)
class PublicUrl:
    """Address of the web page: the domain's, or the load balancer's own name where there is no domain."""


Source: TypeAlias = (
    Setting | Constant | PublicUrl | QueueUrl | BucketName | MountPath | DatabaseField | SecretField | SecretArn
)


@dataclass(frozen=True)
class Variable:
    """One environment variable of a container."""

    name: str
    source: Source
    description: str

    @property
    def secret(self) -> bool:
        """Whether ECS reads the value from Secrets Manager instead of the task definition."""
        return isinstance(self.source, SecretField)
