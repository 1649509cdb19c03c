"""Logs Insights: the rows that a query selects, and its life."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.conftest import AsAccount

GROUP = "/thoth/dev/api"


@pytest.fixture
def logs(aws: AsAccount) -> Any:
    client = aws("logs")
    client.create_log_group(logGroupName=GROUP)
    client.create_log_stream(logGroupName=GROUP, logStreamName="one")
    now = int(time.time() * 1000) - 60_000
    lines: list[object] = [
        {"level": "ERROR", "n": 3, "of": 4, "who": {"ip": "10.0.0.1"}, "tags": ["x"]},
        {"level": "INFO", "n": 20, "of": 0, "who": {"ip": "10.0.0.2"}},
        {"level": "ERROR", "n": 7, "of": 7, "who": {"ip": "10.0.0.1"}, "say": "it's"},
        "not JSON",
    ]
    client.put_log_events(
        logGroupName=GROUP,
        logStreamName="one",
        logEvents=[
            {"timestamp": now + n, "message": line if isinstance(line, str) else json.dumps(line)}
            for n, line in enumerate(lines)
        ],
    )
    return client


def start(logs: Any, query: str) -> str:
    now = int(time.time())
    started = logs.start_query(logGroupNames=[GROUP], startTime=now - 3600, endTime=now, queryString=query)
    return str(started["queryId"])


def rows(logs: Any, query: str) -> list[dict[str, str]]:
    key = start(logs, query)
    found = logs.get_query_results(queryId=key)
    while found["status"] == "Running":
        found = logs.get_query_results(queryId=key)
    return [
        {cell["field"]: cell["value"] for cell in row if cell["field"] not in {"@ptr", "@timestamp"}}
        for row in found["results"]
    ]


@pytest.mark.patch("queries_select")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("filter level = 'ERROR' | fields n | sort n asc", [{"n": "3"}, {"n": "7"}]),
        ("fields n | sort n desc | limit 2", [{"n": "20"}, {"n": "7"}]),
        ("stats count(*) as c by who.ip | sort c desc | limit 1", [{"who.ip": "10.0.0.1", "c": "2"}]),
        (
            "filter no = 1 or n >= 3 and not (n > 9) | stats sum(n), avg(of) as mean, count_distinct(who.ip) as ips",
            [{"sum(n)": "10", "mean": "5.5", "ips": "1"}],
        ),
        (
            "filter of >= 0 | fields n / of as share, n - 1 | sort n asc",
            [{"share": "0.75", "n - 1": "2"}, {"share": "1", "n - 1": "6"}, {"n - 1": "19"}],
        ),
        ("filter @message like /^not/ | fields @message", [{"@message": "not JSON"}]),
        ('filter say like "it\'s" | display n', [{"n": "7"}]),
        ("filter n in [3, 20] and level not in ['INFO'] | fields n, `tags.0`", [{"n": "3", "tags.0": "x"}]),
        ("filter level =~ /^I/ | fields n # what is left\n", [{"n": "20"}]),
        ("filter level = 'NONE' | stats count(*) as c by level", []),
        ("filter level = 'NONE' | stats count(*) as c", [{"c": "0"}]),
    ],
)
def test_a_query_selects(logs: Any, query: str, expected: list[dict[str, str]]) -> None:
    assert rows(logs, query) == expected


def test_without_a_choice_of_fields_there_are_time_and_message_the_latest_first(logs: Any) -> None:
    found = rows(logs, "limit 2")
    assert [row["@message"][:8] for row in found] == ["not JSON", '{"level"']


@pytest.mark.patch("queries_select")
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("filter level =", "MalformedQueryException"),
        ("filter (level = 'x'", "MalformedQueryException"),
        ("fields a b", "MalformedQueryException"),
        ("stats n by level", "MalformedQueryException"),
        ("", "MalformedQueryException"),
        ("parse @message '*' as x", "EmulatorNotImplemented"),
        ("fields strlen(@message)", "EmulatorNotImplemented"),
        ("stats pct(n, 95)", "EmulatorNotImplemented"),
    ],
)
def test_what_a_query_may_not_say_is_refused(logs: Any, query: str, code: str) -> None:
    with pytest.raises(ClientError, match=code):
        start(logs, query)


@pytest.mark.patch("queries_take_a_moment")
def test_a_query_runs_before_it_is_complete(logs: Any) -> None:
    key = start(logs, "fields n")
    first, second = logs.get_query_results(queryId=key), logs.get_query_results(queryId=key)
    assert (first["status"], first["results"], second["status"], len(second["results"])) == (
        "Running",
        [],
        "Complete",
        4,
    )


@pytest.mark.patch("queries_take_a_moment")
def test_an_unknown_query_is_not_there(logs: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.get_query_results(queryId="none")


@pytest.mark.patch("queries_stop")
def test_a_query_can_be_stopped_once(logs: Any) -> None:
    key = start(logs, "fields n")
    assert logs.stop_query(queryId=key)["success"]
    assert logs.get_query_results(queryId=key)["status"] == "Cancelled"
    with pytest.raises(ClientError, match="InvalidParameterException"):
        logs.stop_query(queryId=key)
