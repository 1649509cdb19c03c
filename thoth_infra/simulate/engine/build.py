"""From an estate and a workload to the core's memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import NormalDist
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from thoth_infra.contract import scaling
from thoth_infra.errors import ThothError
from thoth_infra.simulate.engine import chance, layout
from thoth_infra.simulate.engine.layout import World
from thoth_infra.simulate.estate import FARGATE, Estate, Fargate, HostType, OnPool, Schedule, Stage
from thoth_infra.simulate.workload import Audio, Rates, Trace, Workload

LENGTHS = 4096
POINTS = 720
"""Most points of the series."""
_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


def world(estate: Estate, workload: Workload, seed: int) -> World:
    """Return the memory as it is before the first job, with its seed's random numbers."""
    minutes = math.ceil((workload.hours + workload.drain_hours) * 60) + 1
    point_minutes = max(1, math.ceil(workload.hours * 60 / POINTS))
    points = math.ceil(minutes / point_minutes)
    kinds = list(types(estate))
    tasks = 2 * sum(stage.maximum for stage in estate.stages) + sum(p.on_demand_max + p.spot_max for p in estate.pools)
    hosts = min(sum(p.on_demand_max + p.spot_max for p in estate.pools), 1 << 16)
    count = len(estate.stages)
    made = World(
        whole=_whole(estate, workload, point_minutes),
        stages=_stages(estate, workload),
        groups=_groups(estate),
        types=_type_rows(kinds),
        jobs=np.zeros(0, layout.JOB),
        tasks=np.zeros(0, layout.TASK),
        on_host=np.zeros((0, 2), np.int32),
        hosts=np.zeros(0, layout.HOST),
        used=np.zeros((0, count), np.int32),
        buckets=np.full(layout.BUCKETS, -1, np.int32),
        work=_work(estate, workload, kinds),
        counts=np.zeros((count + 2, layout.BINS), np.int64),
        waits=np.zeros((count + 2, 2)),
        metrics=np.full((count, 3, layout.KEPT_MINUTES), np.nan),
        points=np.zeros((points, 9)),
        by_stage=np.zeros((points, count, 5)),
        arrivals=np.asarray(_arrivals(workload), np.float64),
        audio=np.asarray(workload.arrivals.audio_seconds if isinstance(workload.arrivals, Trace) else (), np.float32),
        lengths=lengths(workload.audio),
        actions=np.asarray(_actions(estate.schedule, workload), np.float64).reshape(-1, 2),
        random=chance.streams(seed, 8),
    )
    return grown(made, jobs=1024, tasks=min(tasks, 1 << 20) + 1024, hosts=hosts + 16)


def grown(w: World, *, jobs: int = 0, tasks: int = 0, hosts: int = 0) -> World:
    """Return the memory with at least so many rows more."""
    w.whole["short"] = 0
    w.whole["free_tasks"] += tasks
    used, on_host = (
        np.concatenate([rows, np.zeros((count, rows.shape[1]), np.int32)]) if count else rows
        for rows, count in ((w.used, hosts), (w.on_host, tasks))
    )
    return w._replace(
        jobs=_more(w, w.jobs, jobs, "free_job"),
        tasks=_more(w, w.tasks, tasks, "free_task"),
        hosts=_more(w, w.hosts, hosts, "free_host"),
        used=used,
        on_host=on_host,
    )


def _more(w: World, rows: Any, count: int, free: str) -> Any:
    if not count:
        return rows
    first = len(rows)
    grown_rows = _lined_up(first + count, rows.dtype)
    grown_rows[:first] = rows
    added = grown_rows[first:]
    added["next"] = np.arange(first + 1, first + count + 1)
    added["next"][-1] = w.whole[free][0]
    w.whole[free] = first
    return grown_rows


def _lined_up(count: int, kind: Any) -> Any:
    """Return empty rows that begin with a cache line."""
    buffer = np.zeros(count * kind.itemsize + layout.LINE, np.uint8)
    begin = -buffer.ctypes.data % layout.LINE
    return buffer[begin : begin + count * kind.itemsize].view(kind)


def types(estate: Estate) -> Iterator[tuple[str, HostType]]:
    """Yield the owner's name and the type of each row of TYPE: those of the pools, then Fargate once per stage."""
    for pool in estate.pools:
        for kind in pool.types:
            yield pool.name, kind
    for stage in estate.stages:
        if isinstance(launch := stage.launch, Fargate):
            yield (
                stage.name,
                HostType(FARGATE, "", 0, launch.hourly, launch.spot_hourly, 1.0, launch.interruptions_per_hour),
            )


