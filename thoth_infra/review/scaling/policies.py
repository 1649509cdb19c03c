"""What a rendered tree says of one environment's scaling: bounds, alarms, policies, schedule, pools, queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from thoth_infra.review.scaling.alarms import Alarm, State
from thoth_infra.review.scaling.hcl import Block
from thoth_infra.review.scaling.metric_math import Series

Role: TypeAlias = Literal["visible", "inflight", "tasks", "unknown"]


@dataclass(frozen=True)
class Source:
    """A block of the tree: its file, its line, and those of its attributes."""

    file: str
    block: Block = field(repr=False, compare=False)

    def place(self, attribute: str = "") -> str:
        """Return file and line of an attribute, or of the block where it is not given."""
        return f"{self.file}:{self.block.line_of(attribute)}"


@dataclass(frozen=True)
class Reading:
    """What metrics stand behind the ids of an expression: of this queue and service, or of nothing that is emitted."""

    roles: Mapping[str, Role]

    def series(self, data: Mapping[str, Series]) -> dict[str, Series]:
        """Return ``data`` (by role) by the expression's ids; what nobody emits has no values."""
        return {id_: data.get(role, {}) for id_, role in self.roles.items()}


@dataclass(frozen=True)
class Step:
    """A step policy and the alarm that calls it; ``steps`` are lower and upper bound (None: without) and adjustment."""

    name: str
    alarm: Alarm
    reading: Reading
    adjustment: str
    steps: tuple[tuple[float | None, float | None, int], ...]
    cooldown: float
    policy: Source
    watcher: Source

    @property
    def outwards(self) -> bool:
        """Whether the alarm looks for much (and the policy adds), not for little."""
        return self.alarm.comparison.startswith("Greater")

    def state(self, data: Mapping[str, Series], until: int, before: State = "OK") -> State:
        """Return the alarm's state after minute ``until``, given series by role."""
        return self.alarm.state(self.reading.series(data), until, before)

    def desired(self, value: float, now: int) -> int:
        """Return the tasks asked for when the alarm's metric is ``value``; ``now`` where no step fits."""
        above = value - self.alarm.threshold
        for lower, upper, change in self.steps:
            if (lower is None or above >= lower) and (upper is None or above < upper or (above == upper <= 0)):
                return change if self.adjustment == "ExactCapacity" else now + change
        return now


@dataclass(frozen=True)
class Tracking:
    """Target tracking of an expression."""

    expression: str
    reading: Reading
    target: float
    scales_in: bool
    cooldown: float
    source: Source


@dataclass(frozen=True)
class Bounds:
    """Least and most tasks, and where that is said; ``cron`` and ``time_zone`` of a scheduled action, else empty."""

    least: int
    most: int
    source: Source
    name: str = ""
    cron: str = ""
    time_zone: str = ""


@dataclass(frozen=True)
class ServiceScaling:
    """How one queue worker scales."""

    service: str
    queue: str
    gpu_host: bool
    capacity: tuple[tuple[str, int, int], ...]
    """Capacity provider, base and weight."""
    bounds: Bounds | None
    steps: tuple[Step, ...]
    tracking: tuple[Tracking, ...]
    scheduled: tuple[Bounds, ...]
    heartbeat: float
    """Seconds between two of the worker's prolongations of a message."""

    @property
    def wakes(self) -> tuple[Step, ...]:
        """Policies that add."""
        return tuple(step for step in self.steps if step.outwards)

    @property
    def sleeps(self) -> tuple[Step, ...]:
        """Policies that take away."""
        return tuple(step for step in self.steps if not step.outwards)


@dataclass(frozen=True)
class Provider:
    """How a GPU pool's capacity providers move their autoscaling groups."""

    managed: bool
    target: int
    most_step: int
    warmup: float
    source: Source


@dataclass(frozen=True)
class Tree:
    """All of it: services by name, the pools' provider, each queue's visibility time-out with its place."""

    services: Mapping[str, ServiceScaling]
    provider: Provider | None
    visibility: Mapping[str, tuple[int, str]]
