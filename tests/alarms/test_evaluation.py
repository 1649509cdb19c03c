"""The evaluator of alarm states against the tables of the CloudWatch user guide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoth_infra.review.scaling.alarms import LOOK_BACK, Alarm, Metric, State, decide
from thoth_infra.review.scaling.metric_math import MathError

POINTS = {"0": False, "X": True, "-": None}


def _alarm(
    periods: int = 3, needed: int = 3, missing: str = "missing", comparison: str = "GreaterThanThreshold"
) -> Alarm:
    metric = Metric("N", "M", {}, "Maximum", 60)
    return Alarm("a", "alarm", "", comparison, 5.0, periods, needed, missing, {"m": metric}, "m")


@pytest.mark.parametrize("missing", ["missing", "ignore", "breaching", "notBreaching"])
@pytest.mark.parametrize(
    ("needed", "points", "states"),
    [
        (3, "0-X-X", "OK OK OK OK"),
        (3, "0----", "OK OK OK OK"),
        (3, "-----", "INSUFFICIENT_DATA same ALARM OK"),
        (3, "0XX-X", "ALARM ALARM ALARM ALARM"),
        (3, "----X", "INSUFFICIENT_DATA same ALARM OK"),
        (3, "X----", "ALARM same ALARM OK"),
        (2, "0-X-X", "ALARM ALARM ALARM ALARM"),
        (2, "00X0X", "ALARM ALARM ALARM ALARM"),
        (2, "0-X--", "OK OK ALARM OK"),
        (2, "----0", "OK OK ALARM OK"),
        (2, "----X", "INSUFFICIENT_DATA same ALARM OK"),
    ],
)
def test_the_tables_of_the_user_guide(needed: int, points: str, states: str, missing: str) -> None:
    column = ["missing", "ignore", "breaching", "notBreaching"].index(missing)
    expected = states.split()[column]
    befores: tuple[State, ...] = ("OK", "ALARM", "INSUFFICIENT_DATA")
    for before in befores:
        found = decide([POINTS[point] for point in points], _alarm(needed=needed, missing=missing), before)
        assert found == (before if expected == "same" else expected)


@given(st.lists(st.booleans(), min_size=1, max_size=10), st.integers(1, 5))
def test_without_gaps_the_last_periods_alone_decide(points: list[bool], periods: int) -> None:
    alarm = _alarm(periods, periods, "ignore")
    padded: list[bool | None] = [*([False] * (periods + LOOK_BACK)), *points]
    window = padded[-periods - LOOK_BACK :]

    assert decide(window, alarm, "OK") == ("ALARM" if all(window[-periods:]) else "OK")


@pytest.mark.parametrize(
    ("comparison", "value", "state"),
    [
        ("GreaterThanThreshold", 5, "OK"), ("GreaterThanThreshold", 6, "ALARM"),
        ("GreaterThanOrEqualToThreshold", 5, "ALARM"), ("GreaterThanOrEqualToThreshold", 4, "OK"),
        ("LessThanThreshold", 5, "OK"), ("LessThanThreshold", 4, "ALARM"),
        ("LessThanOrEqualToThreshold", 5, "ALARM"), ("LessThanOrEqualToThreshold", 6, "OK"),
    ],
)  # fmt: skip
def test_the_threshold_itself_breaches_only_where_the_comparison_says_so(
    comparison: str, value: float, state: State
) -> None:
    assert _alarm(1, 1, comparison=comparison).state({"m": {7: value}}, until=7) == state


def test_data_for_a_metric_that_the_alarm_does_not_read_is_an_error() -> None:
    with pytest.raises(MathError, match="alarm has no metric other"):
        _alarm().state({"other": {1: 1}}, until=1)
