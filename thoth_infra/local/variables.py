"""The variables of a service's container where it is a process on this machine. Pure.

The same contract that fills the rendered task definitions: a variable that is missing here is missing there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from thoth_infra.config.environment import Environment
from thoth_infra.contract.services import Service
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
    Variable,
)
from thoth_infra.render.variables import plain


@dataclass(frozen=True)
class Places:
    """What stands for AWS's things here.

    ``queue_urls`` by queue name and whether it is the dead-letter queue, ``folders`` by volume, ``buckets`` by the
    contract's name, ``secrets`` by secret and field.
    """

    queue_urls: Mapping[tuple[str, bool], str]
    folders: Mapping[str, Path]
    buckets: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[tuple[str, str], str] = field(default_factory=dict)


def variables(env: Environment, service: Service, places: Places, overrides: Mapping[str, str]) -> dict[str, str]:
    """Return a service's variables; of ``overrides`` those that are its own replace what the environment says."""
    values = {variable.name: _value(env, variable, places) for variable in service.variables}
    return {**values, **{name: value for name, value in overrides.items() if name in values}}


def _value(env: Environment, variable: Variable, places: Places) -> str:
    match variable.source:
        case QueueUrl(queue, dead_letter):
            return places.queue_urls[queue.name, dead_letter]
        case MountPath(volume):
            return str(places.folders[volume.name])
        case BucketName(bucket):
            return places.buckets[bucket.name]
        case SecretField(secret, key):
            return places.secrets[secret, key]
        case DatabaseField() | SecretArn():
            raise ValueError(f"{variable.name}: there is no RDS on one machine")
        case Setting() | Constant() | PublicUrl():
            return plain(env, variable) or ""
    assert_never(variable.source)