def _type_rows(types: list[tuple[str, HostType]]) -> Any:
    rows = np.zeros(len(types), layout.TYPE)
    for row, (_, kind) in zip(rows, types, strict=True):
        row["hourly"] = kind.hourly, kind.spot_hourly
        row["taken_per_second"] = kind.interruptions_per_hour / 3600
        row["share"], row["gpus"] = kind.spot_share, kind.gpus
    return rows


def _groups(estate: Estate) -> Any:
    rows, first = np.zeros(2 * len(estate.pools), layout.GROUP), 0
    for index, pool in enumerate(estate.pools):
        for market, most in ((layout.ON_DEMAND, pool.on_demand_max), (layout.SPOT, pool.spot_max)):
            row = rows[2 * index + market]
            row["market"], row["most"], row["step"] = market, most, most
            row["idle_minutes"], row["first_type"], row["types"] = pool.idle_minutes, first, len(pool.types)
        first += len(pool.types)
    return rows


def set_delays(w: World, estate: Estate) -> None:
    """Give hosts and tasks the times that they take to come up; before this, they take none."""
    for row, stage in zip(w.stages, estate.stages, strict=True):
        row["start_least"], row["start_most"] = stage.start.least, stage.start.most
    for index, pool in enumerate(estate.pools):
        for row in w.groups[2 * index : 2 * index + 2]:
            row["boot_least"], row["boot_most"], row["step"] = pool.boot.least, pool.boot.most, pool.most_step


def _stages(estate: Estate, workload: Workload) -> Any:
    rows = np.zeros(len(estate.stages), layout.STAGE)
    pools = [pool.name for pool in estate.pools]
    fargate = sum(len(pool.types) for pool in estate.pools)
    for row, stage in zip(rows, estate.stages, strict=True):
        for name in ("head", "tail", "idle_head", "hungry_head"):
            row[name] = -1
        _launched(row, stage, pools)
        if isinstance(stage.launch, Fargate):
            row["type"] = fargate
            fargate += 1
        _scaled(row, stage)
        work = workload.of(stage.name)
        row["fixed"], row["failing"], row["crashing"] = work.fixed_seconds, work.failing, work.crashing
        row["checkpoint"], row["prefetch"] = stage.checkpoint_seconds, stage.prefetch
        row["job_seconds"], row["visibility"] = stage.job_seconds, stage.visibility_seconds
    return rows


def _launched(row: Any, stage: Stage, pools: list[str]) -> None:
    row["group"], row["per_host"] = (-1, -1), 1
    if isinstance(stage.launch, OnPool):
        pool = 2 * pools.index(stage.launch.pool)
        row["group"], row["per_host"] = (pool, pool + 1), stage.launch.tasks_per_host
    row["base"], row["weight"] = stage.on_demand_base, (stage.on_demand_weight, stage.spot_weight)


def _scaled(row: Any, stage: Stage) -> None:
    row["desired"] = row["minimum"] = row["low"] = stage.minimum
    row["maximum"] = row["high"] = stage.maximum
    row["scheduled"] = stage.follows_schedule
    if stage.kind == "fixed":
        return
    if wake := stage.wake:
        row["wakes"], row["wake_minutes"] = True, wake.evaluation_minutes
        row["wake_adjustment"], row["wake_cooldown"] = wake.adjustment, wake.cooldown_seconds
    if track := stage.track:
        row["target"], row["track_minutes"] = track.messages_per_task, track.evaluation_minutes
        row["track_cooldown"] = track.cooldown_seconds
    if sleep := stage.sleep:
        row["sleep_minutes"], row["sleep_cooldown"] = sleep.evaluation_minutes, sleep.cooldown_seconds


def _work(estate: Estate, workload: Workload, types: list[tuple[str, HostType]]) -> Any:
    table = np.full((len(estate.stages), len(types)), np.nan)
    for s, stage in enumerate(estate.stages):
        owner = stage.launch.pool if isinstance(stage.launch, OnPool) else stage.name
        work = workload.of(stage.name)
        for t, (name, kind) in enumerate(types):
            if name == owner:
                try:
                    table[s, t] = work.on(kind.name)
                except KeyError:
                    raise ThothError(
                        f"it is not known how long {stage.name} works on a {kind.name}",
                        "give the workload seconds of work per second of audio for it",
                    ) from None
    return table


