"""Arrivals from text: a trace of jobs or of hours as CSV, and the shapes of a day and a week."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from thoth_infra.errors import ConfigInvalid, Problem
from thoth_infra.simulate.workload import MONDAY, Rates, Trace

JOBS = ("at", "audio_seconds")
HOURS = ("hour", "jobs")
WEIGHTS = ("hour", "weight")
# Uploads of teachers over a working day, hour by hour from midnight: little at night, most after school.
DAY = (1, 1, 1, 1, 1, 2, 4, 8, 12, 14, 15, 14, 12, 13, 15, 18, 20, 18, 14, 11, 9, 6, 3, 2)
# Monday to Sunday.
WEEK = (1.1, 1.2, 1.2, 1.1, 1.0, 0.5, 0.4)


class TraceInvalid(ConfigInvalid):
    """A file of arrivals has problems; all of them are listed."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.message = str(self).replace("in the configuration", "in the arrivals", 1)


@dataclass(frozen=True)
class Arrivals:
    """Arrivals, when they begin, and how many hours they go on."""

    arrivals: Rates | Trace
    start: datetime
    hours: float


class _Rows:
    """The rows of a CSV text, and what is wrong with them."""

    def __init__(self, text: str, file: Path, headers: tuple[tuple[str, ...], ...]) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
        first = next(self._rows, [])
        self.header = tuple(name.strip().lower() for name in first)
        if self.header not in headers:
            known = " or ".join(",".join(header) for header in headers)
            self.wrong(1, "(header)", f"{','.join(first)!r} is not known", f"begin with {known}")
            raise TraceInvalid(self.problems)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        for row in self._rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) == len(self.header):
                yield self._rows.line_num, [cell.strip() for cell in row]
            else:
                wrong = f"{len(row)} values"
                self.wrong(self._rows.line_num, "(line)", wrong, f"give {len(self.header)}: {','.join(self.header)}")

    def wrong(self, line: int, key: str, wrong: str, right: str) -> None:
        self.problems.append(Problem(self.file, line, key, wrong, right))

    def number(self, line: int, key: str, text: str, holds: Callable[[float], bool], right: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isfinite(value) and holds(value):
            return value
        self.wrong(line, key, f"{text!r} will not do", right)
        return math.nan

    def close(self) -> None:
        if self.problems:
            raise TraceInvalid(self.problems)


def read(text: str, file: Path) -> Arrivals:
    """Return the arrivals of a CSV text with a header.

    ``at,audio_seconds``: a job a line; ``at`` in seconds from the begin, or as ISO 8601 (UTC without an offset).
    ``hour,jobs``: whole hours from 0 on, or ISO 8601, and how many jobs come within each. TraceInvalid with all
    problems, each at its line; ``file`` is what they name.
    """
    rows = _Rows(text, file, (JOBS, HOURS))
    return _jobs(rows) if rows.header == JOBS else _hours(rows)


def _moment(rows: _Rows, line: int, key: str, text: str) -> float | datetime:
    """Return seconds, or a date with its zone."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        rows.wrong(line, key, f"{text!r} is no time", "give seconds from the begin, or 2026-01-05T08:30:00Z")
        return math.nan
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _jobs(rows: _Rows) -> Arrivals:
    found: list[tuple[int, float | datetime, float]] = []
    for line, (at, length) in rows:
        moment = _moment(rows, line, "at", at)
        audio = rows.number(line, "audio_seconds", length, lambda value: 0 < value <= 86400, "give 0 to 86400 seconds")
        found.append((line, moment, audio))
    if not found and not rows.problems:
        rows.wrong(1, "(file)", "there is no job in it", "give one a line")
    rows.close()
    start, at_seconds = _aligned(rows, [(line, moment) for line, moment, _ in found], "at")
    order = sorted(range(len(found)), key=at_seconds.__getitem__)
    trace = Trace(tuple(at_seconds[i] for i in order), tuple(found[i][2] for i in order))
    return Arrivals(trace, start, math.floor(trace.at[-1] / 3600) + 1.0)


def _aligned(rows: _Rows, moments: list[tuple[int, float | datetime]], key: str) -> tuple[datetime, list[float]]:
    """Return the hour in which the first one is, and all as seconds from there."""
    dates = [moment for _, moment in moments if isinstance(moment, datetime)]
    for line, moment in moments:
        if bool(dates) != isinstance(moment, datetime):
            rows.wrong(line, key, "seconds and dates are mixed", "give all in one way")
        elif not isinstance(moment, datetime) and not 0 <= moment < math.inf:
            rows.wrong(line, key, f"{moment:g} is before the begin", "count from 0")
    rows.close()
    if not dates:
        return MONDAY, [moment for _, moment in moments if not isinstance(moment, datetime)]
    start = min(dates).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return start, [(moment - start).total_seconds() for moment in dates]


def _hours(rows: _Rows) -> Arrivals:
    found: list[tuple[int, float | datetime, float]] = []
    for line, (hour, count) in rows:
        moment = _moment(rows, line, "hour", hour)
        seconds = moment if isinstance(moment, datetime) else moment * 3600
        found.append((line, seconds, rows.number(line, "jobs", count, _is_count, "give a whole number of jobs")))
    if not found and not rows.problems:
        rows.wrong(1, "(file)", "there is no hour in it", "give one a line")
    rows.close()
    start, at_seconds = _aligned(rows, [(line, moment) for line, moment, _ in found], "hour")
    hourly: dict[int, float] = {}
    for (line, _, jobs), seconds in zip(found, at_seconds, strict=True):
        index, rest = divmod(seconds, 3600)
        if rest or int(index) in hourly:
            rows.wrong(line, "hour", "is no whole hour, or is there twice", "give each hour once")
        hourly[int(index)] = jobs
    rows.close()
    last = max(hourly) + 1
    return Arrivals(Rates(tuple(hourly.get(hour, 0.0) for hour in range(last)), exact=True), start, float(last))


def _is_count(value: float) -> bool:
    return value >= 0 and value.is_integer()


Shape = Literal["flat", "day", "week"]


def weights(shape: Shape) -> tuple[float, ...]:
    """Return the weight of each hour of the shape's cycle, which begins at midnight, that of a week on Monday."""
    if shape == "flat":
        return (1.0,)
    if shape == "day":
        return DAY
    return tuple(day * hour for day in WEEK for hour in DAY)


def read_weights(text: str, file: Path) -> tuple[float, ...]:
    """Return the weights of a CSV text ``hour,weight``: 24 hours, or 168 from Monday on. TraceInvalid otherwise."""
    rows = _Rows(text, file, (WEIGHTS,))
    found: dict[int, float] = {}
    for line, (which, weight) in rows:
        number = rows.number(line, "hour", which, lambda value: _is_count(value) and value < 168, "give 0 to 167")
        share = rows.number(line, "weight", weight, lambda value: value >= 0, "give 0 or more")
        if not math.isnan(number):
            found[int(number)] = share
    if not rows.problems and (set(found) not in ({*range(24)}, {*range(168)}) or not any(found.values())):
        rows.wrong(1, "(file)", f"{len(found)} hours", "give the 24 of a day or the 168 of a week, not all 0")
    rows.close()
    return tuple(found[hour] for hour in sorted(found))


def shaped(
    jobs_per_hour: float, hours: float, cycle: tuple[float, ...], start: datetime, zone_hours: int = 0
) -> Arrivals:
    """Return Poisson arrivals: ``jobs_per_hour`` on the mean of a cycle, laid over the hours from ``start``.

    ``zone_hours``: how far local time, which the cycle follows, is ahead of ``start``'s clock.
    """
    mean = sum(cycle) / len(cycle)
    monday = start - timedelta(days=start.weekday(), hours=start.hour)
    first = int((start - monday).total_seconds() // 3600) + zone_hours
    hourly = (jobs_per_hour * cycle[(first + hour) % len(cycle)] / mean for hour in range(math.ceil(hours)))
    return Arrivals(Rates(tuple(hourly)), start, hours)
