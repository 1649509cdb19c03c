"""How tasks come, wait, and go."""

from __future__ import annotations

from typing import Any

import numpy as np

from thoth_infra.simulate.engine.chance import exponential, within
from thoth_infra.simulate.engine.compiler import compiled, inlined
from thoth_infra.simulate.engine.layout import (
    BESIDE,
    BOOTS,
    GONE,
    HOST_OF,
    IDLE,
    NOTICES,
    ON_DEMAND,
    SPOT,
    STARTING,
)
from thoth_infra.simulate.engine.queues import free_job, free_task, prepend, schedule


@compiled  # pragma: no cover - machine code
def new_task(w: Any, s: int, state: int) -> int:
    """Return a fresh row; -1 when there is none, and then more are made before the next step."""
    whole = w.whole[0]
    task = whole.free_task
    if task < 0:
        whole.short = 1
        return -1
    whole.free_task = w.tasks[task].next
    whole.free_tasks -= 1
    row = w.tasks[task]
    row.state, row.stage, row.job, row.held = state, s, -1, -1
    w.on_host[task, HOST_OF] = -1
    row.hungry_before, row.hungry_after = -1, -1
    row.notice = np.inf
    return int(task)


@compiled  # pragma: no cover - machine code
def billed(w: Any, kind: int, market: int, count: int) -> None:
    """Count instances or tasks of a type in or out of what an hour costs now."""
    w.whole[0].usd_per_hour += count * w.types[kind].hourly[market]


@compiled  # pragma: no cover - machine code
def start_task(w: Any, s: int, market: int, host: int) -> bool:
    """Start a task, on Fargate without a host; it will be ready after image pull and model load."""
    stage, whole = w.stages[s], w.whole[0]
    task = new_task(w, s, STARTING)
    if task < 0:
        return False
    row = w.tasks[task]
    row.market, row.placed, w.on_host[task, HOST_OF] = market, whole.now, host
    stage.starting += 1
    if host >= 0:
        row.type, row.notice = w.hosts[host].type, w.hosts[host].notice
        w.on_host[task, BESIDE] = w.hosts[host].first
        w.hosts[host].first = task
        w.hosts[host].tasks += 1
        w.used[host, s] += 1
    else:
        row.type = stage.type
        billed(w, row.type, market, 1)
        if market == SPOT and w.types[row.type].taken_per_second > 0:
            row.notice = whole.now + exponential(w.random, NOTICES) / w.types[row.type].taken_per_second
            whole.next_notice = min(whole.next_notice, row.notice)
    schedule(w, task, whole.now + within(w.random, BOOTS, stage.start_least, stage.start_most))
    return True


@inlined  # pragma: no cover - machine code
def is_hungry(w: Any, task: int, s: int) -> None:
    """Note that a busy task polls for a message to work on next."""
    stage = w.stages[s]
    w.tasks[task].hungry_before, w.tasks[task].hungry_after = -1, stage.hungry_head
    if stage.hungry_head >= 0:
        w.tasks[stage.hungry_head].hungry_before = task
    stage.hungry_head = task
    stage.hungry += 1


@inlined  # pragma: no cover - machine code
def is_fed(w: Any, task: int, s: int) -> None:
    """Note that a busy task polls no more."""
    stage, before, after = w.stages[s], w.tasks[task].hungry_before, w.tasks[task].hungry_after
    if before >= 0:
        w.tasks[before].hungry_after = after
    else:
        stage.hungry_head = after
    if after >= 0:
        w.tasks[after].hungry_before = before
    stage.hungry -= 1


@compiled  # pragma: no cover - machine code
def bury(w: Any, s: int, job: int) -> None:
    """Move a job that is in flight to the dead letters."""
    w.stages[s].in_flight -= 1
    w.stages[s].dead += 1
    w.whole[0].dead += 1
    free_job(w, job)


@compiled  # pragma: no cover - machine code
def hand_back(w: Any, s: int, job: int) -> None:
    """Make a job that is in flight visible again, at once; after its last delivery it becomes a dead letter."""
    if w.jobs[job].receives >= w.whole[0].max_receives:
        bury(w, s, job)
    else:
        w.stages[s].in_flight -= 1
        prepend(w, s, job)


