"""Back to the minimum: when all is done, and only then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

from thoth_infra.config.services import BacklogScaling
from thoth_infra.review.scaling.findings import Case, Found, key, ready_seconds, shown
from thoth_infra.review.scaling.metric_math import Series
from thoth_infra.review.scaling.policies import ServiceScaling, Step

NOW: Final = 200


def _steady(value: float | None) -> Series:
    return {} if value is None else dict.fromkeys(range(NOW), value)


def _counts(visible: float | None, inflight: float | None, tasks: float | None = None) -> Mapping[str, Series]:
    return {"visible": _steady(visible), "inflight": _steady(inflight), "tasks": _steady(tasks)}


def _sleeps(step: Step, data: Mapping[str, Series]) -> bool:
    return step.state(data, NOW - 1, before="OK") == "ALARM"


def missing(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """What was started is stopped again."""
    bounds = service.bounds
    if bounds is None or bounds.most <= bounds.least:
        return
    if not any(_sleeps(step, _counts(0, 0)) and _sleeps(step, _counts(0, None)) for step in service.sleeps):
        place = service.sleeps[0].watcher.place() if service.sleeps else bounds.source.place()
        yield Found(
            f"nothing brings {service.service} back to {bounds.least} tasks when its queue is empty: up to"
            f" {bounds.most} of them stay and are paid for",
            "an alarm on visible + inflight <= 0 whose policy sets the minimum",
            key(service, "scaling.scale_in_minutes"), place,
        )  # fmt: skip


def in_work(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """Scale-in before the job ends."""
    for step in service.sleeps:
        for visible, inflight in ((0, 1), (None, 1), (3, 0), (3, None)):
            if _sleeps(step, _counts(visible, inflight)):
                doing = "a message is in work" if inflight else "messages wait"
                yield Found(
                    f"the alarm that stops {service.service} fires while {doing}: its task is taken away, and the job"
                    " begins again elsewhere",
                    "count visible and in-flight messages: visible + inflight <= 0",
                    place=step.watcher.place("metric_query"),
                )
                break


def on_silence(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """No data does not say that nothing is in work."""
    for step in service.sleeps:
        if _sleeps(step, _counts(None, None)):
            yield Found(
                f"the alarm that stops {service.service} fires when SQS sends no data at all",
                'treat_missing_data = "ignore"',
                place=step.watcher.place("treat_missing_data"),
            )


def minutes(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """It waits as long as the configuration says."""
    config = case.env.services.by_name()[service.service].scaling
    for step in service.sleeps:
        period = max((metric.period for metric in step.alarm.metrics.values()), default=60)
        waits = step.alarm.needed * period / 60
        if isinstance(config, BacklogScaling) and waits != config.scale_in_minutes:
            yield Found(
                f"{service.service} goes to its minimum after {waits:g} minutes, not after the"
                f" {config.scale_in_minutes} of the configuration",
                "render the tree; periods of 60 s, as many as scale_in_minutes",
                key(service, "scaling.scale_in_minutes"), step.watcher.place("evaluation_periods"),
            )  # fmt: skip


def gap(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """Flapping: a pause between two jobs does not cost a boot."""
    config, least = case.env.services.by_name()[service.service].scaling, ready_seconds(service)[0]
    if isinstance(config, BacklogScaling) and config.scale_in_minutes * 60 < least and config.min < config.max:
        yield Found(
            f"after {config.scale_in_minutes} minutes without a message the tasks of {service.service} go, but a new"
            f" one takes {shown(least)} or more to be ready: lessons that come every {config.scale_in_minutes + 1}"
            " minutes start and stop a host each",
            f"at least {-(-least // 60):.0f} minutes",
            key(service, "scaling.scale_in_minutes"),
        )


def minimum(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """The policy behind the alarm brings the service to its minimum, not elsewhere."""
    bounds = service.bounds
    if bounds is None:
        return
    for step in service.sleeps:
        wanted = step.desired(0, bounds.most)
        exact = step.adjustment == "ExactCapacity"
        if (exact and wanted != bounds.least) or (not exact and wanted >= bounds.most > bounds.least):
            yield Found(
                f"when all is done the policy {step.name!r} brings {service.service} from {bounds.most} to {wanted}"
                f" tasks, not to its minimum of {bounds.least}",
                "ExactCapacity, adjusting to the minimum, with metric_interval_upper_bound = 0",
                key(service, "scaling.min"), step.policy.place(),
            )  # fmt: skip


def fights(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """Wake and sleep are never called at once."""
    counts = (None, 0.0, 1.0, 5.0)
    for wake, sleep in product(service.wakes, service.sleeps):
        for visible, inflight, tasks in product(counts, counts, counts):
            data = _counts(visible, inflight, tasks)
            if _sleeps(sleep, data) and wake.state(data, NOW - 1) == "ALARM":
                told = {"visible": visible, "in flight": inflight, "tasks": tasks}
                seen = ", ".join(f"{name} {'unknown' if v is None else f'{v:g}'}" for name, v in told.items())
                yield Found(
                    f"with {seen} the alarms that start and stop {service.service} both fire: it goes up and down"
                    f" every {shown(max(wake.cooldown, sleep.cooldown, 60))}",
                    "wake above, and sleep at zero of, the same messages",
                    place=sleep.watcher.place("metric_query"),
                )
                return
