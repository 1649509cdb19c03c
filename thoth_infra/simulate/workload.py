"""What comes in: when, how long the audio is, and how long each stage works on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
"""Where a workload without dates begins: a Monday, at midnight."""

Distribution: TypeAlias = Literal["lognormal", "exponential", "fixed"]


@dataclass(frozen=True)
class Rates:
    """Arrivals by the hour: ``hourly[h]`` jobs are expected in hour ``h`` from the workload's start.

    ``exact``: as many come, at random times within the hour; else their number is Poisson's.
    """

    hourly: tuple[float, ...]
    exact: bool = False


@dataclass(frozen=True)
class Trace:
    """Arrivals one by one: seconds from the workload's start, ascending, and the audio's length in seconds."""

    at: tuple[float, ...]
    audio_seconds: tuple[float, ...]


@dataclass(frozen=True)
class Audio:
    """Length of a job's audio in seconds; ``cv`` is its standard deviation over its mean (lognormal only)."""

    mean_seconds: float = 1800.0
    cv: float = 0.6
    distribution: Distribution = "lognormal"


@dataclass(frozen=True)
class Work:
    """How long one stage works on a job: ``fixed_seconds`` + audio seconds × the figure of the task's host type.

    ``per_audio_second`` has pairs of host type (an instance type's name, or ``fargate``) and seconds of work per
    second of audio (the real-time factor).
    """

    stage: str
    per_audio_second: tuple[tuple[str, float], ...]
    fixed_seconds: float = 0.0
    failing: float = 0.0
    """Probability that an attempt fails at its end and is tried again after a pause."""
    crashing: float = 0.0
    """Probability that a worker dies within an attempt without a word: the visibility time-out brings the job back."""

    def on(self, host_type: str) -> float:
        """Return the seconds of work per second of audio; KeyError for a type without a figure."""
        return dict(self.per_audio_second)[host_type]


@dataclass(frozen=True)
class Workload:
    """Arrivals over ``hours`` from ``start``; then at most ``drain_hours`` more until all jobs are done."""

    arrivals: Rates | Trace
    work: tuple[Work, ...]
    hours: float
    audio: Audio = Audio()
    start: datetime = MONDAY
    """Aware; the off-hours schedule is laid over it."""
    drain_hours: float = 24.0

    def of(self, stage: str) -> Work:
        """Return a stage's work; KeyError for one without."""
        return {work.stage: work for work in self.work}[stage]
