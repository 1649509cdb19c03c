"""CloudWatch Logs: FilterLogEvents as it pages, merges and refuses; quick enough for ten thousand events a second."""

from __future__ import annotations

import base64
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.models import LogGroup
from moto.logs.responses import LogsResponse as Response
from moto.logs.utils import EventMessageFilter

from thoth_infra.emulator.patches.registry import patch, wrap

_MOST_EVENTS = 10_000
_MOST_BYTES = 1_000_000
# What AWS counts for an event beside its message.
_OVERHEAD = 26

_alone = Lock()

Key = tuple[int, int, int]
Row = tuple[Key, str, Any]


@patch("logs", needed=lambda: True)
def filtered_pages() -> None:
    """moto gives stream after stream, pages of any size, never an empty one, and takes any token.

    AWS merges the streams by time and ingestion, ends a page after 10,000 events or 1 MB that it has looked at (so that
    a filter may leave a page empty), and refuses a token that it did not give for this question.
    """

    @wrap(Response, "filter_log_events")
    def filter_log_events(_original: Any, self: Any) -> str:
        name, streams = self._get_param("logGroupName"), self._get_param("logStreamNames")
        group = self.logs_backend.groups.get(name)
        if group is None:
            raise ResourceNotFoundException
        limit = self._get_param("limit") or _MOST_EVENTS
        if not 1 <= limit <= _MOST_EVENTS:
            raise InvalidParameterException(
                constraint="Member must have value less than or equal to 10000", parameter="limit", value=limit
            )
        start, end = self._get_param("startTime"), self._get_param("endTime")
        pattern = self._get_param("filterPattern") or ""
        question = json.dumps([name, streams, start, end, pattern])
        after = _read(self._get_param("nextToken"), question)
        with _alone:
            rows, more = _page(
                _merged(group), (start or 0, 0, 0), end, after, limit, set(streams or ()), _matcher(pattern)
            )
        answer: dict[str, Any] = {
            "events": [{**event.to_filter_dict(), "logStreamName": stream} for _, stream, event in rows],
            "searchedLogStreams": [],
        }
        if more:
            answer["nextToken"] = _token(more, question)
        return json.dumps(answer)


def _merged(group: LogGroup) -> list[Row]:
    """Return all of a group's events in AWS's order; what was put since the last time is merged into them."""
    rows: list[Row] = vars(group).setdefault("thoth_merged", [])
    taken: dict[str, int] = vars(group).setdefault("thoth_taken", {})
    if taken.keys() - group.streams.keys():
        rows.clear()
        taken.clear()
    fresh = list(_fresh(group, taken))
    if fresh:
        rows += sorted(fresh, key=_key)
        rows.sort(key=_key)  # two sorted runs: nearly linear
    return rows


def _fresh(group: LogGroup, taken: dict[str, int]) -> Iterator[Row]:
    for name, stream in list(group.streams.items()):
        known = taken.get(name, 0)
        events = stream.events[known:]
        taken[name] = known + len(events)
        for event in events:
            yield (event.timestamp, event.ingestion_time, event.event_id), name, event


def _key(row: Row) -> Key:
    return row[0]


def _page(
    rows: list[Row],
    start: Key,
    end: int | None,
    after: Key | None,
    limit: int,
    streams: set[str],
    matches: Callable[[str], bool],
) -> tuple[list[Row], Key | None]:
    """Return a page, and the last event that it has looked at if there are more."""
    place = bisect_right(rows, after, key=_key) if after else bisect_left(rows, start, key=_key)
    found: list[Row] = []
    size = 0
    for looked, row in enumerate(rows[place : place + _MOST_EVENTS + 1], 1):
        (ms, _, _), stream, event = row
        if end is not None and ms > end:
            return found, None
        size += len(event.message.encode()) + _OVERHEAD
        if len(found) >= limit or looked > _MOST_EVENTS or (size > _MOST_BYTES and looked > 1):
            return found, rows[place + looked - 2][0]
        if (not streams or stream in streams) and matches(event.message):
            found.append(row)
    return found, None


def _matcher(pattern: str) -> Callable[[str], bool]:
    if len(pattern) > 1 and pattern[0] == pattern[-1] == '"' and '"' not in pattern[1:-1].replace('\\"', ""):
        term = pattern[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        return lambda message: term in message
    known = EventMessageFilter(pattern)
    return lambda message: bool(known.matches(message))


def _token(after: Key, question: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([after, question]).encode()).decode()


def _read(token: str | None, question: str) -> Key | None:
    if not token:
        return None
    try:
        (ms, ingested, event), asked = json.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        asked = None
    if asked != question:
        raise InvalidParameterException("The specified nextToken is invalid.")
    return int(ms), int(ingested), int(event)
