"""Rate limits of this process. With several tasks behind the load balancer each counts for itself."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from workers.api.http.problems import Problem


@dataclass
class Throttle:
    """``requests`` a minute by one key, ``refusals`` a minute for one address, ``streams`` at once by one key."""

    requests: int = 1200
    refusals: int = 60
    streams: int = 50
    _limiter: SlidingWindowCounterRateLimiter = field(
        default_factory=lambda: SlidingWindowCounterRateLimiter(MemoryStorage())
    )
    _open: Counter[str] = field(default_factory=Counter)

    def request(self, key_id: str) -> None:
        """Count a request by a key.

        Raises:
            Problem: 429 ``too_many_requests``.
        """
        item = RateLimitItemPerMinute(self.requests, namespace="requests")
        if not self._limiter.hit(item, key_id):
            raise self._slower(item, key_id)

    def refused(self, address: str) -> None:
        """Count a key that was not known, so that nobody can try out many."""
        self._limiter.hit(RateLimitItemPerMinute(self.refusals, namespace="refusals"), address)

    def admit(self, address: str) -> None:
        """Let nobody in who has shown too many wrong keys.

        Raises:
            Problem: 429 ``too_many_requests``.
        """
        item = RateLimitItemPerMinute(self.refusals, namespace="refusals")
        if not self._limiter.test(item, address):
            raise self._slower(item, address)

    def admit_stream(self, key_id: str) -> None:
        """Look whether another stream may be opened.

        Raises:
            Problem: 429 ``too_many_streams``.
        """
        if self._open.get(key_id, 0) >= self.streams:
            raise Problem(
                429,
                "too_many_streams",
                f"{self.streams} event streams are open with this key",
                "close some, or look at the list of jobs",
                headers={"Retry-After": "10"},
            )

    @contextmanager
    def stream(self, key_id: str) -> Iterator[None]:
        """Count an open stream while the block lasts; only the event loop does, so that it needs no lock."""
        self._open[key_id] += 1
        try:
            yield
        finally:
            self._open[key_id] -= 1
            if not self._open[key_id]:
                del self._open[key_id]

    def _slower(self, item: RateLimitItemPerMinute, who: str) -> Problem:
        seconds = max(1, math.ceil(self._limiter.get_window_stats(item, who).reset_time - time.time()))
        return Problem(
            429,
            "too_many_requests",
            f"more than {item.amount} requests came within a minute",
            f"go on in {seconds} seconds",
            headers={"Retry-After": str(seconds)},
        )
