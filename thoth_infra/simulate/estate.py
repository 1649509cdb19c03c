"""What the rendered environment gives: everything of it that decides who waits, and what that costs.

Plain frozen values without AWS and without the environment's other sections: :mod:`thoth_infra.simulate.rendered`
makes one from an environment, a test makes one by hand, the optimizer replaces parts of one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from thoth_infra.contract import scaling
from thoth_infra.contract.scaling import Span

FARGATE = "fargate"
"""The host type of Fargate tasks, where instance types are told apart."""

ScalingKind: TypeAlias = Literal["fixed", "backlog"]


@dataclass(frozen=True)
class Wake:
    """From zero: one task at the first message that nobody works on (alarm once a minute, step policy)."""

    cooldown_seconds: float
    adjustment: int = scaling.WAKE_ADJUSTMENT
    evaluation_minutes: int = scaling.WAKE_EVALUATION_PERIODS


@dataclass(frozen=True)
class Track:
    """Target tracking of visible messages per running task; never scales in."""

    messages_per_task: float
    evaluation_minutes: int = scaling.TRACK_EVALUATION_PERIODS
    cooldown_seconds: float = scaling.TRACK_COOLDOWN_SECONDS


@dataclass(frozen=True)
class Sleep:
    """Back to the minimum after so many minutes without visible or in-flight messages."""

    evaluation_minutes: int
    cooldown_seconds: float = scaling.SLEEP_COOLDOWN_SECONDS


@dataclass(frozen=True)
class Fargate:
    """Where a stage's tasks run: Fargate. Prices in US dollars per task hour (vCPU and memory together)."""

    vcpus: float
    memory_gib: float
    hourly: float
    spot_hourly: float
    interruptions_per_hour: float = 0.0
    """Rate at which one Fargate Spot task is taken away."""


@dataclass(frozen=True)
class OnPool:
    """Where a stage's tasks run: the hosts of a GPU pool."""

    pool: str
    tasks_per_host: int
    gpus: int = 1


@dataclass(frozen=True)
class Stage:
    """One worker stage with its queue, in the order in which each job passes through them."""

    name: str
    minimum: int
    maximum: int
    launch: Fargate | OnPool
    kind: ScalingKind = "backlog"
    wake: Wake | None = None
    track: Track | None = None
    sleep: Sleep | None = None
    follows_schedule: bool = False
    on_demand_base: int = 0
    """Tasks that run on demand before the weights count (capacity-provider strategy)."""
    on_demand_weight: int = 100
    spot_weight: int = 0
    start: Span = scaling.FARGATE_TASK_START
    """Seconds from a placed task to a ready worker: image pull, and for Whisper the model's load."""
    prefetch: int = 0
    """Messages (0 or 1) that a busy worker receives ahead."""
    visibility_seconds: float = 300
    job_seconds: float = 3600
    """Longest time that one attempt may take."""
    checkpoint_seconds: float = 0
    """Seconds of audio between two checkpoints; 0 where an interrupted job starts anew."""


@dataclass(frozen=True)
class HostType:
    """An instance type of a pool. Prices in US dollars per instance hour."""

    name: str
    gpu: str
    gpus: int
    hourly: float
    spot_hourly: float
    spot_share: float = 1.0
    """Probability that a spot instance is of this type; those of a pool add up to 1."""
    interruptions_per_hour: float = 0.0
    """Rate at which one spot instance of this type is taken away."""


@dataclass(frozen=True)
class Pool:
    """GPU hosts: one autoscaling group on demand (always ``types[0]``) and one on spot."""

    name: str
    types: tuple[HostType, ...]
    on_demand_max: int
    spot_max: int
    boot: Span = scaling.GPU_HOST_BOOT
    most_step: int = scaling.HOST_MOST_STEP
    """Most hosts that a group grows by per minute."""
    idle_minutes: int = scaling.HOST_IDLE_MINUTES
    """Minutes with an empty host until empty hosts go."""


@dataclass(frozen=True)
class Schedule:
    """Off hours: bounds to 0 at ``stop_at`` every day, back at ``start_at`` on ``days``; local clock times."""

    time_zone: str
    stop_at: str
    start_at: str
    days: tuple[str, ...]
    """``MON`` to ``SUN``."""


@dataclass(frozen=True)
class Metrics:
    """How late what CloudWatch knows is, in seconds."""

    queue_lag_seconds: float = scaling.QUEUE_METRIC_LAG_SECONDS
    task_lag_seconds: float = scaling.TASK_METRIC_LAG_SECONDS
    inactive_after_seconds: float = scaling.QUEUE_INACTIVE_AFTER_SECONDS
    awakening_seconds: float = scaling.QUEUE_AWAKENING_SECONDS


@dataclass(frozen=True)
class FixedCost:
    """A part of the bill that no workload moves, in US dollars per hour."""

    part: str
    hourly: float


@dataclass(frozen=True)
class Estate:
    """All that is simulated of one environment."""

    name: str
    stages: tuple[Stage, ...]
    pools: tuple[Pool, ...] = ()
    schedule: Schedule | None = None
    max_receives: int = 4
    retention_seconds: float = 4 * 86400
    metrics: Metrics = field(default_factory=Metrics)
    fixed: tuple[FixedCost, ...] = ()

    def stage(self, name: str) -> Stage:
        """Return a stage by its name; KeyError for another."""
        return {stage.name: stage for stage in self.stages}[name]

    def pool(self, name: str) -> Pool:
        """Return a pool by its name; KeyError for another."""
        return {pool.name: pool for pool in self.pools}[name]
