"""Jobs: how they arrive, are worked on, go wrong, and are done. And the loop over all that happens."""

from __future__ import annotations

from typing import Any

import numpy as np

from thoth_infra.simulate.engine.chance import bits, exponential, uniform
from thoth_infra.simulate.engine.compiler import compiled, entry, inlined
from thoth_infra.simulate.engine.control import control, follow_schedule, provide, reconcile
from thoth_infra.simulate.engine.layout import (
    ARRIVALS,
    ATTEMPTS,
    BOOTING,
    BUSY,
    CRASHED,
    DONE,
    EXACT,
    FAILED,
    GONE,
    GROW,
    IDLE,
    LEFT,
    LENGTHS,
    MORE,
    OVER,
    PAUSING,
    PICKS,
    POISSON,
    STARTING,
    TAKEN,
    TRACE,
    WAIT_MAX,
    WAIT_SUM,
)
from thoth_infra.simulate.engine.queues import append, due, free_job, free_task, receive, record, schedule
from thoth_infra.simulate.engine.tasks import (
    be_idle,
    become_idle,
    end_task,
    first_idle,
    hand_back,
    host_ready,
    is_fed,
    is_hungry,
    new_task,
    taken,
)

_52 = np.uint64(52)
# A delivery that goes wrong needs a row for its pause, and another one for what is started in its place.
_RESERVE = 4


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
    row.waited, row.receives, row.stage, row.left = 0.0, 0, s, row.audio
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
        if row.host < 0:
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
        host_ready(w, row.host)
        free_task(w, task)
    elif row.state == PAUSING:
        resume(w, task)
    elif row.state == GONE:
        free_task(w, task)


@compiled  # pragma: no cover - machine code
def next_hour(w: Any, at: float) -> float:
    """Return when the next job arrives, of those counted by the hour; infinity after the last."""
    whole = w.whole[0]
    while True:
        hour = whole.at
        if hour >= len(w.arrivals):
            return np.inf
        end = min((hour + 1) * 3600.0, whole.hours_end)
        if whole.mode == EXACT and whole.left_in_hour > 0:
            at += (end - at) * (1.0 - (1.0 - uniform(w.random, ARRIVALS)) ** (1.0 / whole.left_in_hour))
            whole.left_in_hour -= 1
            return at
        if whole.mode == POISSON and w.arrivals[hour] > 0:
            at += exponential(w.random, ARRIVALS) * 3600.0 / w.arrivals[hour]
            if at < end:
                return at
        at = end
        whole.at = hour + 1
        if hour + 1 < len(w.arrivals) and whole.mode == EXACT:
            whole.left_in_hour = np.int64(w.arrivals[hour + 1])


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
def later(w: Any, now: float) -> float:
    """Return when the next job arrives, if not within this hour's rate."""
    whole = w.whole[0]
    if whole.mode == POISSON:
        now = (whole.at + 1) * 3600.0
        whole.at += 1
    return next_hour(w, now)


@compiled  # pragma: no cover - machine code
def first_arrival(w: Any) -> None:
    """Find out when the first job arrives."""
    whole = w.whole[0]
    if whole.mode == TRACE:
        whole.next_arrival = w.arrivals[0] if len(w.arrivals) > 0 else np.inf
    else:
        whole.left_in_hour = np.int64(w.arrivals[0]) if len(w.arrivals) > 0 else 0
        whole.next_arrival = next_hour(w, 0.0)


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
