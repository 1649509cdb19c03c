"""What CloudWatch demands of a line in its embedded metric format, as far as a worker could get it wrong.

By the specification in CloudWatch's user guide; limits of names and values by the API's PutMetricData.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_SIZES = tuple(prefix + size for size in ("bytes", "bits") for prefix in ("", "Kilo", "Mega", "Giga", "Tera"))
_RATES = (*(size.capitalize() for size in _SIZES), "Count")
_TIMES = ("Seconds", "Milliseconds", "Microseconds")
UNITS = frozenset({*_TIMES, *_RATES, *(f"{name}/Second" for name in _RATES), "Percent", "None"})
_LARGEST_LINE = 256 * 1024
_FIRST_OF_2020 = 1_577_836_800_000


@dataclass(frozen=True)
class Point:
    """One data point."""

    namespace: str
    name: str
    unit: str
    value: float
    dimensions: tuple[tuple[str, str], ...]


def points(line: str) -> list[Point]:
    """Return the data points that CloudWatch would take from a line; raises AssertionError when it would refuse it."""
    assert "\n" not in line
    assert len(line.encode()) <= _LARGEST_LINE
    root = json.loads(line, parse_constant=_no_constant, object_pairs_hook=_without_repeats)
    meta = root["_aws"]
    assert set(meta) <= {"Timestamp", "CloudWatchMetrics", "LogGroupName"}
    assert type(meta["Timestamp"]) is int and meta["Timestamp"] > _FIRST_OF_2020, "milliseconds since 1970"
    assert meta["CloudWatchMetrics"]
    return [point for directive in meta["CloudWatchMetrics"] for point in _directive(directive, root)]


def _directive(directive: dict[str, Any], root: dict[str, Any]) -> list[Point]:
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert isinstance(directive["Namespace"], str) and 1 <= len(directive["Namespace"]) <= 255
    assert not directive["Namespace"].startswith((":", "AWS/"))
    assert directive["Dimensions"]
    assert 1 <= len(directive["Metrics"]) <= 100
    return [
        Point(directive["Namespace"], metric["Name"], metric["Unit"], _value(metric, root), _dimensions(names, root))
        for names in directive["Dimensions"]
        for metric in directive["Metrics"]
    ]


def _dimensions(names: list[str], root: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    assert 1 <= len(names) <= 30
    assert len(set(names)) == len(names)
    for name in names:
        assert isinstance(root[name], str), f"{name} must be a string"
        assert 1 <= len(root[name]) <= 1024
        assert root[name].isascii() and root[name].strip()
    return tuple((name, root[name]) for name in names)


def _value(metric: dict[str, Any], root: dict[str, Any]) -> float:
    assert set(metric) <= {"Name", "Unit", "StorageResolution"}
    assert metric["Unit"] in UNITS
    value = root[metric["Name"]]
    assert type(value) in {int, float}, f"{metric['Name']} must be a number"
    assert value == 0 or 1e-130 <= abs(value) <= 1e116
    return float(value)


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    assert len(found) == len(pairs), "a member stands there twice"
    return found
