"""Compute: services, how each is launched and scaled, GPU pools, off-hours, time-outs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from thoth_infra.config import catalogue
from thoth_infra.config.section import Section, Violation
from thoth_infra.config.values import (
    AmiId,
    ClockTime,
    Dollars,
    ImageReference,
    NotNegative,
    OneOf,
    Percent,
    Positive,
    ProjectName,
    TimeZone,
)

InstanceTypeName = Annotated[str, OneOf("a known GPU instance type", tuple(catalogue.GPU_INSTANCE_TYPES))]
Weekday = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]


class Fargate(Section):
    """Runs on Fargate."""

    type: Literal["fargate"]
    cpu: Annotated[int, OneOf("a Fargate CPU size", tuple(catalogue.FARGATE_SIZES))]
    """CPU units; 1024 are one vCPU."""
    memory_mib: Positive
    """Task memory in MiB."""
    spot_percent: Annotated[int, Field(ge=0, le=100)] = 0
    """Share of tasks above the first that runs on Fargate Spot."""

    def violations(self) -> Iterator[Violation]:
        """Fargate offers certain pairs of CPU and memory only."""
        sizes = catalogue.FARGATE_SIZES[self.cpu]
        if self.memory_mib not in sizes:
            yield Violation(
                "memory_mib",
                f"Fargate has no task of {self.cpu} CPU units and {self.memory_mib} MiB",
                f"with {self.cpu} units use {catalogue.shown_sizes(sizes)} MiB",
            )


class Gpu(Section):
    """Runs on the instances of a GPU pool."""

    type: Literal["gpu"]
    pool: ProjectName
    """Name of the pool, a key of ``gpu_pools``."""
    gpus: Annotated[int, Field(ge=0, le=4)] = 1
    """GPUs that each task holds for itself; 0 shares the hosts without a GPU."""
    cpu: Annotated[int, Field(ge=128)]
    """CPU units; 1024 are one vCPU."""
    memory_mib: Annotated[int, Field(ge=256)]
    """Task memory in MiB."""


Launch: TypeAlias = Annotated[Fargate | Gpu, Field(discriminator="type")]


class FixedScaling(Section):
    """Always the same number of tasks."""

    kind: Literal["fixed"]
    tasks: NotNegative
    """Number of tasks."""

    @property
    def bounds(self) -> tuple[int, int]:
        """Fewest and most tasks."""
        return self.tasks, self.tasks


class _Bounded(Section):
    min: NotNegative
    """Fewest tasks."""
    max: Positive
    """Most tasks."""

    def violations(self) -> Iterator[Violation]:
        """The bounds are in order."""
        if self.min > self.max:
            yield Violation("min", f"min {self.min} is above max {self.max}", "lower min or raise max")

    @property
    def bounds(self) -> tuple[int, int]:
        """Fewest and most tasks."""
        return self.min, self.max


class CpuScaling(_Bounded):
    """Follows the service's CPU utilisation."""

    kind: Literal["cpu"]
    target_percent: Percent
    """Utilisation that autoscaling holds."""


class BacklogScaling(_Bounded):
    """Follows the queue: from zero at the first message, then a fixed backlog per task."""

    kind: Literal["backlog"]
    messages_per_task: Positive
    """Visible messages that one task is expected to take on."""
    scale_in_minutes: Annotated[int, Field(ge=1, le=120)] = 15
    """Minutes without visible or in-flight messages after which the service goes to its minimum."""


Scaling: TypeAlias = Annotated[FixedScaling | CpuScaling | BacklogScaling, Field(discriminator="kind")]


class ServiceConfig(Section):
    """One ECS service."""

    launch: Launch
    """Fargate, or a GPU pool."""
    scaling: Scaling
    """How the number of tasks is chosen."""
    image: ImageReference | None = None
    """Another image in place of Thoth's own, for instance somebody else's API."""
    exec_enabled: bool = False
    """Whether ``thoth-infra exec`` may open a shell in its containers."""


