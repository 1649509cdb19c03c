"""FilterLogEvents: one order over all streams, pages as AWS cuts them."""

from __future__ import annotations

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
    for stream in ("one", "two"):
        client.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    return client


def put(logs: Any, stream: str, *events: tuple[int, str]) -> None:
    rows = [{"timestamp": ms, "message": message} for ms, message in events]
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=rows)


def messages(answer: dict[str, Any]) -> list[str]:
    return [event["message"] for event in answer["events"]]


@pytest.mark.patch("filtered_pages")
def test_streams_are_merged_and_a_page_goes_on_in_the_middle_of_a_millisecond(logs: Any) -> None:
    now = int(time.time() * 1000)
    put(logs, "one", (now, "a"), (now + 1, "b"), (now + 1, "c"))
    put(logs, "two", (now, "d"), (now + 1, "e"))

    first = logs.filter_log_events(logGroupName=GROUP, limit=3)
    second = logs.filter_log_events(logGroupName=GROUP, limit=3, nextToken=first["nextToken"])

    assert messages(first) + messages(second) == ["a", "d", "b", "c", "e"]
    assert "nextToken" not in second


@pytest.mark.patch("filtered_pages")
def test_a_page_holds_a_megabyte_and_a_filter_may_leave_it_empty(logs: Any) -> None:
    now = int(time.time() * 1000)
    put(logs, "one", *((now, "x" * 200_000) for _ in range(4)))
    put(logs, "two", (now + 1, "y" * 200_000), (now + 2, "needle"))

    first = logs.filter_log_events(logGroupName=GROUP, filterPattern='"needle"')
    second = logs.filter_log_events(logGroupName=GROUP, filterPattern='"needle"', nextToken=first["nextToken"])

    assert (messages(first), messages(second)) == ([], ["needle"])
    assert len(logs.filter_log_events(logGroupName=GROUP)["events"]) == 4


@pytest.mark.patch("filtered_pages")
def test_a_token_is_good_for_its_own_question_only(logs: Any) -> None:
    now = int(time.time() * 1000)
    put(logs, "one", (now, "a"), (now, "b"))
    token = logs.filter_log_events(logGroupName=GROUP, limit=1)["nextToken"]

    for options in ({"nextToken": token, "startTime": 1}, {"nextToken": "anything"}):
        with pytest.raises(ClientError, match="InvalidParameterException"):
            logs.filter_log_events(logGroupName=GROUP, **options)


@pytest.mark.patch("filtered_pages")
def test_both_ends_of_the_span_count_and_what_comes_late_is_in_its_place(logs: Any) -> None:
    now = int(time.time() * 1000)
    put(logs, "one", *((now + n, str(n)) for n in (0, 2, 3, 4)))
    assert messages(logs.filter_log_events(logGroupName=GROUP, startTime=now, endTime=now + 3)) == ["0", "2", "3"]

    put(logs, "two", (now + 1, "1"), (now + 2, 'a "quoted" 2'))

    found = logs.filter_log_events(logGroupName=GROUP, startTime=now + 1, endTime=now + 3)
    assert messages(found) == ["1", "2", 'a "quoted" 2', "3"]
    assert messages(logs.filter_log_events(logGroupName=GROUP, filterPattern='"a \\"quoted\\""')) == ['a "quoted" 2']


def test_a_stream_that_is_deleted_takes_its_events_along(logs: Any) -> None:
    now = int(time.time() * 1000)
    put(logs, "one", (now, "a"))
    put(logs, "two", (now, "b"))
    assert messages(logs.filter_log_events(logGroupName=GROUP)) == ["a", "b"]

    logs.delete_log_stream(logGroupName=GROUP, logStreamName="one")

    assert messages(logs.filter_log_events(logGroupName=GROUP)) == ["b"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.filter_log_events(logGroupName="/none")
