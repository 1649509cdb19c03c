"""What the prover is asked about, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from thoth_infra.config.environment import Environment
from thoth_infra.contract import scaling
from thoth_infra.review.scaling.policies import ServiceScaling, Tree


class Severity(StrEnum):
    """Whether a finding fails the check or is only said."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class StageLoad:
    """What a stage has to do: jobs per hour on average and in the busiest hour, seconds of work, of a long job too."""

    jobs_per_hour: float
    busiest_hour: float
    work_seconds: float
    long_seconds: float


@dataclass(frozen=True)
class Case:
    """An environment, its rendered tree, and where they are known the load by service and the longest wait wanted."""

    env: Environment
    tree: Tree
    load: Mapping[str, StageLoad] | None = None
    slo_minutes: float | None = None


@dataclass(frozen=True)
class Found:
    """What a rule finds: ``key`` is the configuration key to mend, ``place`` file and line where it is no key."""

    what: str
    mend: str
    key: str = ""
    place: str = ""
    severity: Severity = Severity.ERROR


@dataclass(frozen=True)
class Finding:
    """What does not hold, for a person: the rule, the key with file and line, what happens, what mends it."""

    rule: str
    severity: Severity
    key: str
    place: str
    what: str
    mend: str


@dataclass(frozen=True)
class Rule:
    """A rule by its id, what it wants to hold, and what finds where it does not."""

    id: str
    holds: str
    find: Callable[[Case], Iterator[Found]]


ServiceRule: TypeAlias = Callable[[Case, ServiceScaling], Iterator[Found]]


def of_each(find: ServiceRule) -> Callable[[Case], Iterator[Found]]:
    """Ask a rule about one service for each of them."""

    def found(case: Case) -> Iterator[Found]:
        for service in case.tree.services.values():
            yield from find(case, service)

    return found


def key(service: ServiceScaling, name: str) -> str:
    """Return a configuration key of a service."""
    return f"services.{service.service.replace('-', '_')}.{name}"


def ready_seconds(service: ServiceScaling) -> tuple[float, float]:
    """Return the least and the most seconds from a wanted task to a worker that is ready, a host's boot included."""
    if not service.gpu_host:
        return scaling.FARGATE_TASK_START.least, scaling.FARGATE_TASK_START.most
    boot, start = scaling.GPU_HOST_BOOT, scaling.GPU_TASK_START
    return boot.least + start.least, boot.most + start.most


def shown(seconds: float) -> str:
    """Return a duration as a person says it."""
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds:.3g} seconds"
