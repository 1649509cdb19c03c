"""From the core's memory to the result."""

from __future__ import annotations

from typing import Any

import numpy as np

from thoth_infra.simulate.engine import build, layout
from thoth_infra.simulate.engine.layout import World
from thoth_infra.simulate.estate import Estate, OnPool, Stage
from thoth_infra.simulate.result import CostPart, Histogram, Result, Series, StageResult, Waits

_COARSE = 32
"""Bins of the core in one bin of a shown histogram: eight to an octave."""


def result(estate: Estate, seed: int, w: World) -> Result:
    """Return what came of a run that is over and settled."""
    whole, count = w.whole[0], len(estate.stages)
    hours = float(whole["now"]) / 3600
    audio_hours = float(whole["audio_seconds"]) / 3600
    cost = tuple(_cost(estate, w, hours))
    usd = sum(part.usd for part in cost)
    gpu_hours, busy_gpu_hours = _gpus(estate, w)
    return Result(
        environment=estate.name,
        seed=seed,
        hours=hours,
        arrived=int(whole["arrived"]),
        finished=int(whole["finished"]),
        dead_letters=int(whole["dead"]),
        expired=int(whole["expired"]),
        unfinished=int(whole["in_system"]),
        audio_hours=audio_hours,
        wait=_waits(w, count),
        turnaround=_waits(w, count + 1),
        stages=tuple(_stage(w, s, stage) for s, stage in enumerate(estate.stages)),
        gpu_hours=gpu_hours,
        gpu_utilisation=busy_gpu_hours / gpu_hours if gpu_hours else 0.0,
        instance_hours=tuple(_instances(estate, w)),
        interruptions=int(whole["taken"]),
        retries=int(w.stages["retries"].sum()),
        cost=cost,
        usd=usd,
        usd_per_audio_hour=usd / audio_hours if audio_hours else 0.0,
        histogram=_histogram(w.counts[count]),
        series=_series(estate, w),
    )


def _edges() -> Any:
    """Return the lower ends of the core's bins, in seconds; the first one begins at 0."""
    places = (np.arange(layout.BINS + 1, dtype=np.int64) + layout.FIRST_BIN) << layout.BIN_SHIFT
    edges = places.view(np.float64).copy()
    edges[0] = 0.0
    return edges


def _waits(w: World, row: int) -> Waits:
    counts, (total, largest) = w.counts[row], w.waits[row]
    count = int(counts.sum())
    if not count:
        return Waits(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    reached, edges = np.cumsum(counts), _edges()

    def percentile(share: float) -> float:
        rank = share * count
        place = int(np.searchsorted(reached, rank))
        inside = (rank - (reached[place] - counts[place])) / counts[place]
        # In the first bin are those who did not wait at all.
        found = edges[place] + (edges[place + 1] - edges[place]) * inside if place else 0.0
        return min(float(found), float(largest))

    return Waits(count, float(total) / count, percentile(0.5), percentile(0.95), percentile(0.99), float(largest))


def _histogram(counts: Any) -> Histogram:
    rough, edges = counts.reshape(-1, _COARSE).sum(axis=1), _edges()[::_COARSE]
    last = int(np.flatnonzero(rough)[-1]) + 1 if rough.any() else 1
    return Histogram(tuple(map(float, edges[: last + 1])), tuple(map(int, rough[:last])))


def _stage(w: World, s: int, stage: Stage) -> StageResult:
    row = w.stages[s]
    task_hours, busy_hours = float(row["task_seconds"]) / 3600, float(row["busy_seconds"]) / 3600
    return StageResult(
        name=stage.name,
        wait=_waits(w, s),
        finished=int(row["finished"]),
        retries=int(row["retries"]),
        dead_letters=int(row["dead"]),
        expired=int(row["expired"]),
        interruptions=int(row["interrupted"]),
        task_hours=task_hours,
        busy_hours=busy_hours,
        utilisation=busy_hours / task_hours if task_hours else 0.0,
        largest_queue=int(row["largest"]),
        most_tasks=int(row["most"]),
    )


def _gpus(estate: Estate, w: World) -> tuple[float, float]:
    paid = float((w.types["seconds"].sum(axis=1) * w.types["gpus"]).sum()) / 3600
    busy = sum(
        float(w.stages[s]["busy_seconds"]) * stage.launch.gpus / 3600
        for s, stage in enumerate(estate.stages)
        if isinstance(stage.launch, OnPool)
    )
    return paid, busy


def _instances(estate: Estate, w: World) -> Any:
    rows = iter(w.types)
    for pool in estate.pools:
        for kind, row in zip(pool.types, rows, strict=False):
            on_demand, spot = (float(seconds) / 3600 for seconds in row["seconds"])
            if on_demand or spot:
                yield kind.name, on_demand, spot


def _cost(estate: Estate, w: World, hours: float) -> Any:
    for (owner, kind), row in zip(build.types(estate), w.types, strict=True):
        for market, name in ((layout.ON_DEMAND, "on demand"), (layout.SPOT, "spot")):
            quantity, hourly = float(row["seconds"][market]) / 3600, float(row["hourly"][market])
            if quantity:
                yield CostPart(f"{owner}: {kind.name} {name}", quantity, hourly, quantity * hourly)
    for fixed in estate.fixed:
        yield CostPart(fixed.part, hours, fixed.hourly, hours * fixed.hourly)


def _series(estate: Estate, w: World) -> Series:
    minutes = int(w.whole["point_minutes"][0])
    used = max(int(np.count_nonzero(w.points[:, layout.MINUTES])), 1)
    points, by_stage = w.points[:used], w.by_stage[:used]
    number = np.maximum(points[:, layout.MINUTES], 1)
    left = np.maximum(points[:, layout.LEFT], 1)

    def per_stage(column: int, *, mean: bool = True) -> tuple[tuple[float, ...], ...]:
        values = by_stage[:, :, column] / (number[:, None] if mean else 1)
        return tuple(tuple(map(float, row)) for row in values.T)

    def whole(column: int) -> tuple[float, ...]:
        return tuple(map(float, points[:, column] / number))

    fixed = sum(part.hourly for part in estate.fixed)
    return Series(
        hours=tuple(point * minutes / 60 for point in range(used)),
        point_hours=minutes / 60,
        stages=tuple(stage.name for stage in estate.stages),
        queue=per_stage(layout.QUEUE),
        queue_max=per_stage(layout.QUEUE_MAX, mean=False),
        in_flight=per_stage(layout.IN_FLIGHT),
        desired=per_stage(layout.DESIRED),
        running=per_stage(layout.RUNNING),
        on_demand=whole(layout.INSTANCES_ON_DEMAND),
        spot=whole(layout.INSTANCES_SPOT),
        usd_per_hour=tuple(fixed + value for value in whole(layout.USD)),
        interruptions=tuple(map(int, points[:, layout.TAKEN_AWAY])),
        finished=tuple(map(int, points[:, layout.LEFT])),
        wait_mean=tuple(map(float, points[:, layout.WAIT_SUM] / left)),
        wait_max=tuple(map(float, points[:, layout.WAIT_MAX])),
        off_hours=tuple(bool(value) for value in points[:, layout.OFF]),
    )
