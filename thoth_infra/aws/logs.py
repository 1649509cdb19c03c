"""Log groups as one stream: all of a service's log streams in order, from some time on, and further.

Nothing is held but the page in hand and, of what a follower has shown, eight bytes an event for five minutes.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from datetime import timedelta
from typing import Final

from thoth_infra.aws.log_pages import Event, Pages
from thoth_infra.aws.shown import Shown
from thoth_infra.errors import ThothError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# ECS's log driver sends every five seconds, and CloudWatch shows a line some seconds after it was sent.
SETTLE_MS: Final = 10_000
# At these ages what was shown is looked at again for stragglers; what comes later than the last age is not followed.
LOOKS_MS: Final = (30_000, 90_000, 300_000)
_POLL_SECONDS: Final = 2.0
_LOOK_EVERY_MS: Final = 10_000
# Further behind than this, a follower reads what is new before it looks for stragglers, and says so.
_BEHIND_MS: Final = 10_000


def since(text: str) -> timedelta:
    """Read a span like ``15m``, ``2h`` or ``1d``. Raises ThothError for anything else."""
    found = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if not found:
        raise ThothError(f"{text!r} is not a span of time", "write it like 30s, 15m, 2h or 1d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def history(pages: Pages, start: float) -> Generator[list[Event], None, None]:
    """Yield the events from ``start`` (seconds since 1970) until now, in order, a page at a time."""
    yield from pages.between(int(start * 1000), int(pages.clock() * 1000))


def follow(pages: Pages, start: float) -> Generator[list[Event], None, None]:
    """Yield the events from ``start`` (seconds since 1970) on, until the caller stops.

    They come ten seconds after they happened, in order. Each comes once; one that arrives when its time has been shown
    comes at the next look for stragglers, marked as late, if that is within five minutes of its time.
    """
    mark = looked = int(start * 1000)
    shown = Shown(mark, LOOKS_MS)
    before = 0
    while True:
        asked = int(pages.clock() * 1000)
        settled = asked - SETTLE_MS
        for events in pages.between(mark, settled - 1):
            shown.add(asked, ((event.ms, event.id) for event in events))
            yield events
        if settled > mark:
            shown.close(asked, settled)
            mark = settled
        behind = int(pages.clock() * 1000) - SETTLE_MS - mark
        if behind > _BEHIND_MS:
            if before and behind > before:
                pages.say(f"{behind // 1000} s behind: the log grows faster than it can be read")
            before = behind
            continue
        before = 0
        if asked - looked >= _LOOK_EVERY_MS:
            looked = asked
            yield from _stragglers(pages, shown)
        pages.wait(_POLL_SECONDS)


def _stragglers(pages: Pages, shown: Shown) -> Iterator[list[Event]]:
    now = int(pages.clock() * 1000)
    for span, known in shown.due(now):
        for events in pages.between(span.start, span.end - 1):
            late = [event._replace(late=True) for event in events if hash(event.id) not in known]
            known.update(hash(event.id) for event in late)
            if late:
                yield late
