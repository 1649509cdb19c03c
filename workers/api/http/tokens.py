"""Short-lived tokens for one job's media: ``<video>`` can send no header, and a key has no place in a URL."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

LIFE_SECONDS: Final = 600
_PURPOSE = "thoth-media"


@dataclass(frozen=True)
class MediaTokens:
    """Signs and checks ``<expiry>.<HMAC-SHA256>``; ``clock`` gives seconds since 1970."""

    key: bytes
    clock: Callable[[], float] = time.time

    def sign(self, job_id: str) -> tuple[str, int]:
        """Return a token for a job, and the time until which it holds."""
        expiry = int(self.clock()) + LIFE_SECONDS
        return f"{expiry}.{self._mac(job_id, expiry)}", expiry

    def holds(self, token: str, job_id: str) -> bool:
        """Whether the token was signed for this job and is not too old."""
        expiry, _, mac = token.partition(".")
        if not (expiry.isascii() and expiry.isdigit() and len(expiry) < 20 and mac.isascii()):
            return False
        return hmac.compare_digest(mac, self._mac(job_id, int(expiry))) and int(expiry) > self.clock()

    def _mac(self, job_id: str, expiry: int) -> str:
        # The purpose keeps other texts that this key signs from being taken for tokens.
        return hmac.new(self.key, f"{_PURPOSE}\n{job_id}\n{expiry}".encode(), hashlib.sha256).hexdigest()
