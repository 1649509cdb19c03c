"""What the emulated ECS remembers: services, their deployments, tasks and hosts. Plain data that a snapshot can hold.

Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Health = Literal["UNKNOWN", "HEALTHY", "UNHEALTHY"]
Phase = Literal["PROVISIONING", "PENDING", "RUNNING", "STOPPING", "STOPPED"]


@dataclass(frozen=True)
class HealthCheck:
    """A container health check, in seconds."""

    interval: float
    retries: int
    start_period: float


@dataclass(frozen=True)
class Revision:
    """What the simulation needs of a task definition's revision."""

    arn: str
    images: tuple[tuple[str, str], ...]
    """Container name and image, the essential container first."""
    gpus: int = 0
    memory: int = 0
    """Mebibytes."""
    health_check: HealthCheck | None = None
    log: tuple[str, str] | None = None
    """Log group and stream prefix of the first container."""


@dataclass(frozen=True)
class Behaviour:
    """What a container of an image does; a good one runs until it is told to stop."""

    digest: str = ""
    exit_code: int | None = None
    exit_after: float = 1.0
    out_of_memory: bool = False
    healthy: bool = True
    answers_load_balancer: bool = True
    runs: tuple[tuple[str, int], ...] = ()
    """Exit code of a one-off task by a word of its command; 0 for any other command."""
    says: tuple[str, ...] = ()
    """Lines that it logs when it starts."""


@dataclass
class Task:
    """One task, from the request to start it until an hour after its end."""

    id: str
    revision: Revision
    provider: str
    created_at: float
    service: str = ""
    set_id: str = ""
    """The deployment or task set that it belongs to."""
    started_by: str = ""
    group: str = ""
    command: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    tags: list[dict[str, str]] = field(default_factory=list)
    overrides: dict[str, object] = field(default_factory=dict)
    exec_enabled: bool = False
    token: str = ""
    """The client's, by which it asks for the same task again."""

    phase: Phase = "PROVISIONING"
    due_at: float | None = None
    """When the phase ends by itself; None: when something else happens."""
    host: str | None = None
    health: Health = "UNKNOWN"
    health_due_at: float | None = None
    ever_healthy: bool = False
    started_at: float | None = None
    stopping_at: float | None = None
    stopped_at: float | None = None
    stop_code: str = ""
    stopped_reason: str = ""
    container_reason: str = ""
    exit_code: int | None = None
    digest: str = ""
    protected_until: float = 0.0

    @property
    def going(self) -> bool:
        """Whether the task is meant to run."""
        return self.phase in ("PROVISIONING", "PENDING", "RUNNING")

    @property
    def well(self) -> bool:
        """Whether the task counts as healthy for a deployment."""
        if self.phase != "RUNNING":
            return False
        return self.health == "HEALTHY" if self.revision.health_check else True


@dataclass
class TaskSet:
    """Tasks of one revision: a rolling deployment, or one colour of a blue/green one."""

    id: str
    revision: Revision
    created_at: float
    status: Literal["PRIMARY", "ACTIVE"] = "PRIMARY"
    rollout: Literal["IN_PROGRESS", "COMPLETED", "FAILED"] = "IN_PROGRESS"
    reason: str = ""
    updated_at: float = 0.0
    failures: set[str] = field(default_factory=set)
    """The tasks that failed before they were ever healthy."""
    scale: float = 100.0
    """Percent of the service's desired count."""
    target_group: str = ""
    is_rollback: bool = False
    steady_since: float | None = None
    retry_at: float = 0.0

    @property
    def failed(self) -> int:
        """How many tasks failed."""
        return len(self.failures)


@dataclass(frozen=True)
class Event:
    """One line of a service's events."""

    id: str
    at: float
    message: str


@dataclass
class Service:
    """One service: what it should be, and how it comes to be it."""

    cluster: str
    name: str
    desired: int
    strategy: tuple[tuple[str, int, int], ...]
    """Capacity providers with base and weight."""
    minimum_percent: int = 100
    maximum_percent: int = 200
    breaker: bool = False
    breaker_rolls_back: bool = False
    alarms: tuple[str, ...] = ()
    alarms_roll_back: bool = False
    blue_green: bool = False
    grace_period: float = 0.0
    subnets: tuple[str, ...] = ()
    exec_enabled: bool = False
    tags: list[dict[str, str]] = field(default_factory=list)
    sets: list[TaskSet] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    good: Revision | None = None
    """The revision of the last deployment that completed."""

    @property
    def key(self) -> str:
        """The service's name among those of all clusters."""
        return f"{self.cluster}/{self.name}"

    @property
    def primary(self) -> TaskSet | None:
        """The set that the service should run."""
        return next((one for one in self.sets if one.status == "PRIMARY"), None)


@dataclass
class Host:
    """An instance that has joined a cluster, or is booting to do so."""

    id: str
    cluster: str
    provider: str
    instance_id: str
    instance_type: str
    zone: str
    ami: str
    gpus: int
    vcpus: int
    memory: int
    """Mebibytes."""
    joins_at: float
    draining: bool = False
    idle_since: float | None = None

    def free_gpus(self, tasks: Iterable[Task]) -> int:
        """GPUs that no task holds."""
        return self.gpus - sum(t.revision.gpus for t in tasks if t.host == self.id and t.phase != "STOPPED")

    def free_memory(self, tasks: Iterable[Task]) -> int:
        """Memory that no task has reserved."""
        return self.memory - sum(t.revision.memory for t in tasks if t.host == self.id and t.phase != "STOPPED")