def _whole(estate: Estate, workload: Workload, point_minutes: int) -> Any:
    row = np.zeros(1, layout.WHOLE)
    metrics, arrivals = estate.metrics, workload.arrivals
    modes = {True: layout.EXACT, False: layout.POISSON}
    jobs = sum(arrivals.hourly) if isinstance(arrivals, Rates) else len(arrivals.at)
    values = {
        "per_second": _buckets_per_second(jobs * (1 + len(estate.stages)) / max(workload.hours * 3600, 1)),
        "mode": modes[arrivals.exact] if isinstance(arrivals, Rates) else layout.TRACE,
        "hours_end": workload.hours * 3600,
        "end": (workload.hours + workload.drain_hours) * 3600,
        "free_job": -1,
        "free_task": -1,
        "free_host": -1,
        "next_notice": math.inf,
        "next_arrival": math.inf,
        "max_receives": estate.max_receives,
        "retention": estate.retention_seconds,
        "queue_lag": _lag(metrics.queue_lag_seconds),
        "task_lag": _lag(metrics.task_lag_seconds),
        "inactive_after": metrics.inactive_after_seconds,
        "awakening": metrics.awakening_seconds,
        "first_pause": scaling.FIRST_BACKOFF_SECONDS,
        "longest_pause": scaling.LONGEST_BACKOFF_SECONDS,
        "notice_seconds": scaling.SPOT_NOTICE_SECONDS,
        "point_minutes": point_minutes,
    }
    for name, value in values.items():
        row[name] = value
    return row


def _lag(seconds: float) -> int:
    return min(math.ceil(seconds / scaling.METRIC_PERIOD_SECONDS), layout.KEPT_MINUTES - 1)


def _buckets_per_second(events_per_second: float) -> float:
    """Return how fine the calendar is: about an event in each bucket, so that it stays O(1) at any load."""
    return min(max(events_per_second, 1 / 30), 1e4)


def _arrivals(workload: Workload) -> tuple[float, ...]:
    arrivals = workload.arrivals
    return arrivals.hourly[: math.ceil(workload.hours)] if isinstance(arrivals, Rates) else arrivals.at


def lengths(audio: Audio) -> Any:
    """Return 4096 equally likely lengths: the mean of each slice between two quantiles, so that the mean is exact."""
    mean = audio.mean_seconds
    if audio.distribution == "fixed":
        return np.full(LENGTHS, mean, np.float32)
    shares = np.arange(LENGTHS + 1) / LENGTHS
    if audio.distribution == "exponential":
        rest = np.append(1 - shares[:-1], 1.0)
        below = rest * np.log(rest) + shares  # the integral of the quantile function, -ln(1 - u)
        below[-1] = 1.0
    else:
        sigma, normal = math.sqrt(math.log1p(audio.cv**2)), NormalDist()
        inner = [normal.cdf(normal.inv_cdf(float(share)) - sigma) for share in shares[1:-1]]
        below = np.array([0.0, *inner, 1.0])
    return np.asarray(mean * LENGTHS * np.array([b - a for a, b in pairwise(below)]), np.float32)


def _actions(schedule: Schedule | None, workload: Workload) -> list[tuple[float, float]]:
    """Return when the schedule acts, in seconds from the start; 1 for stop. The first says how things stand then."""
    if schedule is None:
        return []
    zone, start = ZoneInfo(schedule.time_zone), workload.start
    first = start.astimezone(zone).date() - timedelta(days=8)
    found = []
    for offset in range(math.ceil((workload.hours + workload.drain_hours) / 24) + 10):
        day = first + timedelta(days=offset)
        wanted = [(schedule.stop_at, 1.0)]
        wanted += [(schedule.start_at, 0.0)] if _DAYS[day.weekday()] in schedule.days else []
        for clock, stops in wanted:
            hour, minute = map(int, clock.split(":"))
            local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
            found.append(((local.astimezone(UTC) - start).total_seconds(), stops))
    found.sort()
    past = [stops for at, stops in found if at <= 0]
    return [(0.0, past[-1]), *((at, stops) for at, stops in found if at > 0)]
