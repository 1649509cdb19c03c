"""Sends webhooks: signed, behind a circuit breaker for each host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx2
from pybreaker import CircuitBreaker, CircuitBreakerError

from workers.api.http.guard import Guard, Refused
from workers.api.orchestrator.dispatch import Later, Never
from workers.api.orchestrator.ports import Alive, Post, PostRefused
from workers.api.store.models import Parcel
from workers.api.store.webhooks import signature

# A host that fails so often in a row is left alone for a while.
_FAILURES = 5
_REST_SECONDS = 60
_HOSTS = 1000
_TIMEOUT = httpx2.Timeout(10.0)


class Unanswered(Exception):
    """The receiver has not taken the webhook."""


@dataclass(frozen=True)
class HttpPost:
    """``Post`` over HTTPS, to hosts that the guard lets through; redirects are not followed."""

    guard: Guard
    client: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        """Make the client."""
        object.__setattr__(self, "client", self.guard.client(timeout=_TIMEOUT, redirects=False))

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Return the status; nobody reads what comes with it."""
        try:
            with self.client.stream("POST", url, content=body, headers=dict(headers)) as answer:
                return int(answer.status_code)
        except Refused as error:
            if error.code == "unknown_host":
                raise Unanswered(str(error)) from None
            raise PostRefused(str(error)) from None


@dataclass(frozen=True)
class Webhooks:
    """``Carrier`` of webhooks."""

    post: Post
    key: bytes
    clock: Callable[[], datetime]
    rest_seconds: float = _REST_SECONDS
    _breaker: Callable[[str], CircuitBreaker] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Keep the breakers of the hosts that were heard of last."""
        object.__setattr__(self, "_breaker", lru_cache(_HOSTS)(self._new_breaker))

    def deliver(self, parcel: Parcel, alive: Alive) -> None:
        """Send one; anything but a 2xx answer is a failure."""
        alive()
        host = urlsplit(parcel.target).netloc.lower()
        try:
            self._breaker(host).call(self._send, parcel)
        except CircuitBreakerError:
            raise Later(f"{host} has failed too often, it is left alone", self.rest_seconds) from None
        except PostRefused as error:
            raise Never(str(error)) from error

    def give_up(self, parcel: Parcel, error: Exception) -> None:
        """Nothing follows: the job's owner can still ask for its state."""

    def _send(self, parcel: Parcel) -> None:
        body = parcel.body.encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Thoth",
            # The same over all tries: what a receiver knows a repeat by.
            "Idempotency-Key": parcel.key,
            "Thoth-Signature": signature(self.key, body, at=self.clock()),
        }
        status = self.post(parcel.target, headers, body)
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise Unanswered(f"the receiver answers {status}")

    def _new_breaker(self, host: str) -> CircuitBreaker:
        return CircuitBreaker(
            fail_max=_FAILURES,
            reset_timeout=self.rest_seconds,
            exclude=[PostRefused],
            throw_new_error_on_trip=False,
            name=host,
        )
