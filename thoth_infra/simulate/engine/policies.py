"""Metrics, alarms, policies and the schedule: what moves a service's desired count."""

from __future__ import annotations

from typing import Any

import numpy as np

from thoth_infra.simulate.engine.chance import uniform
from thoth_infra.simulate.engine.compiler import compiled
from thoth_infra.simulate.engine.layout import (
    AWAKENING,
    KEPT_MINUTES,
)


@compiled  # pragma: no cover - machine code
def follow_schedule(w: Any) -> None:
    """Move the bounds by the scheduled actions that are due; application autoscaling moves the desired count."""
    whole = w.whole[0]
    while whole.next_action < len(w.actions) and w.actions[whole.next_action, 0] <= whole.now:
        whole.off = w.actions[whole.next_action, 1] > 0
        whole.next_action += 1
        for s in range(len(w.stages)):
            stage = w.stages[s]
            if stage.scheduled:
                stage.minimum = 0 if whole.off else stage.low
                stage.maximum = 0 if whole.off else stage.high
                stage.desired = min(max(stage.desired, stage.minimum), stage.maximum)


@compiled  # pragma: no cover - machine code
def emit(w: Any, s: int) -> None:
    """Note what CloudWatch gets to know of this minute, sooner or later; NaN where nothing is emitted."""
    stage, whole = w.stages[s], w.whole[0]
    at = whole.minute % KEPT_MINUTES
    running = stage.starting + stage.idle + stage.busy
    waiting = stage.visible + stage.in_flight
    if (waiting > 0 or running > 0) and whole.now - stage.active > whole.inactive_after:
        # Nobody has sent or polled for hours: SQS takes a while to emit again.
        stage.seen_from = whole.now + whole.awakening * uniform(w.random, AWAKENING)
    if waiting > 0 or running > 0:
        stage.active = whole.now
    known = whole.now >= stage.seen_from
    w.metrics[s, 0, at] = stage.visible if known else np.nan
    w.metrics[s, 1, at] = stage.in_flight if known else np.nan
    # Container Insights sends nothing for a service without running tasks.
    w.metrics[s, 2, at] = running if running > 0 else np.nan
    stage.largest = max(stage.largest, stage.visible)
    stage.most = max(stage.most, running)


@compiled  # pragma: no cover - machine code
def wake(w: Any, s: int, visible: float, in_flight: float) -> None:
    """IF(0 * visible + inflight + tasks < 1, visible, 0) >= 1: add a task.

    The newest minute's task count is not there yet and counts as 0 in a sum; messages in flight are.
    """
    stage, whole = w.stages[s], w.whole[0]
    lags = whole.task_lag > whole.queue_lag
    tasks = 0.0 if lags else w.metrics[s, 2, (whole.minute - whole.queue_lag) % KEPT_MINUTES]
    tasks = 0.0 if np.isnan(tasks) else tasks
    stage.wake_run = stage.wake_run + 1 if visible >= 1 and in_flight + tasks < 1 else 0
    if stage.wakes and stage.wake_run >= stage.wake_minutes and whole.now >= stage.wake_until:
        wanted = min(stage.desired + stage.wake_adjustment, stage.maximum)
        if wanted > stage.desired:
            stage.desired = wanted
            stage.wake_until = whole.now + stage.wake_cooldown


@compiled  # pragma: no cover - machine code
def track(w: Any, s: int) -> None:
    """Messages per running task above the target for some minutes: as many tasks as bring them down to it."""
    stage, whole = w.stages[s], w.whole[0]
    lag = max(whole.queue_lag, whole.task_lag)
    if whole.minute < lag:
        return
    at = (whole.minute - lag) % KEPT_MINUTES
    visible, tasks = w.metrics[s, 0, at], w.metrics[s, 2, at]
    share = visible / max(tasks, 1.0)
    # A missing value is no value: the comparison with NaN does not hold.
    stage.track_run = stage.track_run + 1 if share > stage.target else 0
    if stage.track_run >= stage.track_minutes:
        wanted = min(np.int64(np.ceil(tasks * (share / stage.target))), stage.maximum)
        # During the cooldown only a larger scale-out goes through.
        if wanted > stage.desired and (whole.now >= stage.track_until or wanted > stage.track_last):
            stage.desired = stage.track_last = wanted
            stage.track_until = whole.now + stage.track_cooldown


@compiled  # pragma: no cover - machine code
def sleep(w: Any, s: int, opened: float) -> None:
    """visible + inflight <= 0 for some minutes: back to the minimum. Missing values leave the alarm as it is."""
    stage, whole = w.stages[s], w.whole[0]
    if not np.isnan(opened):
        stage.sleep_run = stage.sleep_run + 1 if opened <= 0 else 0
    if stage.sleep_run >= stage.sleep_minutes and whole.now >= stage.sleep_until:
        wanted = min(max(stage.low, stage.minimum), stage.maximum)
        if wanted != stage.desired:
            stage.desired = wanted
            stage.sleep_until = whole.now + stage.sleep_cooldown


@compiled  # pragma: no cover - machine code
def scale(w: Any, s: int) -> None:
    """Let the alarms look and the policies act."""
    stage, whole = w.stages[s], w.whole[0]
    if whole.minute >= whole.queue_lag:
        at = (whole.minute - whole.queue_lag) % KEPT_MINUTES
        visible, in_flight = w.metrics[s, 0, at], w.metrics[s, 1, at]
        wake(w, s, visible, in_flight)
        if stage.sleep_minutes > 0:
            sleep(w, s, visible + in_flight)
    if stage.target > 0:
        track(w, s)
