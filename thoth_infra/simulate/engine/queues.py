"""The calendar queue of what will happen, the queues of jobs, and the histograms of their waits. O(1) each."""

from __future__ import annotations

from typing import Any

import numpy as np

from thoth_infra.simulate.engine.compiler import inlined
from thoth_infra.simulate.engine.layout import BIN_SHIFT, BINS, BUCKETS, FIRST_BIN, FREE, MAX, SUM

_MASK = BUCKETS - 1


@inlined  # pragma: no cover - machine code
def schedule(w: Any, task: int, at: float) -> None:
    """Put a task into the bucket of its time, in order of time; equal times in order of arrival."""
    tasks = w.tasks
    bucket = np.int64(at * w.whole[0].per_second) & _MASK
    tasks[task].at = at
    before, here = -1, w.buckets[bucket]
    while here >= 0 and tasks[here].at <= at:
        before, here = here, tasks[here].next
    tasks[task].next = here
    if before < 0:
        w.buckets[bucket] = task
    else:
        tasks[before].next = task


@inlined  # pragma: no cover - machine code
def due(w: Any, limit: float) -> int:
    """Take out and return the task whose time is next and not after ``limit``; -1 for none."""
    whole, tasks = w.whole[0], w.tasks
    last = np.int64(limit * whole.per_second)
    cursor = whole.cursor
    while True:
        first = w.buckets[cursor & _MASK]
        # What is there may belong to a later round.
        if first >= 0 and np.int64(tasks[first].at * whole.per_second) <= cursor:
            if tasks[first].at > limit:
                first = -1
            else:
                w.buckets[cursor & _MASK] = tasks[first].next
            break
        if cursor >= last:
            first = -1
            break
        cursor += 1
    whole.cursor = cursor
    return int(first)


@inlined  # pragma: no cover - machine code
def append(w: Any, s: int, job: int) -> None:
    """Make a job visible, as the last of its queue."""
    stage = w.stages[s]
    w.jobs[job].next = -1
    if stage.tail < 0:
        stage.head = job
    else:
        w.jobs[stage.tail].next = job
    stage.tail = job
    stage.visible += 1


@inlined  # pragma: no cover - machine code
def prepend(w: Any, s: int, job: int) -> None:
    """Make a job visible, as the first of its queue: one that was handed back is older than the others."""
    stage = w.stages[s]
    w.jobs[job].next = stage.head
    stage.head = job
    if stage.tail < 0:
        stage.tail = job
    stage.visible += 1


@inlined  # pragma: no cover - machine code
def receive(w: Any, s: int) -> int:
    """Take the first visible job into flight and return it."""
    stage = w.stages[s]
    job = stage.head
    stage.head = w.jobs[job].next
    if stage.head < 0:
        stage.tail = -1
    stage.visible -= 1
    stage.in_flight += 1
    w.jobs[job].receives += 1
    if w.jobs[job].receives > 1:
        stage.retries += 1
    return int(job)


@inlined  # pragma: no cover - machine code
def free_job(w: Any, job: int) -> None:
    """Leave a job's row to the next one."""
    w.jobs[job].next = w.whole[0].free_job
    w.whole[0].free_job = job
    w.whole[0].in_system -= 1


@inlined  # pragma: no cover - machine code
def free_task(w: Any, task: int) -> None:
    """Leave a task's row to the next one."""
    w.tasks[task].state = FREE
    w.tasks[task].next = w.whole[0].free_task
    w.whole[0].free_task = task
    w.whole[0].free_tasks += 1


@inlined  # pragma: no cover - machine code
def record(w: Any, row: int, seconds: float) -> None:
    """Count a duration."""
    place = (np.float64(seconds).view(np.int64) >> BIN_SHIFT) - FIRST_BIN
    w.counts[row, min(max(place, 0), BINS - 1)] += 1
    w.waits[row, SUM] += seconds
    if seconds > w.waits[row, MAX]:
        w.waits[row, MAX] = seconds
