"""What came of it. Waits in seconds, costs in US dollars; the same estate, workload and seed give the same bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Waits:
    """Distribution of a duration over jobs, in seconds; percentiles within 0.5 % (log-scale histogram).

    Jobs that are not done at the end count with what they have waited until then.
    """

    count: int
    mean: float
    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True)
class Histogram:
    """Jobs by duration: ``counts[i]`` of them between ``edges[i]`` and ``edges[i + 1]`` seconds (log scale)."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class StageResult:
    """One stage. ``wait`` is the time in its queue, over all attempts, until the attempt that succeeds begins."""

    name: str
    wait: Waits
    finished: int
    retries: int
    """Deliveries after a job's first one, whatever the reason."""
    dead_letters: int
    expired: int
    """Messages that outlived their retention."""
    interruptions: int
    """Attempts cut short as spot capacity was taken away."""
    task_hours: float
    """Hours of tasks, from placement to end; ready or not."""
    busy_hours: float
    utilisation: float
    """Busy share of the task hours, 0 to 1."""
    largest_queue: int
    most_tasks: int


@dataclass(frozen=True)
class CostPart:
    """A line of the bill: ``quantity`` hours at ``hourly`` US dollars."""

    part: str
    quantity: float
    hourly: float
    usd: float


@dataclass(frozen=True)
class Series:
    """Over time, downsampled to ``len(hours)`` points of equal length; rows of a tuple per stage are in its order.

    ``hours[i]`` is the begin of a point, in hours from the workload's start. Figures are means over the point where
    not said otherwise.
    """

    hours: tuple[float, ...]
    point_hours: float
    stages: tuple[str, ...]
    queue: tuple[tuple[float, ...], ...]
    """Visible messages, by stage."""
    queue_max: tuple[tuple[float, ...], ...]
    in_flight: tuple[tuple[float, ...], ...]
    desired: tuple[tuple[float, ...], ...]
    """Desired tasks, by stage."""
    running: tuple[tuple[float, ...], ...]
    """Tasks that are ready, by stage."""
    on_demand: tuple[float, ...]
    """GPU instances on demand, booting ones included."""
    spot: tuple[float, ...]
    usd_per_hour: tuple[float, ...]
    interruptions: tuple[int, ...]
    """Spot instances and tasks taken away within the point."""
    finished: tuple[int, ...]
    """Jobs through the last stage within the point."""
    wait_mean: tuple[float, ...]
    """Mean wait of those, in seconds; 0 without any."""
    wait_max: tuple[float, ...]
    off_hours: tuple[bool, ...]
    """Whether the schedule keeps the workers at zero at the point's begin."""


@dataclass(frozen=True)
class Result:
    """One simulated run."""

    environment: str
    seed: int
    hours: float
    """Simulated time: the arrivals' hours and those until the last job was done."""
    arrived: int
    finished: int
    dead_letters: int
    expired: int
    unfinished: int
    """arrived = finished + dead_letters + expired + unfinished."""
    audio_hours: float
    """Audio of the finished jobs."""
    wait: Waits
    """Time in queues from submission to the result, of all stages together: what is not work."""
    turnaround: Waits
    """Time from submission to the result."""
    stages: tuple[StageResult, ...]
    gpu_hours: float
    """GPU hours that were paid for."""
    gpu_utilisation: float
    """Share of them in which a job was worked on, 0 to 1."""
    instance_hours: tuple[tuple[str, float, float], ...]
    """Instance type, hours on demand, hours on spot."""
    interruptions: int
    """Spot instances and Fargate Spot tasks taken away."""
    retries: int
    cost: tuple[CostPart, ...]
    usd: float
    """The sum of ``cost``."""
    usd_per_audio_hour: float
    histogram: Histogram
    """Of ``wait``."""
    series: Series

    def stage(self, name: str) -> StageResult:
        """Return a stage's figures; KeyError for another."""
        return {stage.name: stage for stage in self.stages}[name]
