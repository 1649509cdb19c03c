"""How hosts come and go, and what spot takes away."""

from __future__ import annotations

from typing import Any

import numpy as np

from thoth_infra.simulate.engine.chance import exponential, uniform, within
from thoth_infra.simulate.engine.compiler import compiled
from thoth_infra.simulate.engine.layout import (
    BOOTING,
    BOOTS,
    BUSY,
    FREE,
    HOST_OF,
    IDLE,
    KINDS,
    NOTICES,
    SPOT,
    STARTING,
    TAKEN_AWAY,
)
from thoth_infra.simulate.engine.queues import schedule
from thoth_infra.simulate.engine.tasks import billed, drop, new_task, start_task, tidy


@compiled  # pragma: no cover - machine code
def new_host(w: Any, g: int) -> bool:
    """Request a host of a group; it will be there after its boot."""
    whole, group = w.whole[0], w.groups[g]
    host = whole.free_host
    task = new_task(w, 0, BOOTING) if host >= 0 else -1
    if task < 0:
        whole.short = 1
        return False
    whole.free_host = w.hosts[host].next
    kind = group.first_type
    if group.market == SPOT:
        luck = uniform(w.random, KINDS)
        for other in range(group.types):
            kind = group.first_type + other
            luck -= w.types[kind].share
            if luck < 0:
                break
    row = w.hosts[host]
    row.since, row.notice, row.first, row.tasks, row.group = whole.now, np.inf, -1, 0, g
    row.type, row.market, row.state = kind, group.market, BOOTING
    w.used[host, :] = 0
    w.on_host[task, HOST_OF] = host
    group.have += 1
    whole.instances[group.market] += 1
    billed(w, kind, group.market, 1)
    schedule(w, task, whole.now + within(w.random, BOOTS, group.boot_least, group.boot_most))
    return True


@compiled  # pragma: no cover - machine code
def end_host(w: Any, host: int, at: float) -> None:
    """Take a host without tasks away; it was paid for until ``at``."""
    whole, row = w.whole[0], w.hosts[host]
    w.types[row.type].seconds[row.market] += at - row.since
    billed(w, row.type, row.market, -1)
    w.groups[row.group].have -= 1
    whole.instances[row.market] -= 1
    row.state = FREE
    row.next = whole.free_host
    whole.free_host = host


@compiled  # pragma: no cover - machine code
def fill_host(w: Any, host: int) -> None:
    """Place tasks that wait for a host of its market."""
    row = w.hosts[host]
    for s in range(len(w.stages)):
        stage = w.stages[s]
        if stage.group[row.market] != row.group:
            continue
        while stage.unplaced[row.market] > 0 and w.used[host, s] < stage.per_host:
            if not start_task(w, s, row.market, host):
                return
            stage.unplaced[row.market] -= 1


@compiled  # pragma: no cover - machine code
def host_ready(w: Any, host: int) -> None:
    """Bring a booted host into the cluster. How long a spot host is left to us is drawn here."""
    row, whole = w.hosts[host], w.whole[0]
    row.state = IDLE
    rate = w.types[row.type].taken_per_second
    if row.market == SPOT and rate > 0:
        row.notice = whole.now + exponential(w.random, NOTICES) / rate
        whole.next_notice = min(whole.next_notice, row.notice)
    fill_host(w, host)


@compiled  # pragma: no cover - machine code
def take_away(w: Any) -> None:
    """Let go what spot has given notice of: hosts with their tasks, and Fargate Spot's tasks.

    Busy tasks end by themselves, at the notice; a host with one of them is gone a minute later.
    """
    whole = w.whole[0]
    whole.next_notice = np.inf
    for task in range(len(w.tasks)):
        row = w.tasks[task]
        if row.state != STARTING and row.state != IDLE and row.state != BUSY:
            continue
        if row.notice <= whole.now and row.state != BUSY:
            if w.on_host[task, HOST_OF] < 0:
                taken(w)
            drop(w, task)
        elif row.notice < whole.next_notice:
            whole.next_notice = row.notice
    for s in range(len(w.stages)):
        tidy(w, s)
    for host in range(len(w.hosts)):
        other = w.hosts[host]
        if other.state != FREE and other.notice <= whole.now and other.tasks == 0:
            taken(w)
            end_host(w, host, other.notice + whole.notice_seconds)
        elif other.state != FREE and other.notice < whole.next_notice:
            whole.next_notice = other.notice


@compiled  # pragma: no cover - machine code
def taken(w: Any) -> None:
    """Count a spot instance, or a Fargate Spot task, that was taken away."""
    whole = w.whole[0]
    whole.taken += 1
    w.points[min(whole.minute // whole.point_minutes, len(w.points) - 1), TAKEN_AWAY] += 1
