"""Rate limits of this process. With several tasks behind the load balancer each counts for itself."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from workers.api.http.problems import Problem

_MINUTE: Final = 60.0
_MOST_KNOWN = 10_000


@dataclass
class Rate:
    """So many a minute for each: at once, when nothing came before, and else as evenly as they run off.

    The generic cell rate algorithm, which ATM networks have used since 1996 (ITU-T I.371): one number for each.
    """

    amount: int
    clock: Callable[[], float] = time.monotonic
    _due: dict[str, float] = field(default_factory=dict)
    """When all that has come so far would have run off."""

    def wait(self, who: str) -> float:
        """Return the seconds until another one may come; 0: now."""
        # Rounded: a sum of fractions must not make anybody wait for less than a microsecond.
        return max(0.0, round(self._due.get(who, 0.0) - self.clock() - _MINUTE + _MINUTE / self.amount, 6))

    def count(self, who: str) -> None:
        """Note that one has come."""
        at = self.clock()
        if len(self._due) >= _MOST_KNOWN:
            self._due = {each: due for each, due in self._due.items() if due > at}
        self._due[who] = max(at, self._due.get(who, 0.0)) + _MINUTE / self.amount


class Throttle:
    """``requests`` a minute by one key, ``refusals`` a minute for one address, ``streams`` at once by one key.

    Only the event loop asks, so that it needs no lock.
    """

    def __init__(
        self,
        requests: int = 1200,
        refusals: int = 60,
        streams: int = 50,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._requests = Rate(requests, clock)
        self._refusals = Rate(refusals, clock)
        self._most_streams = streams
        self._streams: Counter[str] = Counter()

    def request(self, key_id: str) -> None:
        """Count a request by a key.

        Raises:
            Problem: 429 ``too_many_requests``.
        """
        _check(self._requests, key_id)
        self._requests.count(key_id)

    def refused(self, address: str) -> None:
        """Count a key that was not known, so that nobody can try out many."""
        self._refusals.count(address)

    def admit(self, address: str) -> None:
        """Let nobody in who has shown too many wrong keys.

        Raises:
            Problem: 429 ``too_many_requests``.
        """
        _check(self._refusals, address)

    def admit_stream(self, key_id: str) -> None:
        """Look whether another stream may be opened.

        Raises:
            Problem: 429 ``too_many_streams``.
        """
        if self._streams[key_id] >= self._most_streams:
            raise Problem(
                429,
                "too_many_streams",
                f"{self._most_streams} event streams are open with this key",
                "close some, or look at the list of jobs",
                headers={"Retry-After": "10"},
            )

    @contextmanager
    def stream(self, key_id: str) -> Iterator[None]:
        """Count an open stream while the block lasts."""
        self._streams[key_id] += 1
        try:
            yield
        finally:
            self._streams[key_id] -= 1
            if not self._streams[key_id]:
                del self._streams[key_id]


def _check(rate: Rate, who: str) -> None:
    seconds = math.ceil(rate.wait(who))
    if seconds:
        raise Problem(
            429,
            "too_many_requests",
            f"more than {rate.amount} requests came within a minute",
            f"go on in {seconds} seconds",
            headers={"Retry-After": str(seconds)},
        )
