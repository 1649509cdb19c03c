"""Jobs: how they are received, worked on and done. What happens several times for each of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from thoth_infra.simulate.engine.chance import uniform
from thoth_infra.simulate.engine.compiler import compiled, inlined
from thoth_infra.simulate.engine.layout import (
    ATTEMPTS,
    BUSY,
    CRASHED,
    DONE,
    FAILED,
    IDLE,
    LEFT,
    PICKS,
    TAKEN,
    WAIT_MAX,
    WAIT_SUM,
)
from thoth_infra.simulate.engine.queues import append, free_job, receive, record, schedule
from thoth_infra.simulate.engine.tasks import be_idle, become_idle, first_idle, is_fed, is_hungry


@inlined  # pragma: no cover - machine code
def as_index(value: Any) -> Any:
    """Return a small number as the one kind of number that all functions are compiled for."""
    return np.int64(value)


@compiled  # pragma: no cover - machine code
def risk(w: Any, task: int, s: int, seconds: float) -> float:
    """Decide how an attempt of ``seconds`` of work ends; return the seconds until then."""
    stage, row, now = w.stages[s], w.tasks[task], w.whole[0].now
    row.outcome = DONE
    if seconds > stage.job_seconds:
        row.outcome, seconds = FAILED, stage.job_seconds
    if stage.failing > 0 or stage.crashing > 0:
        luck = uniform(w.random, ATTEMPTS)
        if luck < stage.crashing:
            row.outcome, seconds = CRASHED, seconds * uniform(w.random, ATTEMPTS)
        elif luck < stage.crashing + stage.failing:
            row.outcome = FAILED
    if now + seconds > row.notice:
        row.outcome, seconds = TAKEN, row.notice - now
    return seconds


@inlined  # pragma: no cover - machine code
def begin(w: Any, task: int, s: int, job: int) -> None:
    """Let a ready task work on a job that it has received."""
    stage, row, now = w.stages[s], w.tasks[task], w.whole[0].now
    w.jobs[job].waited += now - w.jobs[job].since
    seconds = stage.fixed + w.work[s, row.type] * w.jobs[job].left
    row.job, row.began, row.state, row.outcome = job, now, BUSY, DONE
    stage.busy += 1
    if seconds > stage.job_seconds or now + seconds > row.notice or stage.failing + stage.crashing > 0:
        seconds = risk(w, task, s, seconds)
    schedule(w, task, now + seconds)
    if stage.prefetch and row.held < 0:
        is_hungry(w, task, s)


@inlined  # pragma: no cover - machine code
def next_idle(w: Any, s: int) -> int:
    """Take the first of the idle list, as a rule; -1 for none."""
    stage = w.stages[s]
    task = stage.idle_head
    row = w.tasks[task]
    if row.state == IDLE and row.notice > w.whole[0].now:
        stage.idle_head = row.next
        stage.idle -= 1
        return int(task)
    return first_idle(w, s)


@inlined  # pragma: no cover - machine code
def serve(w: Any, s: int) -> None:
    """Bring visible messages and polling tasks together. Idle tasks poll, and so do busy ones that read ahead."""
    stage = w.stages[s]
    while stage.visible > 0:
        idle = stage.idle > 0
        if idle and stage.hungry > 0:
            # Whose poll SQS answers is chance.
            idle = uniform(w.random, PICKS) * (stage.idle + stage.hungry) < stage.idle
        if idle:
            task = next_idle(w, s)
            if task >= 0:
                begin(w, task, s, receive(w, s))
        elif stage.hungry > 0:
            task = stage.hungry_head
            is_fed(w, task, s)
            w.tasks[task].held = receive(w, s)
        else:
            break


@inlined  # pragma: no cover - machine code
def enter(w: Any, s: int, job: int, now: float) -> None:
    """Send a job's message to a stage."""
    row = w.jobs[job]
    row.sent = row.since = now
    row.waited, row.receives, row.left = 0.0, 0, row.audio
    append(w, s, job)


@inlined  # pragma: no cover - machine code
def leave(w: Any, job: int, now: float) -> None:
    """Count a job whose last stage is done."""
    whole, row, count = w.whole[0], w.jobs[job], len(w.stages)
    record(w, count, row.before)
    record(w, count + 1, now - row.born)
    whole.finished += 1
    whole.audio_seconds += row.audio
    point = w.points[min(np.int64(now) // (60 * whole.point_minutes), len(w.points) - 1)]
    point[LEFT] += 1
    point[WAIT_SUM] += row.before
    if row.before > point[WAIT_MAX]:
        point[WAIT_MAX] = row.before
    free_job(w, job)


@inlined  # pragma: no cover - machine code
def rest(w: Any, task: int, s: int) -> None:
    """Let a task that has done its job go on with what it holds, or be idle."""
    row, stage = w.tasks[task], w.stages[s]
    held = row.held
    if stage.prefetch and held < 0:
        is_fed(w, task, s)
    row.job = -1
    if held >= 0 and stage.excess == 0:
        row.held = -1
        begin(w, task, s, held)
    elif stage.excess > 0:
        become_idle(w, task)
    else:
        be_idle(w, task, s)


@inlined  # pragma: no cover - machine code
def finish(w: Any, task: int) -> None:
    """End an attempt that went well: the job goes on to its next stage."""
    row, now = w.tasks[task], w.whole[0].now
    job, s = row.job, as_index(row.stage)
    stage = w.stages[s]
    stage.busy -= 1
    stage.busy_seconds += now - row.began
    stage.in_flight -= 1
    stage.finished += 1
    waited = w.jobs[job].waited
    record(w, s, waited)
    w.jobs[job].before += waited
    rest(w, task, s)
    if s + 1 < len(w.stages):
        enter(w, s + 1, job, now)
    else:
        leave(w, job, now)
