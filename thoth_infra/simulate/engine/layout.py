"""The memory of the core: structured arrays, one row per job, task, host, stage; indices link them to lists.

Jobs and tasks that are gone leave their rows to the next ones, so memory grows with what is in the system at once, not
with what has passed through it. All times are seconds from the workload's start; -1 is "none" among indices.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

# What a row of TASK is. A row that waits for time to pass without being a task: BOOTING a host, PAUSING a job.
FREE, STARTING, IDLE, BUSY, GONE, BOOTING, PAUSING = range(7)
# How the attempt that a busy task is at ends.
DONE, TAKEN, FAILED, CRASHED = range(4)
ON_DEMAND, SPOT = 0, 1
# Streams of random numbers, so that a change of the estate leaves the arrivals as they are.
ARRIVALS, LENGTHS, ATTEMPTS, NOTICES, BOOTS, PICKS, KINDS, AWAKENING = range(8)
# How `arrivals` are given.
POISSON, EXACT, TRACE = range(3)
# What `advance` returns for.
MORE, GROW, OVER = range(3)

BUCKETS = 1 << 13
"""Of the calendar queue."""
KEPT_MINUTES = 16
"""Minutes of metrics that are kept for the alarms."""
# A wait's bin is its floating-point number's exponent and first 8 bits of the mantissa: 0.4 % wide at most.
BIN_SHIFT = 52 - 8
FIRST_BIN = (1023 - 10) << 8
BINS = 40 << 8

# A job and a task are a cache line each, which is most of what an event costs.
LINE = 64
JOB = np.dtype(
    [
        ("born", "f8"), ("sent", "f8"), ("since", "f8"), ("waited", "f8"), ("before", "f8"),
        ("audio", "f4"), ("left", "f4"), ("next", "i4"), ("receives", "i4"), ("spare", "f8"),
    ],
    align=True,
)  # fmt: skip
TASK = np.dtype(
    [
        ("at", "f8"), ("began", "f8"), ("placed", "f8"), ("notice", "f8"),
        ("next", "i4"), ("job", "i4"), ("held", "i4"),
        ("hungry_before", "i4"), ("hungry_after", "i4"),
        ("stage", "i2"), ("type", "i2"), ("state", "i1"), ("outcome", "i1"), ("market", "i1"),
    ],
    align=True,
)  # fmt: skip
HOST = np.dtype(
    [
        ("since", "f8"), ("notice", "f8"), ("next", "i4"), ("first", "i4"), ("tasks", "i4"),
        ("group", "i2"), ("type", "i2"), ("market", "i1"), ("state", "i1"),
    ],
    align=True,
)  # fmt: skip
STAGE = np.dtype(
    [
        # the queue
        ("head", "i4"), ("tail", "i4"), ("visible", "i8"), ("in_flight", "i8"),
        # the tasks
        ("idle_head", "i4"), ("idle", "i8"), ("hungry_head", "i4"), ("hungry", "i8"), ("busy", "i8"),
        ("starting", "i8"), ("excess", "i8"), ("assigned", "i8", 2), ("unplaced", "i8", 2),
        # what autoscaling wants
        ("desired", "i8"), ("minimum", "i8"), ("maximum", "i8"), ("low", "i8"), ("high", "i8"), ("scheduled", "i1"),
        # how they are launched
        ("group", "i4", 2), ("per_host", "i8"), ("type", "i8"), ("base", "i8"), ("weight", "f8", 2),
        ("start_least", "f8"), ("start_most", "f8"), ("prefetch", "i1"),
        # the work
        ("fixed", "f8"), ("checkpoint", "f8"), ("job_seconds", "f8"), ("visibility", "f8"),
        ("failing", "f8"), ("crashing", "f8"),
        # policies: with what they were last at
        ("wakes", "i1"), ("wake_minutes", "i8"), ("wake_adjustment", "i8"), ("wake_cooldown", "f8"),
        ("wake_run", "i8"), ("wake_until", "f8"),
        ("target", "f8"), ("track_minutes", "i8"), ("track_cooldown", "f8"), ("track_run", "i8"),
        ("track_until", "f8"), ("track_last", "i8"),
        ("sleep_minutes", "i8"), ("sleep_cooldown", "f8"), ("sleep_run", "i8"), ("sleep_until", "f8"),
        ("active", "f8"), ("seen_from", "f8"),
        # what came of it
        ("finished", "i8"), ("retries", "i8"), ("dead", "i8"), ("expired", "i8"), ("interrupted", "i8"),
        ("busy_seconds", "f8"), ("task_seconds", "f8"), ("largest", "i8"), ("most", "i8"),
    ],
    align=True,
)  # fmt: skip
GROUP = np.dtype(
    [
        ("market", "i1"), ("most", "i8"), ("have", "i8"), ("step", "i8"), ("idle_minutes", "i8"), ("idle_run", "i8"),
        ("boot_least", "f8"), ("boot_most", "f8"), ("first_type", "i8"), ("types", "i8"),
    ],
    align=True,
)  # fmt: skip
TYPE = np.dtype(
    [("hourly", "f8", 2), ("seconds", "f8", 2), ("taken_per_second", "f8"), ("share", "f8"), ("gpus", "f8")],
    align=True,
)
WHOLE = np.dtype(
    [
        ("now", "f8"), ("next_arrival", "f8"), ("next_minute", "f8"), ("minute", "i8"), ("cursor", "i8"),
        ("per_second", "f8"), ("mode", "i8"), ("at", "i8"), ("left_in_hour", "i8"), ("hours_end", "f8"), ("end", "f8"),
        ("free_job", "i4"), ("free_task", "i4"), ("free_tasks", "i8"), ("free_host", "i4"), ("hosts", "i8"),
        ("short", "i1"), ("next_notice", "f8"), ("next_action", "i8"), ("off", "i1"),
        ("max_receives", "i8"), ("retention", "f8"), ("queue_lag", "i8"), ("task_lag", "i8"),
        ("inactive_after", "f8"), ("awakening", "f8"), ("first_pause", "f8"), ("longest_pause", "f8"),
        ("notice_seconds", "f8"), ("point_minutes", "i8"),
        ("arrived", "i8"), ("finished", "i8"), ("dead", "i8"), ("expired", "i8"), ("in_system", "i8"),
        ("audio_seconds", "f8"), ("taken", "i8"), ("usd_per_hour", "f8"), ("instances", "i8", 2),
    ],
    align=True,
)  # fmt: skip
# Columns of a point's row, and of its row per stage.
MINUTES, INSTANCES_ON_DEMAND, INSTANCES_SPOT, USD, TAKEN_AWAY, LEFT, WAIT_SUM, WAIT_MAX, OFF = range(9)
QUEUE, QUEUE_MAX, IN_FLIGHT, DESIRED, RUNNING = range(5)
# Columns of `on_host`.
HOST_OF, BESIDE = 0, 1
# Rows of `waits` above one per stage, and its columns.
SUM, MAX = 0, 1


class World(NamedTuple):
    """All arrays. Shapes: S stages, T host types (a Fargate stage has one), G groups (pool × market), P points."""

    whole: Any
    """WHOLE [1]"""
    stages: Any
    """STAGE [S]"""
    groups: Any
    """GROUP [G]"""
    types: Any
    """TYPE [T]"""
    jobs: Any
    """JOB, grows"""
    tasks: Any
    """TASK, grows"""
    on_host: Any
    """i4 [tasks, 2]: a task's host, and the next task there"""
    hosts: Any
    """HOST, grows"""
    used: Any
    """i4 [hosts, S]: tasks of a stage on a host"""
    buckets: Any
    """i4 [BUCKETS]: first task of each"""
    work: Any
    """f8 [S, T]: seconds per second of audio"""
    counts: Any
    """i8 [S + 2, BINS]: waits by stage, whole waits, turnarounds"""
    waits: Any
    """f8 [S + 2, 2]: their sums and largest"""
    metrics: Any
    """f8 [S, 3, KEPT_MINUTES]: visible, in flight, running; NaN where nothing was emitted"""
    points: Any
    """f8 [P, 9]"""
    by_stage: Any
    """f8 [P, S, 5]"""
    arrivals: Any
    """f8: rates by the hour, or times"""
    audio: Any
    """f4: of a trace"""
    lengths: Any
    """f4 [4096]: equally likely lengths of audio"""
    actions: Any
    """f8 [A, 2]: time, and 1 for stop"""
    random: Any
    """u8 [8]: a state per stream"""
