"""The loop over all that happens, and what does not happen for each job: failures, spot, boots."""

from __future__ import annotations

from typing import Any

import numpy as np

from thoth_infra.simulate.engine.arrivals import first_arrival, later
from thoth_infra.simulate.engine.chance import bits, exponential
from thoth_infra.simulate.engine.compiler import compiled, entry, inlined
from thoth_infra.simulate.engine.control import control, provide, reconcile
from thoth_infra.simulate.engine.hosts import host_ready, taken
from thoth_infra.simulate.engine.layout import (
    ARRIVALS,
    BOOTING,
    BUSY,
    CRASHED,
    DONE,
    FAILED,
    GONE,
    GROW,
    HOST_OF,
    LENGTHS,
    MORE,
    OVER,
    PAUSING,
    POISSON,
    STARTING,
    TAKEN,
    TRACE,
)
from thoth_infra.simulate.engine.policies import follow_schedule
from thoth_infra.simulate.engine.queues import due, free_task, schedule
from thoth_infra.simulate.engine.tasks import become_idle, end_task, hand_back, is_fed, new_task
from thoth_infra.simulate.engine.work import as_index, enter, finish, rest, serve

_52 = np.uint64(52)
# A delivery that goes wrong needs a row for its pause, and another one for what is started in its place.
_RESERVE = 4


@compiled  # pragma: no cover - machine code
def pause(w: Any, s: int, job: int, seconds: float) -> None:
    """Keep a job invisible for a while."""
    timer = new_task(w, s, PAUSING)
    w.tasks[timer].job = job
    schedule(w, timer, w.whole[0].now + seconds)


@compiled  # pragma: no cover - machine code
def keep_progress(w: Any, task: int, s: int) -> None:
    """Shorten what is left of a job to what its last checkpoint leaves."""
    stage, row = w.stages[s], w.tasks[task]
    pace = w.work[s, row.type]
    if stage.checkpoint > 0 and pace > 0:
        heard = max(w.whole[0].now - row.began - stage.fixed, 0.0) / pace
        w.jobs[row.job].left = max(w.jobs[row.job].left - np.floor(heard / stage.checkpoint) * stage.checkpoint, 0.0)


@compiled  # pragma: no cover - machine code
def end_badly(w: Any, task: int) -> None:
    """End an attempt that failed, or whose worker was taken away or died."""
    row, whole = w.tasks[task], w.whole[0]
    job, outcome, s = row.job, row.outcome, as_index(row.stage)
    stage = w.stages[s]
    stage.busy -= 1
    stage.busy_seconds += whole.now - row.began
    keep_progress(w, task, s)
    w.jobs[job].since = whole.now
    if outcome == CRASHED:
        pause(w, s, job, stage.visibility)
    elif outcome == FAILED and w.jobs[job].receives < whole.max_receives:
        pause(w, s, job, min(whole.first_pause * 2.0 ** (w.jobs[job].receives - 1), whole.longest_pause))
    else:
        hand_back(w, s, job)
    if outcome == FAILED:
        rest(w, task, s)
        return
    if outcome == TAKEN:
        stage.interrupted += 1
        if w.on_host[task, HOST_OF] < 0:
            taken(w)
        else:
            whole.next_notice = min(whole.next_notice, whole.now)
    if stage.prefetch and row.held < 0:
        is_fed(w, task, s)
    end_task(w, task, whole.now)
    free_task(w, task)


@compiled  # pragma: no cover - machine code
def resume(w: Any, timer: int) -> None:
    """Make a job visible again after its pause."""
    hand_back(w, as_index(w.tasks[timer].stage), w.tasks[timer].job)
    free_task(w, timer)


@compiled  # pragma: no cover - machine code
def unusual(w: Any, task: int) -> None:
    """Handle what does not happen for each job."""
    row = w.tasks[task]
    if row.state == BUSY:
        end_badly(w, task)
    elif row.state == STARTING:
        w.stages[row.stage].starting -= 1
        become_idle(w, task)
    elif row.state == BOOTING:
        host_ready(w, w.on_host[task, HOST_OF])
        free_task(w, task)
    elif row.state == PAUSING:
        resume(w, task)
    elif row.state == GONE:
        free_task(w, task)


@inlined  # pragma: no cover - machine code
def arrive(w: Any) -> None:
    """Let a job arrive, and find out when the next one will."""
    whole, now = w.whole[0], w.whole[0].now
    job = whole.free_job
    whole.free_job = w.jobs[job].next
    whole.in_system += 1
    whole.arrived += 1
    row = w.jobs[job]
    row.born, row.before = now, 0.0
    if whole.mode == TRACE:
        row.audio = w.audio[whole.at]
        whole.at += 1
        whole.next_arrival = w.arrivals[whole.at] if whole.at < len(w.arrivals) else np.inf
    else:
        row.audio = w.lengths[np.int64(bits(w.random, LENGTHS) >> _52)]
        gap = exponential(w.random, ARRIVALS) * 3600.0 / w.arrivals[whole.at] if whole.mode == POISSON else np.inf
        within_hour = now + gap < min((whole.at + 1) * 3600.0, whole.hours_end)
        # Poisson's process has no memory: at the hour's end it begins anew with the next rate.
        whole.next_arrival = now + gap if within_hour else later(w, now)
    enter(w, 0, job, now)
    serve(w, 0)


@compiled  # pragma: no cover - machine code
def is_over(w: Any) -> bool:
    """Whether all hours have passed and all jobs are done, or the time for those is up."""
    whole = w.whole[0]
    empty = whole.in_system == 0 and whole.next_arrival == np.inf and whole.now >= whole.hours_end
    return bool(empty or whole.now >= whole.end)


@entry  # pragma: no cover - machine code
def warm_up(w: Any) -> None:
    """Bring up, without any delay, what runs before the first job comes."""
    follow_schedule(w)
    for s in range(len(w.stages)):
        reconcile(w, s)
    for g in range(len(w.groups)):
        provide(w, g)
    while True:
        task = due(w, 0.0)
        if task < 0:
            break
        unusual(w, task)
    first_arrival(w)


@inlined  # pragma: no cover - machine code
def happen(w: Any, task: int) -> None:
    """Let the event of a task happen."""
    row = w.tasks[task]
    s = as_index(row.stage)
    w.whole[0].now = row.at
    if row.state == BUSY and row.outcome == DONE:
        finish(w, task)
        if s + 1 < len(w.stages):
            serve(w, s + 1)
    else:
        unusual(w, task)
    serve(w, s)


@entry  # pragma: no cover - machine code
def advance(w: Any, events: int) -> int:
    """Let up to ``events`` things happen; return MORE, OVER, or GROW when rows for jobs, tasks or hosts are used up."""
    whole = w.whole[0]
    for _ in range(events):
        if whole.free_job < 0 or whole.free_tasks < _RESERVE or whole.short:
            return GROW
        task = due(w, min(whole.next_arrival, whole.next_minute))
        if task >= 0:
            happen(w, task)
        elif whole.next_arrival < whole.next_minute:
            whole.now = whole.next_arrival
            arrive(w)
        else:
            whole.now = whole.next_minute
            if is_over(w):
                return OVER
            control(w)
            for s in range(len(w.stages)):
                serve(w, s)
    return MORE
