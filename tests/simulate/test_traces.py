"""Arrivals from CSV: what is read, and what is refused with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from thoth_infra.simulate import traces
from thoth_infra.simulate.traces import TraceInvalid
from thoth_infra.simulate.workload import MONDAY, Rates, Trace

FILE = Path("jobs.csv")


def test_jobs_by_seconds_are_sorted() -> None:
    found = traces.read("at,audio_seconds\n7300, 60\n10.5,1800\n\n", FILE)

    assert found.arrivals == Trace((10.5, 7300.0), (1800.0, 60.0))
    assert (found.start, found.hours) == (MONDAY, 3)


def test_jobs_by_date_begin_with_the_hour_of_the_first() -> None:
    found = traces.read("at,audio_seconds\n2026-03-08T08:30:00+01:00,60\n2026-03-08T09:00:00Z,60\n", FILE)

    assert found.arrivals == Trace((1800.0, 7200.0), (60.0, 60.0))
    assert found.start == datetime(2026, 3, 8, 7, tzinfo=UTC)


def test_jobs_by_the_hour() -> None:
    found = traces.read("\ufeffhour,jobs\n0,3\n2,5\n", FILE)

    assert found.arrivals == Rates((3.0, 0.0, 5.0), exact=True)
    assert found.hours == 3


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", ["jobs.csv:1: (header)"]),
        ("when,length\n1,2\n", ["jobs.csv:1: (header)"]),
        ("at,audio_seconds\n", ["jobs.csv:1: (file)"]),
        (
            "at,audio_seconds\n1,60\nsoon,60\n2,\n3,60,9\n",
            ["jobs.csv:3: at", "jobs.csv:4: audio_seconds", "jobs.csv:5"],
        ),
        ("at,audio_seconds\n1,-60\n2,inf\n", ["jobs.csv:2: audio_seconds", "jobs.csv:3: audio_seconds"]),
        ("at,audio_seconds\n1,60\n2026-01-05,60\n", ["jobs.csv:2: at"]),
        ("at,audio_seconds\n-1,60\n", ["jobs.csv:2: at"]),
        ("hour,jobs\n0,1.5\n1,-1\n", ["jobs.csv:2: jobs", "jobs.csv:3: jobs"]),
        ("hour,jobs\n0,1\n0,2\n0.5,1\n", ["jobs.csv:3: hour", "jobs.csv:4: hour"]),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, wrong: list[str]) -> None:
    with pytest.raises(TraceInvalid) as refused:
        traces.read(text, FILE)

    assert refused.value.exit_code == 3
    for problem, place in zip(refused.value.problems, wrong, strict=True):
        assert str(problem).startswith(place)
    assert "in the arrivals" in refused.value.message


@pytest.mark.parametrize("shape", ["flat", "day", "week"])
def test_a_shape_keeps_the_mean(shape: traces.Shape) -> None:
    found = traces.shaped(12.5, 336, traces.weights(shape), MONDAY).arrivals
    assert isinstance(found, Rates)
    assert sum(found.hourly) / 336 == pytest.approx(12.5)
    # A Saturday night is quieter than a Monday afternoon, unless all hours are alike.
    assert (found.hourly[5 * 24 + 3] < found.hourly[15]) == (shape != "flat")


def test_a_shape_follows_local_time() -> None:
    utc = traces.shaped(10, 24, traces.weights("day"), MONDAY).arrivals
    later = traces.shaped(10, 24, traces.weights("day"), MONDAY, zone_hours=-5).arrivals
    assert isinstance(utc, Rates) and isinstance(later, Rates)
    assert later.hourly[16 + 5] == utc.hourly[16]


def test_weights_of_ones_own() -> None:
    day = "hour,weight\n" + "".join(f"{hour},{hour % 3}\n" for hour in range(24))
    assert traces.read_weights(day, FILE) == tuple(float(hour % 3) for hour in range(24))
    with pytest.raises(TraceInvalid, match="give the 24 of a day"):
        traces.read_weights("hour,weight\n0,1\n", FILE)
