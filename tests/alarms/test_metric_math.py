"""The evaluator of metric math against the examples and the rules of the CloudWatch user guide."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoth_infra.review.scaling.metric_math import MathError, Series, evaluate

PERIODS = range(5)
NUMBERS = st.integers(-1000, 1000).map(float)
SERIES = st.dictionaries(st.sampled_from(PERIODS), NUMBERS)


def _series(*values: float | None) -> Series:
    return {period: value for period, value in enumerate(values) if value is not None}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # The guide's own tables; "-" there is None here.
        ("a < b", _series(0, 0, 1, 0)),
        ("a >= 30", _series(1, 0, 0, 0)),
        ("a > 15 AND b > 15", _series(1, 0, 0, 0)),
        ("IF(c, d, e)", _series(30, 0, 20)),
        ("IF(c, 5, e)", _series(5, 5, 20)),
        ("IF(c, d, 5)", _series(30, 0, 5, 5)),
        ("IF(1, d, e)", _series(30, None, 0, 0, 30)),
        ("IF(0, d)", {}),
        ("IF(c, d)", _series(30, 0)),
    ],
)
def test_the_examples_of_the_user_guide(expression: str, expected: Series) -> None:
    series = {
        "a": _series(30, 20, 0, 0), "b": _series(20, None, 20),
        "c": _series(1, 1, 0, 0), "d": _series(30, None, 0, 0, 30), "e": _series(0, 0, 20, None, 20),
    }  # fmt: skip
    assert evaluate(expression, series, PERIODS) == expected


@given(SERIES, SERIES)
def test_in_arithmetic_a_missing_value_is_nought(a: Series, b: Series) -> None:
    found = evaluate("a + b", {"a": a, "b": b}, PERIODS)

    assert found == {p: a.get(p, 0) + b.get(p, 0) for p in {*a, *b}}
    assert evaluate("a - b", {"a": a, "b": b}, PERIODS) == evaluate("a + -1 * b", {"a": a, "b": b}, PERIODS)


@given(SERIES, SERIES)
def test_a_division_by_nought_drops_the_data_point(a: Series, b: Series) -> None:
    found = evaluate("a / b", {"a": a, "b": b}, PERIODS)

    assert set(found) == {p for p in b if b[p]}
    assert all(math.isfinite(value) for value in found.values())


@given(SERIES, NUMBERS)
def test_fill_gives_a_value_to_every_period_of_a_metric_that_has_one(a: Series, filler: float) -> None:
    found = evaluate(f"FILL(a, {abs(filler):f})", {"a": a}, PERIODS)

    assert set(found) == (set(PERIODS) if a else set())
    assert {p: found[p] for p in a} == a


@given(SERIES, SERIES, SERIES)
def test_if_has_a_value_only_where_its_condition_has_one(a: Series, b: Series, c: Series) -> None:
    found = evaluate("IF(a > 0, b, c)", {"a": a, "b": b, "c": c}, PERIODS)

    assert set(found) <= set(a)
    assert {p: found[p] for p in a if a[p] > 0} == {p: b.get(p, 0) for p in a if a[p] > 0}


@given(SERIES, SERIES)
def test_comparisons_say_nought_or_one(a: Series, b: Series) -> None:
    less = evaluate("a < b", {"a": a, "b": b}, PERIODS)
    not_less = evaluate("a >= b", {"a": a, "b": b}, PERIODS)

    assert set(less.values()) <= {0, 1}
    assert not_less == {p: 1 - value for p, value in less.items()}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * a", 7),
        ("(1 + 2) * a", 9),
        ("-a + 5", 2),
        ("2 * a ^ 2", 18),
        ("a - 1 - 1", 1),
        ("12 / a / 2", 2),
        ("1 + a > 3 OR a < 0", 1),
        ("a == 3 && a != 4", 1),
        ("a <= 2 || a > 3", 0),
    ],
)
def test_operators_bind_as_usual(expression: str, value: float) -> None:
    assert evaluate(expression, {"a": {0: 3}}, PERIODS) == {0: value}


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("RATE(a)", "function 'RATE' is not known here"),
        ("a + b", "there is no metric 'b'"),
        ("a +", "ends too early"),
        ("a a", "'a' is not expected"),
        ("(a + 1", "ends too early"),
        ("IF(a, 1, 0 a", "')' is expected, not 'a'"),
        ("1 + 1", "must be a time series"),
        ("a % 2", "can't read ' % 2'"),
        ("FILL(1, 2)", "FILL wants a time series"),
        ("FILL(a, a)", "a number is expected"),
    ],
)
def test_what_it_does_not_know_is_an_error(expression: str, message: str) -> None:
    with pytest.raises(MathError, match=message.replace("(", r"\(").replace(")", r"\)")):
        evaluate(expression, {"a": {0: 1.0}}, PERIODS)
