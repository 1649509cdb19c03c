"""Logs in order, each line once, whatever CloudWatch does: against a model of it, and on the emulator."""

from __future__ import annotations

from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.aws.cloudwatch import CloudWatch, Ended, Fault, Line
from thoth_infra.aws import logs
from thoth_infra.aws.clients import Clients
from thoth_infra.aws.log_pages import Event, Pages
from thoth_infra.aws.shown import Shown
from thoth_infra.errors import ThothError

BEGIN = 1_700_000_000_000
LAST_LOOK = logs.LOOKS_MS[-1]

faults = st.lists(st.sampled_from([None, None, None, "throttled", "network", "expired", "empty"]), max_size=8).filter(
    lambda found: not found or None in found
)
# Mostly what is usual, and times that many lines share.
lateness = st.one_of(
    st.integers(0, 9_000), st.sampled_from([0, 9_999, 10_001, 29_000, 31_000]), st.integers(0, 290_000)
)
moments = st.one_of(st.integers(-20_000, 60_000), st.sampled_from([0, 1, 5_000, 5_001]))


@st.composite
def logs_of_a_minute(draw: st.DrawFn) -> list[Line]:
    drawn = draw(st.lists(st.tuples(moments, lateness, st.integers(1, 5)), max_size=40))
    return [Line(BEGIN + at, BEGIN + at + late, n, f"api/{of}") for n, (at, late, of) in enumerate(drawn)]


def pages_of(model: CloudWatch) -> Pages:
    return Pages(cast(Clients, model), "/thoth/dev/api", clock=model.clock, wait=model.wait)


def followed(model: CloudWatch, start: int = BEGIN) -> list[Event]:
    found: list[Event] = []
    with pytest.raises(Ended):
        for events in logs.follow(pages_of(model), start / 1000):
            found += events
    return found


@settings(max_examples=60, deadline=None)
@given(logs_of_a_minute(), st.integers(1, 7), faults, st.integers(-5_000, 30_000))
def test_a_follower_shows_each_line_once_and_in_order_what_is_not_late(
    lines: list[Line], page: int, faults: list[Fault | None], asked_after: int
) -> None:
    over = BEGIN + 60_000 + LAST_LOOK
    model = CloudWatch(lines, BEGIN + asked_after, over + 60_000, page, list(faults), bad_until_ms=over)
    found = followed(model)
    wanted = {line.id: line for line in lines if line.ms >= BEGIN}

    assert sorted(event.id for event in found) == sorted(wanted)
    in_time = [wanted[event.id] for event in found if not event.late]
    assert in_time == sorted(in_time)
    overtaken = {event.id for event in found if event.late}
    assert not [i for i in overtaken if wanted[i].visible_ms - wanted[i].ms <= logs.SETTLE_MS]
    assert {event.id: (event.ms, event.stream) for event in found} == {
        line.id: (line.ms, line.stream) for line in wanted.values()
    }


@settings(max_examples=60, deadline=None)
@given(logs_of_a_minute(), st.integers(1, 7), faults)
def test_history_is_whole_and_in_order(lines: list[Line], page: int, faults: list[Fault | None]) -> None:
    end = BEGIN + 60_000 + LAST_LOOK
    model = CloudWatch(lines, end, end + 10**9, page, list(faults))
    found = [event.id for events in logs.history(pages_of(model), BEGIN / 1000) for event in events]
    assert found == [line.id for line in sorted(lines) if line.ms >= BEGIN]


def test_nothing_falls_between_two_polls() -> None:
    lines = [Line(BEGIN + n, BEGIN + n, n) for n in range(6_000)]
    found = followed(CloudWatch(lines, BEGIN, BEGIN + 60_000, 1_000))
    assert [event.id for event in found] == [line.id for line in lines]
    assert not any(event.late for event in found)


def test_a_straggler_is_marked_and_shown_at_the_next_look() -> None:
    line = Line(BEGIN, BEGIN + 13_500, 1)
    (event,) = followed(CloudWatch([line], BEGIN, BEGIN + 60_000))
    assert event.late


def test_a_follower_waits_between_polls_and_asks_seldom_when_nothing_happens() -> None:
    model = CloudWatch([], BEGIN, BEGIN + 600_000)
    followed(model)
    assert set(model.waits) == {2.0}
    assert model.requests < 600_000 / 2_000 * 1.5


def test_what_a_follower_remembers_does_not_grow_with_what_it_has_shown() -> None:
    shown = Shown(0, logs.LOOKS_MS)
    second, remembered, looks = 1000, [], 0
    for n in range(900):
        now = n * second
        shown.add(now, ((now - 10 * second + i, f"{n}.{i}") for i in range(200)))
        shown.close(now, now - 9 * second)
        looks += len(list(shown.due(now)))
        remembered.append(shown.events)
    assert max(remembered[450:]) <= max(remembered[:450])
    assert max(remembered) <= 200 * (LAST_LOOK // second + 2)
    assert looks


def test_many_lines_of_one_millisecond_stay_together_however_many_they_are() -> None:
    lines = [Line(BEGIN + 5, BEGIN + 6, n) for n in range(50)]
    model = CloudWatch(lines, BEGIN + 60_000, BEGIN + 70_000, 3, [None, None, "expired"])
    assert [event.id for event in followed(model)] == [line.id for line in lines]


def test_a_token_that_is_old_is_not_used_again() -> None:
    lines = [Line(BEGIN + n // 2, BEGIN, n) for n in range(10)]
    model = CloudWatch(lines, BEGIN + 60_000, BEGIN + 10**9)
    found = []
    for events in logs.history(pages_of(model), BEGIN / 1000):
        found += [event.id for event in events]
        model.now_ms += 86_400_000  # somebody reads the page in `less`
        model.faults = ["expired"]
    assert found == [line.id for line in lines]


@pytest.mark.parametrize("fault", ["throttled", "network"])
def test_a_cloudwatch_that_never_answers_is_given_up_and_every_pause_is_told(fault: Fault) -> None:
    model = CloudWatch([], BEGIN, BEGIN + 10**9, 3, [fault])
    said: list[str] = []
    pages = Pages(cast(Clients, model), "/g", clock=model.clock, wait=model.wait, say=said.append)
    with pytest.raises(Exception, match=r"Rate exceeded|Could not connect"):
        list(logs.history(pages, BEGIN / 1000))
    assert 300 < sum(model.waits) < 1200
    assert model.waits[:6] == [1, 2, 4, 8, 16, 30]
    assert len(said) == len(model.waits)
    assert "does not answer just now" in said[0]


def test_tokens_that_never_work_do_not_lead_in_circles() -> None:
    class Broken(CloudWatch):
        def filter_log_events(self, **options: Any) -> dict[str, Any]:
            if "nextToken" in options:
                raise ClientError({"Error": {"Code": "InvalidParameterException"}}, "FilterLogEvents")
            return {"events": [], "nextToken": "x"}

    with pytest.raises(ThothError, match="its own tokens"):
        list(logs.history(pages_of(Broken([], BEGIN, BEGIN)), BEGIN / 1000 - 5))
