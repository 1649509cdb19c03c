"""Scaling by backlog: from zero at the first message, never while somebody works, back only when all is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.alarms.metrics import Identity, emitted
from tests.plans import managed
from tests.render.support import ENVIRONMENTS
from thoth_infra.contract.services import SERVICES
from thoth_infra.review.scaling.alarms import Alarm, Metric, read
from thoth_infra.review.scaling.metric_math import Series, evaluate

pytestmark = pytest.mark.terraform

WORKERS = tuple(service.name for service in SERVICES if service.stage)
PER_ENVIRONMENT = pytest.mark.parametrize("environment", ENVIRONMENTS)
COUNTS = st.integers(0, 50).map(float)
MINUTES = 40


@cache
def _alarms(environment: str) -> dict[str, Alarm]:
    found = (read(change) for change in managed(environment, "aws_cloudwatch_metric_alarm"))
    return {alarm.name.removeprefix(f"thoth-{environment}-"): alarm for alarm in found}


def _wakes(environment: str) -> list[Alarm]:
    return [_alarms(environment)[f"{worker}-wake"] for worker in WORKERS]


def _sleeps(environment: str) -> list[Alarm]:
    return [_alarms(environment)[f"{worker}-sleep"] for worker in WORKERS]


def _steady(value: float | None) -> Series:
    return {} if value is None else dict.fromkeys(range(MINUTES), value)


@PER_ENVIRONMENT
@pytest.mark.parametrize("tasks", [None, 0.0])
@pytest.mark.parametrize("inflight", [None, 0.0])
def test_the_first_message_wakes_a_service_without_tasks(
    environment: str, tasks: float | None, inflight: float | None
) -> None:
    """Container Insights and SQS may never have emitted RunningTaskCount and messages in flight: None."""
    for alarm in _wakes(environment):
        quiet = {"visible": _steady(0), "tasks": _steady(tasks), "inflight": _steady(inflight)}
        first = quiet | {"visible": {**_steady(0), MINUTES: 1.0}}

        assert alarm.state(quiet, until=MINUTES - 1, before="OK") == "OK"
        assert alarm.state(first, until=MINUTES, before="OK") == "ALARM"
        # The queue's very first message, when CloudWatch has seen nothing of it before.
        assert alarm.state({**quiet, "visible": {MINUTES: 1.0}}, until=MINUTES, before="OK") == "ALARM"


@given(visible=COUNTS, tasks=st.integers(1, 10).map(float), inflight=st.none() | COUNTS)
def test_no_message_wakes_a_service_that_runs(visible: float, tasks: float, inflight: float | None) -> None:
    for alarm in _wakes("staging"):
        data = {"visible": _steady(visible), "tasks": _steady(tasks), "inflight": _steady(inflight)}

        assert alarm.state(data, until=MINUTES - 1, before="OK") == "OK"


@given(visible=COUNTS, inflight=st.integers(1, 10).map(float), late=st.integers(1, 5))
def test_a_late_task_count_wakes_nobody_while_a_message_is_in_work(visible: float, inflight: float, late: int) -> None:
    for alarm in _wakes("staging"):
        tasks = dict.fromkeys(range(MINUTES - late), 1.0)
        data = {"visible": _steady(visible), "tasks": tasks, "inflight": _steady(inflight)}

        assert alarm.state(data, until=MINUTES - 1, before="OK") == "OK"


def test_with_fill_a_task_count_that_was_never_emitted_would_leave_the_service_at_zero() -> None:
    """Why the expression is a sum: the obvious one is a deadlock, and fires while a late count is missing."""
    alarm = replace(_wakes("staging")[0], expression="IF(FILL(tasks, 0) < 1, visible, 0)")
    late = {"visible": _steady(3), "tasks": dict.fromkeys(range(MINUTES - 1), 1.0), "inflight": _steady(1)}

    assert alarm.state({"visible": _steady(9)}, until=MINUTES - 1, before="OK") == "OK"
    assert alarm.state(late, until=MINUTES - 1, before="OK") == "ALARM"


@given(st.lists(st.tuples(COUNTS, st.none() | COUNTS), min_size=MINUTES, max_size=MINUTES))
def test_a_service_sleeps_only_after_minutes_without_any_open_message(
    minutes: list[tuple[float, float | None]],
) -> None:
    for alarm in _sleeps("staging"):
        data = {
            "visible": {minute: visible for minute, (visible, _) in enumerate(minutes)},
            "inflight": {minute: count for minute, (_, count) in enumerate(minutes) if count is not None},
        }
        idle = all(not visible and not inflight for visible, inflight in minutes[-alarm.periods :])

        assert alarm.state(data, until=MINUTES - 1, before="OK") == ("ALARM" if idle else "OK")


@PER_ENVIRONMENT
def test_a_service_sleeps_after_as_many_minutes_as_the_configuration_says(environment: str) -> None:
    for alarm in _sleeps(environment):
        assert {metric.period for metric in alarm.metrics.values()} == {60}
        busy = {"visible": _steady(0), "inflight": {**_steady(0), MINUTES - 1: 1.0}}
        for minutes in range(alarm.periods + 1):
            until = MINUTES - 1 + minutes
            data = {id_: {**series, **dict.fromkeys(range(MINUTES, until + 1), 0.0)} for id_, series in busy.items()}
            assert alarm.state(data, until=until, before="OK") == ("ALARM" if minutes == alarm.periods else "OK")


@given(st.sampled_from(["OK", "ALARM", "INSUFFICIENT_DATA"]))
def test_silence_neither_wakes_nor_puts_to_sleep(before: Any) -> None:
    for alarm in _sleeps("staging"):
        assert alarm.state({}, until=MINUTES, before=before) == before
    for alarm in _wakes("staging"):
        assert alarm.state({}, until=MINUTES, before=before) == "OK"


def _policies(environment: str) -> Iterator[dict[str, Any]]:
    for change in managed(environment, "aws_appautoscaling_policy"):
        yield change["change"]["after"]


def _tracked(environment: str) -> list[list[dict[str, Any]]]:
    """Return the metrics and the expression of each target-tracking policy that follows a queue."""
    found = []
    for policy in _policies(environment):
        for tracking in policy["target_tracking_scaling_policy_configuration"]:
            found += [spec["metrics"] for spec in tracking["customized_metric_specification"]]
    assert len(found) == len(WORKERS)
    return found


@given(
    waiting=st.dictionaries(st.integers(0, 9), COUNTS),
    running=st.dictionaries(st.integers(0, 9), st.floats(0, 20, allow_nan=False)),
)
def test_messages_per_task_never_divide_by_nought(waiting: Series, running: Series) -> None:
    for metrics in _tracked("staging"):
        (expression,) = (m["expression"] for m in metrics if m["return_data"])
        assert expression.startswith("m1/")
        divisor = evaluate(expression.removeprefix("m1/"), {"m1": waiting, "m2": running}, range(10))
        found = evaluate(expression, {"m1": waiting, "m2": running}, range(10))

        assert set(divisor) == set(running)
        assert all(value >= 1 for value in divisor.values())
        assert found == {minute: waiting.get(minute, 0) / max(1, tasks) for minute, tasks in running.items()}


@PER_ENVIRONMENT
def test_scaling_follows_metrics_that_are_emitted_exactly_so(environment: str) -> None:
    there = emitted(environment)
    for metrics in _tracked(environment):
        for stat in (stat for m in metrics for stat in m["metric_stat"]):
            (metric,) = stat["metric"]
            dimensions = {d["name"]: d["value"] for d in metric["dimensions"]}
            found = Metric(metric["namespace"], metric["metric_name"], dimensions, stat["stat"], 60)
            assert Identity(found.namespace, found.name, frozenset(dimensions.items())) in there


def _steps(environment: str, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for policy in _policies(environment):
        for step in policy["step_scaling_policy_configuration"]:
            if policy["name"].endswith(f"-{kind}"):
                yield policy["name"].removeprefix(f"thoth-{environment}-").removesuffix(f"-{kind}"), step


@PER_ENVIRONMENT
def test_waking_adds_one_task_and_waits_until_it_can_have_started(environment: str) -> None:
    gpu = {service.name for service in SERVICES if service.gpu}
    found = dict(_steps(environment, "wake"))
    assert set(found) == set(WORKERS)
    for worker, step in found.items():
        assert step["adjustment_type"] == "ChangeInCapacity"
        (adjustment,) = step["step_adjustment"]
        # The alarm's threshold is one message: from there on, without an upper end.
        assert (float(adjustment["metric_interval_lower_bound"]), adjustment["scaling_adjustment"]) == (0, 1)
        assert not adjustment["metric_interval_upper_bound"]
        # A GPU host takes up to ten minutes, a model up to three.
        assert step["cooldown"] >= (13 * 60 if worker in gpu else 180)


@PER_ENVIRONMENT
def test_sleeping_goes_to_the_minimum_at_once(environment: str) -> None:
    minimum = {
        change["index"]: change["change"]["after"]["min_capacity"]
        for change in managed(environment, "aws_appautoscaling_target")
    }
    found = dict(_steps(environment, "sleep"))
    assert set(found) == set(WORKERS)
    for worker, step in found.items():
        (adjustment,) = step["step_adjustment"]
        assert (step["adjustment_type"], adjustment["scaling_adjustment"]) == ("ExactCapacity", minimum[worker])
        # The alarm's value is 0 and its threshold too: the interval must hold the difference of 0.
        assert float(adjustment["metric_interval_upper_bound"]) == 0
        assert not adjustment["metric_interval_lower_bound"]