class OnDemand(Section):
    """The on-demand part of a pool: the base that spot can't take away."""

    base_tasks: NotNegative = 0
    """Tasks that always run on demand before spot gets its share."""
    max: NotNegative
    """Most on-demand instances."""


class Spot(Section):
    """The spot part of a pool; saves about 70 %."""

    enabled: bool
    """Whether spot instances are used at all."""
    max: NotNegative
    """Most spot instances."""
    weight_percent: Annotated[int, Field(ge=0, le=100)] = 80
    """Share of tasks above the base that is placed on spot."""
    alternatives: tuple[InstanceTypeName, ...] = ()
    """Further instance types with as many GPUs, so that one type's shortage does not stop the pool."""
    max_price: Dollars | None = None
    """Highest price in US dollars per hour; leave it out to pay the spot price up to on demand."""


class GpuPool(Section):
    """A group of GPU instances of the ECS cluster."""

    instance_type: InstanceTypeName
    """Instance type: g4dn.xlarge (dev, staging), g4dn.2xlarge (production), g4dn.4xlarge (high load)."""
    on_demand: OnDemand
    """On-demand instances."""
    spot: Spot
    """Spot instances."""
    volume_gib: Annotated[int, Field(ge=50, le=16384)] = 100
    """Size of the gp3 root volume, which holds images and layers."""
    ami_id: AmiId = ""
    """The pinned AMI; empty follows the recommended ECS GPU AMI (Amazon Linux 2023) at each apply."""

    @property
    def instance_types(self) -> tuple[catalogue.InstanceType, ...]:
        """Every type that an instance of the pool can have."""
        names = dict.fromkeys((self.instance_type, *self.spot.alternatives))
        return tuple(catalogue.GPU_INSTANCE_TYPES[name] for name in names)

    def violations(self) -> Iterator[Violation]:
        """A pool can have instances, all with as many GPUs, at a price that makes sense."""
        if self.on_demand.max == 0 and not (self.spot.enabled and self.spot.max):
            yield Violation(
                "on_demand.max",
                "the pool can have no instance at all",
                "use at least 1, or enable spot with spot.max of at least 1",
            )
        own, price = catalogue.GPU_INSTANCE_TYPES[self.instance_type], self.spot.max_price
        for index, name in enumerate(self.spot.alternatives):
            if catalogue.GPU_INSTANCE_TYPES[name].gpus != own.gpus:
                yield Violation(
                    f"spot.alternatives.{index}",
                    f"a {name} has not as many GPUs as the pool's {own.name} ({own.gpus})",
                    f"choose types with {own.gpus} GPU{'s'[: own.gpus != 1]} each",
                )
            if name == own.name or name in self.spot.alternatives[:index]:
                yield Violation(
                    f"spot.alternatives.{index}", f"{name} is named twice in the pool", "name each type once"
                )
        if price is not None and price > own.hourly * 2:
            yield Violation(
                "spot.max_price",
                f"{price:g} is more than twice the on-demand price of a {own.name}"
                f" ({own.hourly:g} US dollars per hour)",
                "give US dollars per hour, or leave it out to pay the spot price",
            )


class OffHours(Section):
    """Scheduled scale-down of the queue workers."""

    time_zone: TimeZone
    """IANA name; AWS follows its daylight saving time."""
    stop_at: ClockTime
    """Time of day at which the workers go to zero."""
    start_at: ClockTime
    """Time of day at which they may run again."""
    days: Annotated[tuple[Weekday, ...], Field(min_length=1)]
    """Days on which they are started."""

    def violations(self) -> Iterator[Violation]:
        """The times differ, and each day is named once."""
        if self.stop_at == self.start_at:
            yield Violation(
                "start_at",
                f"stop_at and start_at are both {self.stop_at}",
                "start the workers at another time",
            )
        if len(set(self.days)) != len(self.days):
            yield Violation("days", "a day is named twice", "name each day once")
