"""What a follower of a log has shown, kept for as long as stragglers may come: eight bytes an event."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, takewhile

# Ids that are looked at together; and after how many of them a new span begins, at the next change of time.
_TOGETHER = 20_000
_SPAN = 5_000


@dataclass
class Span:
    """The events from ``start`` up to, without, ``end``, in milliseconds; ``looked``: how many later looks are done."""

    start: int
    end: int
    looked: int
    ids: array[int] = field(default_factory=lambda: array("q"))


class Shown:
    """Events in spans of time that follow one another; each span is looked at again at certain ages.

    ``ages``, ascending, in milliseconds. A span that was first read at an age has no need of the looks before it.
    """

    def __init__(self, start: int, ages: Sequence[int]) -> None:
        self._ages = ages
        self._spans: list[Span] = []
        self._open = Span(start, start, 0)
        self._last = start

    def add(self, now: int, events: Iterable[tuple[int, str]]) -> None:
        """Remember what was shown: time and id, in the order of time. ``now``: when they were asked for."""
        for ms, key in events:
            if ms > self._last:
                if len(self._open.ids) >= _SPAN:
                    self.close(now, ms)
                self._last = ms
            self._of(ms).ids.append(hash(key))

    def close(self, now: int, end: int) -> None:
        """End the open span: all before ``end`` has been read."""
        done, self._open = self._open, Span(end, end, 0)
        done.end, done.looked = end, self._due(now - end)
        self._last = max(self._last, end)
        if done.looked < len(self._ages) and done.end > done.start:
            self._spans.append(done)

    def due(self, now: int) -> Iterator[tuple[Span, set[int]]]:
        """Yield spans that are to be looked at again, joined where they are small, with the ids known in them.

        Whoever looks adds what he finds to the ids. The look counts as done when the next one is asked for.
        """
        old = self._spans
        self._spans = []
        try:
            while old:
                together = self._joined(now, old)
                if not together:
                    self._spans.append(old.pop(0))
                    continue
                ids = {key for span in together for key in span.ids}
                joined = Span(together[0].start, together[-1].end, 0)
                yield joined, ids
                del old[: len(together)]
                joined.looked = self._due(now - joined.end)
                if joined.looked < len(self._ages):
                    joined.ids = array("q", ids)
                    self._spans.append(joined)
        finally:
            self._spans += old

    def _joined(self, now: int, spans: Sequence[Span]) -> list[Span]:
        due = self._due(now - spans[0].end)
        alike = takewhile(lambda span: span.looked < self._due(now - span.end) == due, spans)
        sizes = accumulate((len(span.ids) for span in spans), initial=0)
        return [span for before, span in zip(sizes, alike, strict=False) if before < _TOGETHER]

    def _due(self, age: int) -> int:
        return sum(age >= limit for limit in self._ages)

    def _of(self, ms: int) -> Span:
        if ms >= self._open.start:
            return self._open
        place = bisect_right(self._spans, ms, key=lambda span: span.start) - 1
        return self._spans[place] if place >= 0 else Span(ms, ms, 0)

    @property
    def events(self) -> int:
        """How many are remembered."""
        return sum(len(span.ids) for span in (*self._spans, self._open))
