"""What happens once a minute: policies, the service scheduler, the capacity provider; and the end of all."""

from __future__ import annotations

from typing import Any

from thoth_infra.simulate.engine.compiler import compiled, entry
from thoth_infra.simulate.engine.hosts import end_host, fill_host, new_host, take_away
from thoth_infra.simulate.engine.layout import (
    BUSY,
    DESIRED,
    FREE,
    HOST_OF,
    IDLE,
    IN_FLIGHT,
    INSTANCES_ON_DEMAND,
    INSTANCES_SPOT,
    MINUTES,
    OFF,
    ON_DEMAND,
    PAUSING,
    QUEUE,
    QUEUE_MAX,
    RUNNING,
    SPOT,
    STARTING,
    USD,
)
from thoth_infra.simulate.engine.policies import emit, follow_schedule, scale
from thoth_infra.simulate.engine.queues import free_job, record
from thoth_infra.simulate.engine.tasks import drop, fullest_market, next_market, start_task, tidy


@compiled  # pragma: no cover - machine code
def expire(w: Any, s: int) -> None:
    """Lose the messages that have outlived their retention; the oldest stand first."""
    stage, whole = w.stages[s], w.whole[0]
    while stage.head >= 0 and whole.now - w.jobs[stage.head].sent > whole.retention:
        job = stage.head
        stage.head = w.jobs[job].next
        if stage.head < 0:
            stage.tail = -1
        stage.visible -= 1
        stage.expired += 1
        whole.expired += 1
        free_job(w, job)


@compiled  # pragma: no cover - machine code
def reconcile(w: Any, s: int) -> None:
    """Start and stop tasks until there are as many as desired; a busy one is protected until its job is done."""
    stage = w.stages[s]
    stage.excess = 0
    total = stage.assigned[ON_DEMAND] + stage.assigned[SPOT]
    while total < stage.desired:
        market = next_market(w, s)
        if stage.group[market] >= 0:
            stage.unplaced[market] += 1
        elif not start_task(w, s, market, -1):
            return
        stage.assigned[market] += 1
        total += 1
    if total <= stage.desired:
        return
    while total > stage.desired:
        market = fullest_market(w, s)
        if not (fewer(w, s, market) or fewer(w, s, 1 - market)):
            stage.excess = total - stage.desired
            break
        total -= 1
    tidy(w, s)


@compiled  # pragma: no cover - machine code
def fewer(w: Any, s: int, market: int) -> bool:
    """Stop a task of a market that is not at work; False when there is none."""
    stage = w.stages[s]
    if stage.unplaced[market] > 0:
        stage.unplaced[market] -= 1
        stage.assigned[market] -= 1
        return True
    found = -1
    for task in range(len(w.tasks)):
        row = w.tasks[task]
        if row.stage == s and row.market == market and (row.state == STARTING or row.state == IDLE):
            found = task
            if row.state == STARTING:
                break
    if found < 0:
        return False
    drop(w, found)
    return True


