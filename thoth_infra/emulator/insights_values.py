"""Values and expressions of the emulated Logs Insights: what a record gives, compared, calculated, counted."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

Record: TypeAlias = dict[str, Any]
Evaluate: TypeAlias = Callable[[Record], Any]

_AGGREGATES: Final[dict[str, Callable[[list[float]], float]]] = {
    "sum": sum, "min": min, "max": max, "avg": lambda found: sum(found) / len(found),
}  # fmt: skip


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def unquoted(text: str) -> str:
    """Return a quoted word without its quotes."""
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def constant(value: object) -> Evaluate:
    """A value that no record changes."""
    return lambda _row: value


def either(left: Evaluate, right: Evaluate) -> Evaluate:
    """Or."""
    return lambda row: left(row) or right(row)


def both(left: Evaluate, right: Evaluate) -> Evaluate:
    """And."""
    return lambda row: left(row) and right(row)


def compared(compare: Callable[[Any, Any], bool], left: Evaluate, right: Evaluate) -> Evaluate:
    """Compare as numbers where both are; a missing value differs from everything."""

    def test(row: Record) -> bool:
        found, wanted = left(row), right(row)
        numbers = _number(found), _number(wanted)
        if None not in numbers:
            return compare(*numbers)
        if found is None or wanted is None:
            return compare is operator.ne and found is not wanted
        return compare(str(found), str(wanted))

    return test


def matching(left: Evaluate, pattern: re.Pattern[str]) -> Evaluate:
    """Look for a pattern."""
    return lambda row: (found := left(row)) is not None and pattern.search(str(found)) is not None


def among(left: Evaluate, values: Sequence[Evaluate]) -> Evaluate:
    """Equal to one of several."""
    return lambda row: any(compared(operator.eq, left, value)(row) for value in values)


def calculated(calculate: Callable[[float, float], float], left: Evaluate, right: Evaluate) -> Evaluate:
    """Arithmetic; of what is no number, and by zero, there is no result."""

    def value(row: Record) -> float | None:
        one, other = _number(left(row)), _number(right(row))
        if one is None or other is None or (calculate is operator.truediv and other == 0):
            return None
        return calculate(one, other)

    return value


def over(function: str, value: Evaluate) -> Callable[[Sequence[Record]], Any]:
    """Return an aggregate's function of a group."""
    if function == "count":
        return lambda rows: sum(value(row) is not None for row in rows)
    if function == "count_distinct":
        return lambda rows: len({value(row) for row in rows} - {None})
    if function not in _AGGREGATES:
        raise NotImplementedError(f"the emulated Logs Insights has no aggregate {function!r}")
    aggregate = _AGGREGATES[function]

    def over(rows: Sequence[Record]) -> float | None:
        found = [number for row in rows if (number := _number(value(row))) is not None]
        return aggregate(found) if found else None

    return over


def by(value: Evaluate) -> Callable[[Record], tuple[int, float, str]]:
    """Return the key to sort by an expression."""
    return lambda row: _rank(value(row))


def _rank(value: Any) -> tuple[int, float, str]:
    """Missing values come before numbers, and numbers before words."""
    number = _number(value)
    if value is None:
        return 0, 0.0, ""
    return (1, number, "") if number is not None else (2, 0.0, str(value))
