"""CloudWatch metric math, as far as our alarms and scaling policies use it.

The rules are those of the user guide's page "Using math expressions with CloudWatch metrics" (using-metric-math), which
says of each operator what becomes of time stamps that one side has no value for. Where the page is silent, the
evaluator takes the reading that is worse for an alarm: FILL of a metric without a single value stays without.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Series: TypeAlias = Mapping[int, float]  # values by period; a period that is not there has no value
Value: TypeAlias = Series | float

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([a-z][A-Za-z0-9_]*)|([A-Z][A-Z0-9_]*)|(==|!=|<=|>=|&&|\|\||[-+*/^<>(),]))")


class MathError(ValueError):
    """An expression that CloudWatch would refuse, or that this evaluator does not know."""


def evaluate(expression: str, series: Mapping[str, Series], periods: Sequence[int]) -> Series:
    """Return the time series of ``expression`` over ``periods``; ``series`` are the metrics by their ids."""
    parser = _Parser(_tokens(expression), series, periods)
    found = parser.comparison_list()
    if parser.left:
        raise MathError(f"{expression}: {parser.left[0]!r} is not expected")
    if not isinstance(found, Mapping):
        raise MathError(f"{expression}: the result must be a time series")
    return {period: value for period, value in found.items() if period in set(periods)}


def _tokens(expression: str) -> list[str]:
    found, position = [], 0
    text = expression.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise MathError(f"{expression}: can't read {text[position:]!r}")
        found.append(next(group for group in match.groups() if group))
        position = match.end()
    return found


def _combined(function: Callable[[float, float], float], left: Value, right: Value) -> Value:
    """Two series meet at every time stamp that one of them has, the missing value counting as 0."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        pairs = {p: (left.get(p, 0.0), right.get(p, 0.0)) for p in {*left, *right}}
    elif isinstance(left, Mapping):
        pairs = {p: (value, _scalar(right)) for p, value in left.items()}
    elif isinstance(right, Mapping):
        pairs = {p: (left, value) for p, value in right.items()}
    else:
        return function(left, right)
    found = {}
    for period, pair in pairs.items():
        try:
            found[period] = function(*pair)
        except (ZeroDivisionError, OverflowError):
            continue  # the data point is dropped
    return found


def _scalar(value: Value) -> float:
    if isinstance(value, Mapping):
        raise MathError("a number is expected, not a time series")
    return value


def _power(left: float, right: float) -> float:
    found = left**right
    if isinstance(found, complex):
        raise ZeroDivisionError
    return float(found)


def _truth(function: Callable[[float, float], bool]) -> Callable[[float, float], float]:
    return lambda left, right: float(function(left, right))


_COMPARISONS = {
    "==": _truth(operator.eq), "!=": _truth(operator.ne), "<": _truth(operator.lt), "<=": _truth(operator.le),
    ">": _truth(operator.gt), ">=": _truth(operator.ge),
}  # fmt: skip
_ANY = {"OR": _truth(lambda a, b: bool(a or b)), "||": _truth(lambda a, b: bool(a or b))}
_ALL = {"AND": _truth(lambda a, b: bool(a and b)), "&&": _truth(lambda a, b: bool(a and b))}
_SUMS: dict[str, Callable[[float, float], float]] = {"+": operator.add, "-": operator.sub}
_PRODUCTS: dict[str, Callable[[float, float], float]] = {"*": operator.mul, "/": operator.truediv}
_POWERS: dict[str, Callable[[float, float], float]] = {"^": _power}
# Loosest first.
_LEVELS: tuple[Mapping[str, Callable[[float, float], float]], ...] = (
    _ANY, _ALL, _COMPARISONS, _SUMS, _PRODUCTS, _POWERS,
)  # fmt: skip


@dataclass
class _Parser:
    """Reads and evaluates in one go."""

    left: list[str]
    series: Mapping[str, Series]
    periods: Sequence[int]

    def comparison_list(self, level: int = 0) -> Value:
        """Read a chain of operators of one level; its operands bind tighter."""
        if level == len(_LEVELS):
            return self._operand()
        found = self.comparison_list(level + 1)
        while self.left and self.left[0] in _LEVELS[level]:
            function = _LEVELS[level][self.left.pop(0)]
            found = _combined(function, found, self.comparison_list(level + 1))
        return found

    def _operand(self) -> Value:
        token = self._next()
        if token == "(":  # noqa: S105 - a sign
            found = self.comparison_list()
            self._expect(")")
            return found
        if token == "-":  # noqa: S105 - a sign
            return _combined(operator.sub, 0.0, self._operand())
        if token[0].isdigit():
            return float(token)
        if token[0].islower():
            if token not in self.series:
                raise MathError(f"there is no metric {token!r}")
            return self.series[token]
        return self._function(token)

    def _function(self, name: str) -> Value:
        if name not in _FUNCTIONS:
            raise MathError(f"function {name!r} is not known here")
        self._expect("(")
        arguments = [self.comparison_list()]
        while self.left and self.left[0] == ",":
            self.left.pop(0)
            arguments.append(self.comparison_list())
        self._expect(")")
        return _FUNCTIONS[name](self.periods, *arguments)

    def _next(self) -> str:
        if not self.left:
            raise MathError("the expression ends too early")
        return self.left.pop(0)

    def _expect(self, token: str) -> None:
        found = self._next()
        if found != token:
            raise MathError(f"{token!r} is expected, not {found!r}")


def _if(_periods: Sequence[int], condition: Value, yes: Value, no: Value | None = None) -> Value:
    if not isinstance(condition, Mapping):
        return yes if condition else ({} if no is None else no)
    found = {}
    for period, truth in condition.items():
        if truth:
            found[period] = yes.get(period, 0.0) if isinstance(yes, Mapping) else yes
        elif isinstance(no, Mapping):
            if period in no:
                found[period] = no[period]
        elif no is not None:
            found[period] = no
    return found


def _fill(periods: Sequence[int], series: Value, filler: Value) -> Value:
    if not isinstance(series, Mapping):
        raise MathError("FILL wants a time series")
    if not series:
        return series
    return {period: series.get(period, _scalar(filler)) for period in {*periods, *series}}


_FUNCTIONS: dict[str, Callable[..., Value]] = {"IF": _if, "FILL": _fill}
