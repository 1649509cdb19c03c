"""The prover's simulated part: what a workload asks of the stages, and whether the estate does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from thoth_infra.review.scaling.findings import Finding, Severity, StageLoad, shown
from thoth_infra.simulate.estate import FARGATE, Estate, Fargate, Stage
from thoth_infra.simulate.result import Result
from thoth_infra.simulate.workload import Audio, Rates, Trace, Work, Workload

SEEDS = 3
# The longest pause of a schedule is a weekend: a first lesson that is not done after a week never is.
_PATIENCE_HOURS = 168.0
_LONG = 2.326
"""Standard normal quantile of 99 %, for a lognormal length."""


def loads(estate: Estate, workload: Workload) -> dict[str, StageLoad]:
    """Return what each stage has to do, by name: on its slowest host, and for one audio in a hundred too."""
    mean, busiest = _rates(workload)
    typical, long = _lengths(workload)
    found = {}
    for stage in estate.stages:
        work = workload.of(stage.name)
        pace = max(work.on(kind) for kind in _kinds(estate, stage, work))
        seconds = (work.fixed_seconds + pace * audio for audio in (typical, long))
        found[stage.name] = StageLoad(mean, busiest, *seconds)
    return found


def _kinds(estate: Estate, stage: Stage, work: Work) -> tuple[str, ...]:
    if isinstance(stage.launch, Fargate):
        return (FARGATE,)
    known = {kind for kind, _ in work.per_audio_second}
    return tuple(kind.name for kind in estate.pool(stage.launch.pool).types if kind.name in known)


def _rates(workload: Workload) -> tuple[float, float]:
    """Return jobs per hour: on average, and in the busiest clock hour."""
    match workload.arrivals:
        case Rates(hourly=hourly):
            return sum(hourly) / workload.hours, max(hourly, default=0.0)
        case Trace(at=at):
            by_hour: dict[int, int] = {}
            for second in at:
                by_hour[int(second // 3600)] = by_hour.get(int(second // 3600), 0) + 1
            return len(at) / workload.hours, float(max(by_hour.values(), default=0))


def _lengths(workload: Workload) -> tuple[float, float]:
    """Return seconds of audio: on average, and what 99 of 100 stay below."""
    match workload.arrivals:
        case Trace(audio_seconds=lengths) if lengths:
            return sum(lengths) / len(lengths), sorted(lengths)[int(0.99 * (len(lengths) - 1))]
    return workload.audio.mean_seconds, _quantile(workload.audio)


def _quantile(audio: Audio) -> float:
    import math

    match audio.distribution:
        case "fixed":
            return audio.mean_seconds
        case "exponential":
            return audio.mean_seconds * math.log(100)
        case "lognormal":
            variance = math.log(1 + audio.cv**2)
            return audio.mean_seconds * math.exp(_LONG * math.sqrt(variance) - variance / 2)


Run = Callable[[Estate, Workload, int], Result]


def first_lesson(estate: Estate, work: tuple[Work, ...], run: Run) -> Iterator[Finding]:
    """Simulate one lesson into an estate at rest: it ends, whatever was asleep."""
    workload = Workload(Trace((0.0,), (1800.0,)), work, hours=1.0, drain_hours=_PATIENCE_HOURS)
    result = run(estate, workload, 1)
    if not result.finished:
        yield Finding(
            "simulated-first-lesson", Severity.ERROR, "", "",
            f"one lesson of half an hour, sent to {estate.name} at rest, is not done after"
            f" {shown(_PATIENCE_HOURS * 3600)}: {_where(result)}",
            "see what else was found",
        )  # fmt: skip


def under_load(estate: Estate, workload: Workload, run: Run, slo_minutes: float | None) -> Iterator[Finding]:
    """Simulate the workload: nothing is lost, and the wait that is wanted is kept on every seed."""
    results = [run(estate, workload, seed) for seed in range(1, SEEDS + 1)]
    worst = max(results, key=lambda result: result.wait.p95)
    for result in results:
        if lost := result.dead_letters + result.expired + result.unfinished:
            yield Finding(
                "simulated-loss", Severity.ERROR, "", "",
                f"{lost:,} of {result.arrived:,} lessons are not done: {result.dead_letters:,} dead letters,"
                f" {result.expired:,} expired, {result.unfinished:,} still waiting; {_where(result)}",
                "raise max where the queue is longest, or simulate with --compare what else would help",
            )  # fmt: skip
            break
    if slo_minutes is not None and worst.wait.p95 > slo_minutes * 60:
        yield Finding(
            "simulated-slo", Severity.ERROR, "", "",
            f"95 of 100 lessons wait less than {shown(worst.wait.p95)}, not {slo_minutes:g} minutes; {_where(worst)}",
            "simulate --optimize --max-p95 proposes what keeps it",
        )  # fmt: skip


def _where(result: Result) -> str:
    stage = max(result.stages, key=lambda stage: stage.wait.p95)
    return f"most wait for {stage.name}, whose queue reaches {stage.largest_queue:,} at {stage.most_tasks} tasks"
