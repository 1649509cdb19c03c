"""Logs on the emulator, which pages, merges and refuses as CloudWatch does."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.aws import log_writer
from tests.aws.cloudwatch import Ended
from thoth_infra.aws import logs
from thoth_infra.aws.clients import Clients
from thoth_infra.aws.log_pages import Event, Pages
from thoth_infra.emulator import running
from thoth_infra.errors import ThothError

ACCOUNT, REGION = "087439708020", "us-east-1"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    with running(tmp_path_factory.mktemp("logs")) as emulator:
        yield Clients({k: v for k, v in emulator.variables(account_id=ACCOUNT, region=REGION).items() if v}, REGION)


def messages(pages: Pages, start: float) -> list[str]:
    return [event.message for events in logs.history(pages, start) for event in events]


def test_logs_are_one_stream_in_order(aws: Clients) -> None:
    client, group = aws("logs"), "/thoth/dev/api"
    client.create_log_group(logGroupName=group)
    now = int(time.time() * 1000)
    for stream, offset in (("api/1", 0), ("api/2", 1)):
        client.create_log_stream(logGroupName=group, logStreamName=stream)
        client.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[
                {"timestamp": now - 9000 + 2 * n + offset, "message": f"line {2 * n + offset}"} for n in range(5)
            ],
        )
    start = time.time() - 300
    assert messages(Pages(aws, group), start) == [f"line {n}" for n in range(10)]
    assert messages(Pages(aws, group, "line 7"), start) == ["line 7"]
    assert messages(Pages(aws, group), time.time()) == []


def test_an_unknown_log_group_is_named(aws: Clients) -> None:
    with pytest.raises(ThothError, match="no log group /thoth/dev/none"):
        messages(Pages(aws, "/thoth/dev/none"), time.time() - 1)


def test_a_follower_of_five_streams_shows_each_line_once_and_in_order(aws: Clients) -> None:
    group, client, seconds, rate = "/thoth/dev/followed", aws("logs"), 5, 400
    log_writer.create(client, group)
    begin = int(time.time()) * 1000 - 600_000
    written = log_writer.batches(begin, seconds, rate)
    ahead = [next(written)]
    now = begin

    def wait(pause: float) -> None:
        """Time goes by, and what is due arrives."""
        nonlocal now
        now += int(pause * 1000)
        while ahead and ahead[0].due_ms <= now:
            log_writer.put(client, group, ahead.pop())
            ahead.extend(batch for _, batch in zip(range(1), written, strict=False))
        if now > begin + 90_000:
            raise Ended

    found: list[Event] = []
    pages = Pages(aws, group, clock=lambda: now / 1000, wait=wait)
    with pytest.raises(Ended):
        for events in logs.follow(pages, begin / 1000):
            found += events

    lines = Counter((fields["s"], fields["n"]) for fields in (json.loads(event.message) for event in found))
    assert lines == Counter((stream, n) for stream in range(5) for n in range(seconds * rate))
    in_time = [event.ms for event in found if not event.late]
    assert in_time == sorted(in_time)
    assert 0 < len(found) - len(in_time) < len(found) / 20


@pytest.mark.parametrize(("text", "span"), [("30s", 30), ("15m", 900), ("2h", 7200), ("1d", 86400)])
def test_spans_of_time(text: str, span: int) -> None:
    assert logs.since(text).total_seconds() == span


@pytest.mark.parametrize("text", ["", "15", "m", "-5m", "5w", "1.5h", "9" * 30 + "d"])
def test_other_spans_are_refused(text: str) -> None:
    with pytest.raises(ThothError, match="span of time"):
        logs.since(text)
