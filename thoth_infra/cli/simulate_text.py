"""How a simulated run is shown, and several side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from thoth_infra.cli.tables import marked, table
from thoth_infra.simulate.result import Result, StageResult, Waits


def duration(seconds: float) -> str:
    """Return seconds as people say them: ``0 s``, ``42 s``, ``7.5 min``, ``3.2 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _waits(waits: Waits) -> tuple[str, ...]:
    return tuple(duration(value) for value in (waits.mean, waits.p50, waits.p95, waits.p99, waits.max))


def one(result: Result) -> str:
    """Return a run as text: how it went, waits by stage, the bill."""
    return "\n\n".join((_summary(result), _stages(result), _bill(result)))


def _summary(result: Result) -> str:
    lines = [
        f"{result.environment}: {result.arrived:,} jobs in {result.hours:,.0f} hours, {result.audio_hours:,.1f} hours"
        f" of audio done; seed {result.seed}",
        f"wait p50 {duration(result.wait.p50)}, p95 {duration(result.wait.p95)}, p99 {duration(result.wait.p99)};"
        f" from upload to result p95 {duration(result.turnaround.p95)}",
        f"GPU {result.gpu_hours:,.1f} hours, {result.gpu_utilisation:.0%} of them in use;"
        f" {_count(result.interruptions, 'interruption')}, {_count(result.retries, 'retry', 'retries')}",
        f"cost ${result.usd:,.2f}, ${result.usd_per_audio_hour:,.4f} per audio hour",
    ]
    lost = [(result.unfinished, "unfinished"), (result.dead_letters, "dead letters"), (result.expired, "expired")]
    if found := [f"{number:,} {what}" for number, what in lost if number]:
        lines.append(f"not done: {', '.join(found)}")
    return "\n".join(lines)


def _count(number: int, what: str, many: str = "") -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {many or what + 's'}"


def _stages(result: Result) -> str:
    head = (
        "STAGE",
        "MEAN WAIT",
        "P50",
        "P95",
        "P99",
        "LONGEST",
        "IN USE",
        "MOST TASKS",
        "LARGEST QUEUE",
        "RETRIES",
        "DEAD",
    )
    return table(head, [_stage(stage) for stage in result.stages] + [_all(result)])


def _stage(stage: StageResult) -> tuple[object, ...]:
    dead = marked(stage.dead_letters, "red") if stage.dead_letters else 0
    share = f"{stage.utilisation:.0%}"
    return (stage.name, *_waits(stage.wait), share, stage.most_tasks, stage.largest_queue, stage.retries, dead)


def _all(result: Result) -> tuple[object, ...]:
    return ("all stages", *_waits(result.wait), "", "", "", result.retries, result.dead_letters)


def _bill(result: Result) -> str:
    rows = [(part.part, f"{part.quantity:,.1f}", f"{part.hourly:.4f}", f"{part.usd:,.2f}") for part in result.cost]
    return table(("PART", "HOURS", "$ AN HOUR", "$"), [*rows, ("total", "", "", f"{result.usd:,.2f}")])


_Figure = tuple[str, Callable[[Result], float], Callable[[float], str]]
_FIGURES: tuple[_Figure, ...] = (
    ("wait, mean", lambda r: r.wait.mean, duration),
    ("wait, p50", lambda r: r.wait.p50, duration),
    ("wait, p95", lambda r: r.wait.p95, duration),
    ("wait, p99", lambda r: r.wait.p99, duration),
    ("upload to result, p95", lambda r: r.turnaround.p95, duration),
    ("jobs done", lambda r: r.finished, "{:,.0f}".format),
    ("not done", lambda r: r.unfinished + r.dead_letters + r.expired, "{:,.0f}".format),
    ("GPU hours", lambda r: r.gpu_hours, "{:,.1f}".format),
    ("GPU in use", lambda r: r.gpu_utilisation, "{:.0%}".format),
    ("interruptions", lambda r: r.interruptions, "{:,.0f}".format),
    ("retries", lambda r: r.retries, "{:,.0f}".format),
    ("cost, $", lambda r: r.usd, "{:,.2f}".format),
    ("$ per audio hour", lambda r: r.usd_per_audio_hour, "{:,.4f}".format),
)


def several(runs: Sequence[tuple[str, Result]]) -> str:
    """Return runs side by side; behind each figure of the later ones, how it differs from the first's."""
    first = runs[0][1]
    head = ("", *(label for label, _ in runs))
    rows = []
    for name, figure, shown in _FIGURES:
        base = figure(first)
        cells = [shown(base)] + [_beside(figure(result), base, shown) for _, result in runs[1:]]
        rows.append((name, *cells))
    return table(head, rows)


def _beside(value: float, base: float, shown: Callable[[float], str]) -> str:
    if shown(value) == shown(base):
        return f"{shown(value)} (same)"
    if not base:
        return shown(value)
    share = value / base - 1
    return f"{shown(value)} ({share:+.0%})" if abs(share) < 10 else f"{shown(value)} (×{value / base:.0f})"
