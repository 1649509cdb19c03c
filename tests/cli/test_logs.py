"""``thoth-infra logs`` as an operator sees it."""

from __future__ import annotations

import json
import time

import pytest

from tests.cli.site import GROUP, Site, account, aws, emulator, site
from tests.snapshots import same
from thoth_infra.aws.log_pages import Event
from thoth_infra.cli import log_lines

__all__ = ["account", "aws", "emulator", "site"]

TASKS = ("api/api/0123456789abcdef0123456789abcdef", "api/api/fedcba9876543210fedcba9876543210")


@pytest.fixture
def logged(site: Site) -> Site:
    """Two tasks of the API: what workers write, what libraries write, and what nobody foresaw."""
    now = int(time.time() * 1000) - 60_000
    about = {"job_id": "lesson-1", "trace_id": "t1"}
    common = {"service": "api", "logger": "workers.api.http"}
    site.log(
        GROUP,
        TASKS[0],
        (now, {**common, "level": "INFO", "message": "ready", "port": 8080}),
        (now + 2, {**about, **common, "level": "WARNING", "message": "not delivered", "reason": "time out", "n": 1.5}),
        (now + 4, "INFO:     Started server process [7]"),
        (now + 6, {"_aws": {"Timestamp": 1, "CloudWatchMetrics": []}, "Service": "api", "JobsFailed": 1}),
    )
    trace = 'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\nValueError: 7'
    site.log(
        GROUP,
        TASKS[1],
        (now + 1, {**common, "level": "DEBUG", "message": "two\nlines", "names": ["a", "b"]}),
        (now + 3, {**about, **common, "level": "ERROR", "message": "unforeseen", "exception": trace}),
        (now + 5, '{"broken": '),
        (now + 7, "\x1b[31mred\x1b[0m and a bell\x07"),
    )
    return site


def test_a_log_is_readable_in_order(logged: Site) -> None:
    shown = logged.run("logs", "api")
    assert (shown.code, shown.err.count("note:")) == (0, len(shown.err.splitlines()))
    same("logs.txt", shown.out)


def test_raw_is_what_was_written(logged: Site) -> None:
    shown = logged.run("logs", "api", "--raw").out
    assert "\n\x1b[31mred\x1b[0m and a bell\x07\n" in shown
    assert json.loads(shown.splitlines()[0])["message"] == "ready"


def test_json_is_one_object_a_line(logged: Site) -> None:
    shown = logged.run("--json", "logs", "api").out
    same("logs.json", shown, {r'"id": "(\d+)"': "event", r'"at": "([^"]+)"': "time"})
    rows = [json.loads(line) for line in shown.splitlines()]
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    assert {row["stream"] for row in rows} == set(TASKS)


def test_text_and_number_of_lines_can_be_asked_for(logged: Site) -> None:
    assert len(logged.run("logs", "api", "--lines", "3").out.splitlines()) == 4  # one is of two lines
    (line,) = logged.run("logs", "api", "--filter", "not delivered").out.splitlines()
    assert 'reason="time out"' in line
    assert logged.run("logs", "api", "--since", "30s").out == ""


def test_what_is_not_there_is_named(site: Site) -> None:
    wrong = site.run("logs", "transcripton")
    assert (wrong.code, wrong.out) == (1, "")
    assert "did you mean 'transcription'?" in wrong.err
    missing = site.run("logs", "api")
    assert "there is no log group /thoth/staging/api" in missing.err
    assert "apply the environment first" in missing.err
    assert site.run("logs", "api", "--since", "soon").code == 1


def test_levels_have_colours_only_where_they_are_asked_for() -> None:
    event = Event(1_700_000_000_000, "a/b/c", '{"level": "ERROR", "message": "x"}', "1")
    assert "\x1b[31mERROR" in log_lines.as_text(event, "api", colour=True)
    assert "\x1b" not in log_lines.as_text(event, "api")


def test_a_straggler_says_so() -> None:
    event = Event(1_700_000_000_007, "a/b/0123456789", "late", "1", late=True)
    assert log_lines.as_text(event, "api") == "2023-11-14 22:13:20.007 -        api/01234567 (late) late"


@pytest.mark.parametrize("message", ["[1, 2]", "{]", '"x"', "{" * 100_000, '{"a": ' * 50_000, ""])
def test_what_is_no_json_object_stays_as_it_is(message: str) -> None:
    event = Event(1_700_000_000_000, "s", message, "1")
    assert log_lines.as_text(event, "api").endswith(f"api/s {message}".rstrip())