@compiled  # pragma: no cover - machine code
def end_task(w: Any, task: int, at: float) -> None:
    """End a task that is in no list any more, and take it off its host; its row is the caller's to free."""
    row = w.tasks[task]
    stage = w.stages[row.stage]
    stage.assigned[row.market] -= 1
    stage.task_seconds += at - row.placed
    if row.held >= 0:
        hand_back(w, row.stage, row.held)
        row.held = -1
    host = w.on_host[task, HOST_OF]
    if host < 0:
        w.types[row.type].seconds[row.market] += at - row.placed
        billed(w, row.type, row.market, -1)
    else:
        w.hosts[host].tasks -= 1
        w.used[host, row.stage] -= 1
        here, before = w.hosts[host].first, -1
        while here != task:
            before, here = here, w.on_host[here, BESIDE]
        if before < 0:
            w.hosts[host].first = w.on_host[task, BESIDE]
        else:
            w.on_host[before, BESIDE] = w.on_host[task, BESIDE]
    row.state = GONE


@compiled  # pragma: no cover - machine code
def drop(w: Any, task: int) -> None:
    """End a task that is starting or idle. Its row is freed when its event, or its turn among the idle, comes."""
    row = w.tasks[task]
    stage = w.stages[row.stage]
    if row.state == STARTING:
        stage.starting -= 1
    else:
        stage.idle -= 1
    end_task(w, task, w.whole[0].now)


@compiled  # pragma: no cover - machine code
def tidy(w: Any, s: int) -> None:
    """Free the rows of those idle tasks that were dropped."""
    stage, kept = w.stages[s], -1
    here = stage.idle_head
    stage.idle_head = -1
    while here >= 0:
        after = w.tasks[here].next
        if w.tasks[here].state == IDLE:
            w.tasks[here].next = kept
            kept = here
        else:
            free_task(w, here)
        here = after
    stage.idle_head = kept


@compiled  # pragma: no cover - machine code
def first_idle(w: Any, s: int) -> int:
    """Take an idle task that is really there out of the idle list and return it; -1 for none."""
    stage = w.stages[s]
    while stage.idle_head >= 0:
        task = stage.idle_head
        stage.idle_head = w.tasks[task].next
        if w.tasks[task].state == IDLE and w.tasks[task].notice > w.whole[0].now:
            stage.idle -= 1
            return int(task)
        if w.tasks[task].state == IDLE:
            drop(w, task)
        free_task(w, task)
    return -1


@inlined  # pragma: no cover - machine code
def be_idle(w: Any, task: int, s: int) -> None:
    """Put a task that is ready and has no job among the idle ones."""
    stage = w.stages[s]
    w.tasks[task].state = IDLE
    w.tasks[task].next = stage.idle_head
    stage.idle_head = task
    stage.idle += 1


@compiled  # pragma: no cover - machine code
def become_idle(w: Any, task: int) -> None:
    """Put a task among the idle ones, unless there is one too many."""
    row = w.tasks[task]
    stage = w.stages[row.stage]
    if stage.excess > 0:
        stage.excess -= 1
        end_task(w, task, w.whole[0].now)
        free_task(w, task)
        return
    be_idle(w, task, row.stage)


@compiled  # pragma: no cover - machine code
def next_market(w: Any, s: int) -> int:
    """Return where the next task goes by the capacity-provider strategy: the base first, then by weight."""
    stage = w.stages[s]
    above = stage.assigned[ON_DEMAND] - stage.base
    if above < 0 or stage.weight[SPOT] <= 0:
        return ON_DEMAND
    if stage.weight[ON_DEMAND] <= 0:
        return SPOT
    lean = above / stage.weight[ON_DEMAND] - stage.assigned[SPOT] / stage.weight[SPOT]
    return ON_DEMAND if lean <= 0 else SPOT


@compiled  # pragma: no cover - machine code
def fullest_market(w: Any, s: int) -> int:
    """Return where a task is taken from, so that the strategy's shares stay."""
    stage = w.stages[s]
    above = stage.assigned[ON_DEMAND] - stage.base
    if stage.assigned[SPOT] == 0 or (stage.weight[SPOT] <= 0 and above > 0):
        return ON_DEMAND
    if above <= 0 or stage.weight[ON_DEMAND] <= 0:
        return SPOT
    lean = above / stage.weight[ON_DEMAND] - stage.assigned[SPOT] / stage.weight[SPOT]
    return ON_DEMAND if lean > 0 else SPOT
