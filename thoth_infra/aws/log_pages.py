"""A log group's events of one span of time, page after page, whatever happens between two pages.

CloudWatch gives a group's streams merged: by the events' time, then by the time of ingestion, then by the request that
put them there. A page ends after 10,000 events or 1 MB, may be empty, and has a token for the next. An account may ask
for five pages a second, so somebody else's reading makes ours wait.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from thoth_infra.aws.clients import Clients
from thoth_infra.errors import ThothError

# Tokens are good for a day; an old one may also be answered with an empty page, as if the span ended there.
_TOKEN_SECONDS: Final = 3600.0
# About ten minutes of asking again, beyond what botocore does by itself.
_PATIENCE: Final = 24
# How often a span is begun anew at its last event without getting further.
_FRUITLESS: Final = 3
_LONGEST_PAUSE_SECONDS: Final = 30
_PASSING: Final = frozenset(
    {"ThrottlingException", "Throttling", "RequestLimitExceeded", "ServiceUnavailableException", "InternalFailure"}
)


class Event(NamedTuple):
    """One line of a log. ``late``: it arrived when lines of the same time had been shown already."""

    ms: int
    """When it happened, in milliseconds since 1970."""
    stream: str
    message: str
    id: str
    late: bool = False

    @property
    def at(self) -> datetime:
        """When it happened."""
        return datetime.fromtimestamp(self.ms / 1000, UTC)


def _silent(_text: str) -> None:
    return None


@dataclass(frozen=True)
class Pages:
    """Reads the log group ``group``, lines with ``text`` only.

    ``clock`` gives seconds since 1970, ``wait`` pauses for seconds, ``say`` tells a person why it takes long.
    """

    clients: Clients
    group: str
    text: str = ""
    clock: Callable[[], float] = time.time
    wait: Callable[[float], None] = time.sleep
    say: Callable[[str], None] = _silent
    _made: list[Any] = field(default_factory=list, repr=False)

    def between(self, start: int, end: int) -> Iterator[list[Event]]:
        """Yield the events from ``start`` to ``end`` (milliseconds, both included) in order, each once.

        Raises:
            ThothError: there is no such log group; or CloudWatch would not answer for minutes.
        """
        seen = _Seen(start)
        token, got = "", 0.0
        fruitless = 0
        while start <= end:
            if token and self.clock() - got > _TOKEN_SECONDS:
                start, token = seen.last, ""
            try:
                answer = self._ask(start, end, token)
            except _TokenGone:
                if fruitless == _FRUITLESS:
                    raise ThothError(
                        f"CloudWatch does not take its own tokens for {self.group}", "try again with a shorter --since"
                    ) from None
                # From the last event's millisecond on, without those of it that were given.
                start, token, fruitless = seen.last, "", fruitless + 1
                continue
            events = list(seen.new(answer["events"]))
            token, got = answer.get("nextToken", ""), self.clock()
            if events:
                fruitless = 0
                yield events
            if not token:
                return

    def _ask(self, start: int, end: int, token: str) -> dict[str, Any]:
        from botocore import exceptions

        options: dict[str, Any] = {"logGroupName": self.group, "startTime": start, "endTime": end}
        if self.text:
            # A quoted term matches literally, whatever signs of the pattern language it holds.
            options["filterPattern"] = '"' + self.text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        if token:
            options["nextToken"] = token
        for attempt in itertools.count():
            try:
                return dict(self._client.filter_log_events(**options))
            except exceptions.ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                if code == "ResourceNotFoundException":
                    raise ThothError(f"there is no log group {self.group}", "apply the environment first") from None
                if code == "InvalidParameterException" and token:
                    raise _TokenGone from None
                if code not in _PASSING or attempt >= _PATIENCE:
                    raise
                reason = code
            except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
                if attempt >= _PATIENCE:
                    raise
                reason = type(error).__name__
            pause = min(1 << attempt, _LONGEST_PAUSE_SECONDS)
            self.say(f"CloudWatch does not answer just now ({reason}); asking again in {pause} s")
            self.wait(pause)
        raise AssertionError

    @property
    def _client(self) -> Any:
        if not self._made:
            self._made.append(self.clients("logs"))
        return self._made[0]


@dataclass
class _Seen:
    """The last millisecond of what was given, and the events of it: more of them may come with the next page."""

    last: int
    ids: set[str] = field(default_factory=set)

    def new(self, rows: Iterable[dict[str, Any]]) -> Iterator[Event]:
        for row in rows:
            ms, key = row["timestamp"], row["eventId"]
            if ms > self.last:
                self.last, self.ids = ms, {key}
            elif ms == self.last:
                if key in self.ids:
                    continue
                self.ids.add(key)
            yield Event(ms, row.get("logStreamName", ""), row["message"], key)


class _TokenGone(Exception):
    """The token of a page is not known any more."""
