"""A made-up result: a week of lessons by day, nights off, for pictures."""

from __future__ import annotations

import math
from dataclasses import replace

from thoth_infra.simulate.result import CostPart, Histogram, Result, Series, StageResult, Waits

STAGES = ("audio-extraction", "transcription", "music-terms")


def result(days: int = 7) -> Result:
    hours = tuple(float(hour) for hour in range(24 * days))
    queue = tuple(max(0.0, 20 * math.sin(hour / 24 * 2 * math.pi)) for hour in hours)
    off = tuple(hour % 24 < 7 or hour % 24 >= 20 for hour in hours)
    on_demand, spot = tuple(0.0 if o else 1.0 for o in off), tuple(0.0 if o else 2.0 for o in off)
    rows = tuple(tuple(value * share for value in queue) for share in (0.2, 1.0, 0.1))
    taken = tuple(int(hour in (34, 83)) for hour in range(len(hours)))
    series = Series(
        hours, 1.0, STAGES, rows, rows, rows, rows, (spot, spot, spot), on_demand, spot, tuple(1.5 for _ in hours),
        taken, tuple(5 for _ in hours), tuple(90.0 for _ in hours), tuple(200.0 for _ in hours), off,
    )  # fmt: skip
    edges = tuple(1.3**i for i in range(40))
    counts = tuple(int(400 * math.exp(-((i - 20) ** 2) / 30)) for i in range(39))
    waits = Waits(sum(counts), 250, 190, 900, 2400, 9000)
    stages = tuple(
        StageResult(name, waits, 900, 3, 0, 0, 2, 90, 60 if i == 1 else 9, 0.6, 40, 3) for i, name in enumerate(STAGES)
    )
    parts = (
        CostPart("main: g4dn.2xlarge on demand", 91, 0.75, 68.25), CostPart("main: g4dn.2xlarge spot", 182, 0.25, 45.5),
        CostPart("music-terms: fargate spot", 91, 0.02, 1.82), CostPart("load balancer", 168, 0.0225, 3.78),
    )  # fmt: skip
    usd = sum(part.usd for part in parts)
    return Result(
        "staging", 1, hours[-1] + 1, 900, 900, 0, 0, 0, 450, waits, waits, stages, 273, 0.5,
        (("g4dn.2xlarge", 91, 182),), 2, 3, parts, usd, usd / 450, Histogram(edges, counts), series,
    )  # fmt: skip


def quiet() -> Result:
    """Return a result in which nothing came: no wait, no host, no cost."""
    made = result(days=2)
    nothing = Waits(0, 0, 0, 0, 0, 0)
    return replace(
        made, wait=nothing, arrived=0, finished=0, cost=(), usd=0.0, usd_per_audio_hour=0.0,
        histogram=Histogram(made.histogram.edges, tuple(0 for _ in made.histogram.counts)),
    )  # fmt: skip