@compiled  # pragma: no cover - machine code
def wanted_hosts(w: Any, g: int) -> int:
    """Return as many hosts as a group's tasks, placed or not, need."""
    market, wanted = w.groups[g].market, 0
    for s in range(len(w.stages)):
        stage = w.stages[s]
        if stage.group[market] == g:
            wanted = max(wanted, (stage.assigned[market] + stage.per_host - 1) // stage.per_host)
    return wanted


@compiled  # pragma: no cover - machine code
def place(w: Any) -> None:
    """Place waiting tasks on hosts that have room."""
    waiting = 0
    for s in range(len(w.stages)):
        waiting += w.stages[s].unplaced[ON_DEMAND] + w.stages[s].unplaced[SPOT]
    if waiting == 0:
        return
    for host in range(len(w.hosts)):
        if w.hosts[host].state == IDLE and w.hosts[host].notice > w.whole[0].now:
            fill_host(w, host)


@compiled  # pragma: no cover - machine code
def provide(w: Any, g: int) -> None:
    """Managed scaling of one group: some hosts more a minute; empty ones go together after a while."""
    group, whole = w.groups[g], w.whole[0]
    wanted = wanted_hosts(w, g)
    for _ in range(min(group.step, wanted - group.have, group.most - group.have)):
        if not new_host(w, g):
            return
    if wanted >= group.have:
        group.idle_run = 0
        return
    group.idle_run += 1
    if group.idle_run >= group.idle_minutes:
        group.idle_run = 0
        for host in range(len(w.hosts)):
            row = w.hosts[host]
            if row.state == IDLE and row.group == g and row.tasks == 0 and row.notice > whole.now:
                end_host(w, host, whole.now)


@compiled  # pragma: no cover - machine code
def note(w: Any) -> None:
    """Add this minute to its point of the series."""
    whole = w.whole[0]
    at = min(whole.minute // whole.point_minutes, len(w.points) - 1)
    point = w.points[at]
    if point[MINUTES] == 0:
        point[OFF] = whole.off
    point[MINUTES] += 1
    point[INSTANCES_ON_DEMAND] += whole.instances[ON_DEMAND]
    point[INSTANCES_SPOT] += whole.instances[SPOT]
    point[USD] += whole.usd_per_hour
    for s in range(len(w.stages)):
        row, stage = w.by_stage[at, s], w.stages[s]
        row[QUEUE] += stage.visible
        row[QUEUE_MAX] = max(row[QUEUE_MAX], stage.visible)
        row[IN_FLIGHT] += stage.in_flight
        row[DESIRED] += stage.desired
        row[RUNNING] += stage.idle + stage.busy


@compiled  # pragma: no cover - machine code
def control(w: Any) -> None:
    """Do all that happens at a full minute."""
    whole = w.whole[0]
    if whole.next_notice <= whole.now:
        take_away(w)
    follow_schedule(w)
    for s in range(len(w.stages)):
        expire(w, s)
        emit(w, s)
        scale(w, s)
        reconcile(w, s)
    for g in range(len(w.groups)):
        provide(w, g)
    place(w)
    note(w)
    whole.minute += 1
    whole.next_minute = whole.minute * 60.0


@compiled  # pragma: no cover - machine code
def count_in(w: Any, s: int, job: int, waiting: float) -> None:
    """Count what an unfinished job has waited."""
    row, count = w.jobs[job], len(w.stages)
    record(w, s, row.waited + waiting)
    record(w, count, row.before + row.waited + waiting)
    record(w, count + 1, w.whole[0].now - row.born)


@compiled  # pragma: no cover - machine code
def settle_task(w: Any, task: int) -> None:
    """Account for a task, and for what the jobs that it has have waited."""
    row, now = w.tasks[task], w.whole[0].now
    stage = w.stages[row.stage]
    stage.task_seconds += now - row.placed
    if w.on_host[task, HOST_OF] < 0:
        w.types[row.type].seconds[row.market] += now - row.placed
    if row.state == BUSY:
        stage.busy_seconds += now - row.began
        count_in(w, row.stage, row.job, 0.0)
    if row.held >= 0:
        count_in(w, row.stage, row.held, now - w.jobs[row.held].since)


@entry  # pragma: no cover - machine code
def settle(w: Any) -> None:
    """At the end: account for hosts and tasks that are still there, and for what unfinished jobs have waited."""
    now = w.whole[0].now
    for s in range(len(w.stages)):
        job = w.stages[s].head
        while job >= 0:
            count_in(w, s, job, now - w.jobs[job].since)
            job = w.jobs[job].next
    for task in range(len(w.tasks)):
        if w.tasks[task].state == PAUSING:
            count_in(w, w.tasks[task].stage, w.tasks[task].job, now - w.jobs[w.tasks[task].job].since)
        elif w.tasks[task].state == STARTING or w.tasks[task].state == IDLE or w.tasks[task].state == BUSY:
            settle_task(w, task)
    for host in range(len(w.hosts)):
        other = w.hosts[host]
        if other.state != FREE:
            w.types[other.type].seconds[other.market] += now - other.since
