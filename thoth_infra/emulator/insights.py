"""The part of CloudWatch Logs Insights' query language that our saved queries use, over events in memory.

``fields``, ``display``, ``filter``, ``stats … by``, ``sort``, ``limit``; comparisons, ``and``/``or``/``not``, ``in``,
``like``, ``=~``, arithmetic. What AWS would refuse raises Malformed; what only AWS has raises NotImplementedError.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from thoth_infra.emulator.insights_values import (
    Evaluate,
    Record,
    among,
    both,
    by,
    calculated,
    compared,
    constant,
    either,
    matching,
    over,
    unquoted,
)  # fmt: skip

Step: TypeAlias = Callable[["Table"], None]

_MOST_ROWS: Final = 10_000
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq, "!=": operator.ne, "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
_SUM: Final[dict[str, Callable[[float, float], float]]] = {"+": operator.add, "-": operator.sub}
_PRODUCT: Final[dict[str, Callable[[float, float], float]]] = {"*": operator.mul, "/": operator.truediv}


class Malformed(Exception):
    """AWS would refuse this query."""


@dataclass
class Table:
    """What one command hands to the next: the records, the fields to show, and whether they are sorted."""

    rows: list[Record]
    shown: list[str] = field(default_factory=list)
    ordered: bool = False
    grouped: bool = False
    limit: int = _MOST_ROWS


@dataclass(frozen=True)
class Named:
    """An expression and the name of its column."""

    name: str
    value: Evaluate


@dataclass(frozen=True)
class Aggregate:
    """A figure over the records of a group."""

    name: str
    over: Callable[[Sequence[Record]], Any]


def run(query: str, events: Iterable[tuple[Record, str]]) -> list[dict[str, str]]:
    """Return the rows of a query over events: fields of the system (@timestamp in milliseconds, …), and message."""
    table = Table([{**_discovered(message), "@message": message, **system} for system, message in events])
    for step in _Parser(query).steps():
        step(table)
    if not table.ordered and not table.grouped:
        table.rows.sort(key=lambda row: -row["@timestamp"])
    shown = table.shown or ["@timestamp", "@message"]
    if not table.grouped:
        shown = [*shown, "@ptr"]
    return [
        {name: _text(name, row[name]) for name in shown if row.get(name) is not None}
        for row in table.rows[: table.limit]
    ]


def _discovered(message: str) -> Record:
    """Return the fields that Insights finds in a JSON line; those of objects within by their path."""
    try:
        found = json.loads(message)
    except ValueError:
        return {}
    return dict(_flat(found, "")) if isinstance(found, dict) else {}


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if parts is None:
        yield path, value
        return
    for key, inner in parts:
        yield from _flat(inner, f"{path}.{key}" if path else str(key))


def _text(name: str, value: Any) -> str:
    if name in {"@timestamp", "@ingestionTime"}:
        return f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%d %H:%M:%S}.{value % 1000:03}"
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return str(value)


class _Parser:
    def __init__(self, query: str) -> None:
        self._text = re.sub(r"(?m)#.*$", "", query)
        self._at = 0

    def steps(self) -> list[Step]:
        found = [self._command()]
        while self._take(r"\|"):
            found.append(self._command())
        if self._text[self._at :].strip():
            raise Malformed(f"unexpected: {self._text[self._at :].strip()[:40]}")
        return found

    def _command(self) -> Step:
        word = self._need(r"[a-zA-Z_]+", "a command").lower()
        commands: dict[str, Callable[[], Step]] = {
            "fields": self._fields, "display": self._display, "filter": self._filter, "stats": self._stats,
            "sort": self._sort, "limit": self._limit,
        }  # fmt: skip
        if word not in commands:
            raise NotImplementedError(f"the emulated Logs Insights has no command {word!r}")
        return commands[word]()

    def _fields(self) -> Step:
        columns = self._list(self._named)

        def step(table: Table) -> None:
            for column in columns:
                for row in table.rows:
                    row[column.name] = column.value(row)
                table.shown.append(column.name)

        return step

    def _display(self) -> Step:
        columns = self._list(self._named)

        def step(table: Table) -> None:
            table.shown = [column.name for column in columns]

        return step

    def _filter(self) -> Step:
        holds = self._or()

        def step(table: Table) -> None:
            table.rows = [row for row in table.rows if holds(row)]

        return step

    def _stats(self) -> Step:
        figures = self._list(self._aggregate)
        keys = self._list(self._named) if self._word("by") else []

        def step(table: Table) -> None:
            groups: dict[tuple[Any, ...], list[Record]] = {} if keys else {(): []}
            for row in table.rows:
                groups.setdefault(tuple(key.value(row) for key in keys), []).append(row)
            table.rows = [
                {
                    **{key.name: value for key, value in zip(keys, values, strict=True)},
                    **{figure.name: figure.over(rows) for figure in figures},
                }
                for values, rows in groups.items()
            ]
            table.shown = [*(key.name for key in keys), *(figure.name for figure in figures)]
            table.grouped = True

        return step

    def _sort(self) -> Step:
        orders = self._list(self._order)

        def step(table: Table) -> None:
            for value, descending in reversed(orders):
                table.rows.sort(key=by(value), reverse=descending)
            table.ordered = True

        return step

    def _order(self) -> tuple[Evaluate, bool]:
        value = self._sum()
        if self._word("desc"):
            return value, True
        self._word("asc")
        return value, False

    def _limit(self) -> Step:
        number = int(self._need(r"\d+", "a number"))

        def step(table: Table) -> None:
            table.limit = number

        return step

    def _aggregate(self) -> Aggregate:
        start = self._at
        function = self._need(r"[a-z_]+(?=\s*\()", "an aggregate").lower()
        self._need(r"\(", "(")
        if function == "count" and (self._take(r"\*") or self._peek(r"\)")):
            figure: Callable[[Sequence[Record]], Any] = len
        else:
            value = self._sum()
            figure = over(function, value)
        self._need(r"\)", ")")
        name = self._text[start : self._at].strip()
        return Aggregate(self._alias() or name, figure)

    def _named(self) -> Named:
        start = self._at
        value = self._or()
        name = self._text[start : self._at].strip().strip("`")
        return Named(self._alias() or name, value)

    def _alias(self) -> str:
        return self._need(r"[\w@.]+", "a name") if self._word("as") else ""

    def _or(self) -> Evaluate:
        found = self._and()
        while self._word("or"):
            found = either(found, self._and())
        return found

    def _and(self) -> Evaluate:
        found = self._not()
        while self._word("and"):
            found = both(found, self._not())
        return found

    def _not(self) -> Evaluate:
        if self._word("not"):
            inner = self._not()
            return lambda row: not inner(row)
        return self._comparison()

    def _comparison(self) -> Evaluate:
        left = self._sum()
        if self._take(r"=~"):
            return matching(left, self._pattern())
        if sign := self._take(r"!=|<=|>=|=|<|>"):
            return compared(_COMPARE[sign], left, self._sum())
        negated = bool(self._peek(r"not\s+(like|in)\b")) and bool(self._word("not"))
        found = None
        if self._word("like"):
            found = matching(left, self._pattern())
        elif self._word("in"):
            self._need(r"\[", "[")
            values = self._list(self._sum)
            self._need(r"\]", "]")
            found = among(left, values)
        if found is None:
            return left
        test = found
        return (lambda row: not test(row)) if negated else test

    def _pattern(self) -> re.Pattern[str]:
        if text := self._take(r"/(?:[^/\\]|\\.)*/"):
            return re.compile(text[1:-1])
        return re.compile(re.escape(unquoted(self._need(r"'[^']*'|\"[^\"]*\"", "a pattern"))))

    def _sum(self) -> Evaluate:
        found = self._product()
        while sign := self._take(r"[+-]"):
            found = calculated(_SUM[sign], found, self._product())
        return found

    def _product(self) -> Evaluate:
        found = self._atom()
        while sign := self._take(r"[*/]"):
            found = calculated(_PRODUCT[sign], found, self._atom())
        return found

    def _atom(self) -> Evaluate:
        if self._take(r"\("):
            inner = self._or()
            self._need(r"\)", ")")
            return inner
        if text := self._take(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""):
            return constant(unquoted(text))
        if text := self._take(r"-?\d+(?:\.\d+)?"):
            return constant(float(text) if "." in text else int(text))
        if self._peek(r"[a-zA-Z_]\w*\s*\("):
            raise NotImplementedError(f"the emulated Logs Insights has no {self._text[self._at :].strip()[:30]!r}")
        name = self._need(r"`[^`]+`|[@a-zA-Z_][\w.@]*", "a field").strip("`")
        return lambda row: row.get(name)

    def _list(self, one: Callable[[], Any]) -> list[Any]:
        found = [one()]
        while self._take(","):
            found.append(one())
        return found

    def _word(self, word: str) -> str:
        return self._take(rf"(?i:{word})\b")

    def _peek(self, pattern: str) -> re.Match[str] | None:
        return re.compile(rf"\s*(?:{pattern})", re.IGNORECASE).match(self._text, self._at)

    def _take(self, pattern: str) -> str:
        found = re.compile(rf"\s*({pattern})").match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found[1]

    def _need(self, pattern: str, what: str) -> str:
        found = self._take(pattern)
        if not found:
            raise Malformed(f"{what} is missing at: {self._text[self._at :].strip()[:40]!r}")
        return found
