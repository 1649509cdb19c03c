"""The one entry: an estate and a workload in, a result out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from thoth_infra.errors import ThothError
from thoth_infra.simulate.estate import Estate
from thoth_infra.simulate.result import Result
from thoth_infra.simulate.workload import Workload

if TYPE_CHECKING:
    from thoth_infra.simulate.engine.layout import World

_EVENTS = 2_000_000
"""Between two looks at progress and Ctrl-C: a fraction of a second."""
MOST_JOBS = 8_000_000
"""In the system at once; a workload that gets there is one that the estate does not keep up with."""


def run(estate: Estate, workload: Workload, seed: int, progress: Callable[[float], None] | None = None) -> Result:
    """Simulate ``workload`` on ``estate``; the same arguments give the same result, bit by bit.

    ``progress`` is told the simulated share, 0 to 1, several times a second. Raises ThothError without the extra
    ``simulate``, or when jobs pile up without bounds.
    """
    from thoth_infra.simulate.engine import advance, build, control, layout, summary

    w = build.world(estate, workload, seed)
    advance.warm_up(w)
    build.set_delays(w, estate)
    while (state := advance.advance(w, _EVENTS)) != layout.OVER:
        if state == layout.GROW:
            w = _grown(w, estate)
        if progress:
            progress(min(float(w.whole["now"][0] / w.whole["hours_end"][0]), 1.0))
    control.settle(w)
    return summary.result(estate, seed, w)


def _grown(w: World, estate: Estate) -> World:
    from thoth_infra.simulate.engine import build

    whole = w.whole[0]
    if whole["in_system"] >= MOST_JOBS:
        raise ThothError(
            f"{whole['in_system']:,} jobs wait after {whole['now'] / 3600:.0f} hours: {estate.name} does not keep up",
            "raise the stages' max (and the pool's), or simulate fewer jobs or hours",
        )
    jobs = len(w.jobs) if whole["free_job"] < 0 else 0
    hosts = len(w.hosts) + 16 if whole["free_host"] < 0 and whole["short"] else 0
    tasks = len(w.tasks) if whole["free_tasks"] < 64 else 0
    return build.grown(w, jobs=jobs, tasks=tasks, hosts=hosts)
