"""Above zero: the backlog per task has a value whenever a task may run, and only adds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from thoth_infra.contract import scaling
from thoth_infra.review.scaling.findings import Case, Found, key, shown
from thoth_infra.review.scaling.metric_math import MathError, evaluate
from thoth_infra.review.scaling.policies import ServiceScaling, Tracking

_MINUTE: Final = 0


def per_task(tracking: Tracking, visible: float, tasks: float) -> float | None:
    """Return the policy's metric for a queue and a number of running tasks; None where it has no data point."""
    data = tracking.reading.series({"visible": {_MINUTE: visible}, "tasks": {_MINUTE: tasks}, "inflight": {}})
    try:
        found = evaluate(tracking.expression, data, range(1)).get(_MINUTE)
    except MathError:
        return None
    return found if found is not None and math.isfinite(found) else None


def missing(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """Something adds the tasks between the first and the most."""
    bounds = service.bounds
    if bounds and not service.tracking and bounds.most > max(1, bounds.least):
        yield Found(
            f"nothing adds a second task of {service.service}: it stays at {max(1, bounds.least)} of"
            f" {bounds.most}, however long the queue",
            "render the target-tracking policy on messages per task",
            key(service, "scaling.max"), bounds.source.place(),
        )  # fmt: skip


def divides_by_zero(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """Messages per running task, when none runs."""
    for tracking in service.tracking:
        if per_task(tracking, 8, 2) is not None and per_task(tracking, 9, 0) is None:
            yield Found(
                f"`{tracking.expression}` has no value while no task of {service.service} runs: CloudWatch drops a"
                " division by zero, and a backlog of any length adds no task",
                "divide by at least one: m1/IF(m2<1,1,m2)",
                place=tracking.source.place(),
            )


def wrong(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """The expression is messages per task."""
    for tracking in service.tracking:
        found = {pair: per_task(tracking, *pair) for pair in ((8.0, 2.0), (30.0, 3.0), (0.0, 1.0), (6.0, 1.0))}
        bad = next(((p, v) for p, v in found.items() if v is None or abs(v - p[0] / p[1]) > 1e-9), None)
        if bad:
            (visible, tasks), value = bad
            told = "no value" if value is None else f"{value:g}"
            yield Found(
                f"with {visible:g} messages and {tasks:g} tasks of {service.service} the policy sees {told} where"
                f" {visible / tasks:g} messages per task wait: it adds tasks too late, too early or never",
                "visible messages of the service's own queue, divided by its running tasks",
                place=tracking.source.place(),
            )


def target(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """The policy holds what the configuration says."""
    wanted = getattr(case.env.services.by_name()[service.service].scaling, "messages_per_task", None)
    for tracking in service.tracking:
        if wanted is not None and tracking.target != wanted:
            yield Found(
                f"the policy of {service.service} holds {tracking.target:g} messages per task, not the {wanted} that"
                " the configuration says",
                "render the tree",
                key(service, "scaling.messages_per_task"), tracking.source.place("target_value"),
            )  # fmt: skip


def scales_in(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """A queue without visible messages may be all in work."""
    for tracking in service.tracking:
        if tracking.scales_in:
            yield Found(
                f"the policy on messages per task takes tasks of {service.service} away as soon as few messages are"
                " visible, although those in flight are still in work: it fights what woke them",
                "disable_scale_in = true; the sleep alarm counts messages in flight",
                place=tracking.source.place("disable_scale_in"),
            )


def cooldown(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """A step outwards is not repeated before the metrics can know of it."""
    for tracking in service.tracking:
        if tracking.cooldown < scaling.TASK_METRIC_LAG_SECONDS:
            yield Found(
                f"the policy on messages per task of {service.service} multiplies the tasks again after"
                f" {shown(tracking.cooldown)}, before Container Insights (up to"
                f" {shown(scaling.TASK_METRIC_LAG_SECONDS)} late) can count the first ones",
                f"a scale_out_cooldown of at least {scaling.TASK_METRIC_LAG_SECONDS} s",
                place=tracking.source.place("scale_out_cooldown"),
            )


def alarm_before_maximum(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """Autoscaling does what it can before a person is called."""
    bounds, jobs = service.bounds, case.env.alarms.backlog_jobs
    for tracking in service.tracking:
        if bounds is None or bounds.most < 2 or tracking.target * (bounds.most - 1) < jobs:
            continue
        reached = min(bounds.most, max(1, math.ceil(jobs / tracking.target)))
        yield Found(
            f"the backlog alarm rings at {jobs} messages, when {tracking.target:g} messages per task have started only"
            f" {reached} of {bounds.most} tasks of {service.service}: more than"
            f" {tracking.target * (bounds.most - 1):g} must wait before the last one comes",
            f"at most {max(1, (jobs - 1) // (bounds.most - 1))} messages per task, or a higher alarms.backlog_jobs",
            key(service, "scaling.messages_per_task"),
        )
