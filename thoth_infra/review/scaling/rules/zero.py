"""From zero: the first message starts one task, and one only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from thoth_infra.contract import scaling
from thoth_infra.review.scaling.findings import Case, Found, Severity, key, ready_seconds, shown
from thoth_infra.review.scaling.metric_math import Series
from thoth_infra.review.scaling.policies import ServiceScaling, Step

# The minute of the message, behind as many as an alarm could look back on.
NOW: Final = 200
# How long a message may lie before its alarm is too slow: as long as a model takes to load.
LATEST_MINUTES: Final = 5
WATCHED: Final = 45


def _steady(value: float, until: int = NOW + WATCHED) -> dict[int, float]:
    return dict.fromkeys(range(until), value)


def _arrived(messages: float) -> dict[int, float]:
    return dict.fromkeys(range(NOW, NOW + WATCHED), messages)


# What CloudWatch may know when messages come to a service without tasks.
SILENCES: Final[tuple[tuple[str, Mapping[str, Series]], ...]] = (
    ("when nothing was ever emitted", {"visible": _arrived(1)}),
    ("when Container Insights never counted a task", {"visible": _steady(0) | _arrived(1), "inflight": _steady(0)}),
    ("when SQS emits no messages in flight", {"visible": _steady(0) | _arrived(1), "tasks": _steady(0)}),
    ("when every metric is zero", {"visible": _steady(0) | _arrived(1), "inflight": _steady(0), "tasks": _steady(0)}),
    ("of a burst", {"visible": _arrived(50)}),
)
LATE: Final = scaling.TASK_METRIC_LAG_SECONDS // scaling.METRIC_PERIOD_SECONDS
# A worker works on a message, and others wait; the task count is late, or in flight is missing.
WORKING: Final[tuple[tuple[str, Mapping[str, Series]], ...]] = (
    (
        f"while a worker works and its task count is {LATE} minutes late",
        {"visible": _steady(3), "inflight": _steady(1), "tasks": _steady(1, NOW - LATE)},
    ),
    ("while a task runs and SQS has not counted its message yet", {"visible": _steady(3), "tasks": _steady(1)}),
)


def sleeps_at_zero(service: ServiceScaling) -> bool:
    """Whether a service can be at zero with a maximum above: by its minimum, or as a step takes it there."""
    bounds = service.bounds
    return bounds is not None and bounds.least == 0 and bounds.most > 0


def missing(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """Deadlock: min 0, and nothing that adds the first task."""
    if sleeps_at_zero(service) and not service.wakes and service.bounds is not None:
        yield Found(
            f"{service.service} goes to zero and no alarm starts it again: a backlog per task needs a task, so messages"
            " wait until they expire",
            "render a step policy with an alarm on visible messages, or keep a task",
            key(service, "scaling.min"), service.bounds.source.place(),
        )  # fmt: skip


def minutes_to_alarm(step: Step, data: Mapping[str, Series]) -> int | None:
    """Return after how many minutes of waiting the alarm fires; None if it does not."""
    for waited in range(WATCHED):
        if step.state(data, NOW + waited) == "ALARM":
            return waited
    return None


def silent(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """Deadlock: the alarm has nothing to work on when nothing runs."""
    if not sleeps_at_zero(service) or not service.wakes:
        return
    for when, data in SILENCES:
        waits = [minutes_to_alarm(step, data) for step in service.wakes]
        known = [wait for wait in waits if wait is not None]
        watcher = service.wakes[0].watcher
        if not known:
            yield Found(
                f"the alarm that starts {service.service} does not fire {when}: messages wait at zero tasks until they"
                " expire",
                "use a sum (`IF(0 * visible + inflight + tasks < 1, visible, 0)`): there what is missing counts as 0",
                place=watcher.place("metric_query"),
            )
        elif min(known) > LATEST_MINUTES:
            yield Found(
                f"the alarm that starts {service.service} fires {min(known)} minutes after the message {when}",
                "lower evaluation_periods to 1",
                place=watcher.place("evaluation_periods"),
            )


def repeats(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """Flapping: the alarm calls for a first task although one works."""
    for step in service.wakes:
        for when, data in WORKING:
            if step.state(data, NOW - 1) == "ALARM":
                yield Found(
                    f"the alarm that starts {service.service} from zero also fires {when}: every"
                    f" {shown(max(step.cooldown, 60))} it adds a task that nobody asked for",
                    "let messages in flight and running tasks both hold it: IF(0 * visible + inflight + tasks < 1, …)",
                    place=step.watcher.place("metric_query"),
                )


def adds(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """Deadlock or overshoot: the policy behind the alarm adds one task, whatever the number of messages."""
    for step in service.wakes:
        for messages in (1, 5, 500):
            wanted = step.desired(messages, 0)
            if wanted < 1:
                yield Found(
                    f"the alarm of {service.service} fires at {messages} messages, but no step of the policy"
                    f" {step.name!r} adds a task then: {service.service} stays at zero",
                    "one step from metric_interval_lower_bound = 0 without an upper bound, adjusting by 1",
                    place=step.policy.place(),
                )
                return
            if messages == 1 and wanted > 1:
                yield Found(
                    f"one message starts {wanted} tasks of {service.service}",
                    "adjust by 1: the backlog per task adds the others",
                    place=step.policy.place(),
                )
                return


def cooldown(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """Flapping: the cooldown covers boot, load and the metrics' delay."""
    lag = scaling.TASK_METRIC_LAG_SECONDS
    needed = ready_seconds(service)[1] + lag
    for step in service.wakes:
        if step.cooldown < needed:
            more = int(needed // max(step.cooldown, 60))
            yield Found(
                f"a task of {service.service} is ready and counted after up to {shown(needed)}, but the policy"
                f" {step.name!r} adds another every {shown(max(step.cooldown, 60))} till then: up to {more} too many"
                " for one message",
                f"a cooldown of at least {needed:.0f} s",
                place=step.policy.place("cooldown"),
            )


def cold_start(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """SLO: a first message waits for boot and load."""
    least = ready_seconds(service)[0] + scaling.QUEUE_METRIC_LAG_SECONDS
    if case.slo_minutes is not None and sleeps_at_zero(service) and case.slo_minutes * 60 < least:
        yield Found(
            f"with min 0 the first message waits at least {shown(least)} for a task of {service.service},"
            f" longer than the {case.slo_minutes:g} minutes wanted",
            "use min: 1, or accept the wait of the first one",
            key(service, "scaling.min"),
        )


def no_minimum_of_start(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """The bounds are in order, and leave a place."""
    if service.bounds is None:
        yield Found(
            f"{service.service} has no scaling target: no policy of it can act",
            "render aws_appautoscaling_target for it",
            key(service, "scaling.kind"),
        )
    elif service.bounds.most < max(1, service.bounds.least):
        yield Found(
            f"{service.service} may have at most {service.bounds.most} tasks, with at least {service.bounds.least}",
            "max of at least 1, and not below min",
            key(service, "scaling.max"), service.bounds.source.place("max_capacity"), Severity.ERROR,
        )  # fmt: skip
