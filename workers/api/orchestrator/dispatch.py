"""Delivers what is in the outbox: claim, deliver, mark. A crash between two of these steps repeats the delivery."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from workers.api.orchestrator.ports import Alive
from workers.api.orchestrator.routine import Stopping
from workers.api.store import outbox
from workers.api.store.engine import UNREACHABLE, Database
from workers.api.store.models import Kind, Parcel
from workers.common import logs

_log = logging.getLogger(__name__)


class Later(Exception):
    """It can't be delivered now, and that says nothing about the parcel: it was no try."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Never(Exception):
    """It can't be delivered at all."""


class Carrier(Protocol):
    """Delivers one kind of parcel."""

    def deliver(self, parcel: Parcel, alive: Alive) -> None:
        """Deliver; when this returns, it has arrived. Repeats have to be harmless."""

    def give_up(self, parcel: Parcel, error: Exception) -> None:
        """Do what follows from a parcel that never arrives."""


@dataclass(frozen=True)
class Dispatcher:
    """Delivers one kind; ``most_tries`` None tries for ever."""

    kind: Kind
    database: Database
    carrier: Carrier
    clock: Callable[[], datetime]
    lease_seconds: float
    first_pause: timedelta = timedelta(seconds=1)
    longest_pause: timedelta = timedelta(minutes=1)
    most_tries: int | None = None
    batch: int = 1

    def step(self, alive: Alive) -> bool:
        """Deliver what is due; tell whether there was something."""
        at = self.clock()
        with self.database.read() as session:
            if not outbox.is_due(session, self.kind, at=at):
                return False
        with self.database.write() as session:
            parcels = outbox.claim(session, self.kind, at=at, lease_seconds=self.lease_seconds, limit=self.batch)
        for number, parcel in enumerate(parcels):
            try:
                alive()
                self._deliver(parcel, alive)
            except Stopping:
                self._put_back(parcels[number:])
                raise
        return bool(parcels)

    def _deliver(self, parcel: Parcel, alive: Alive) -> None:
        with logs.about(job_id=parcel.job_id):
            try:
                self.carrier.deliver(parcel, self._prolonging(parcel, alive))
            except Stopping:
                raise
            except Later as error:
                self._again(parcel, str(error), timedelta(seconds=error.seconds), counts=False)
            except Exception as error:
                self._failed(parcel, error)
            else:
                with self.database.write() as session:
                    outbox.sent(session, parcel.id, at=self.clock())

    def _failed(self, parcel: Parcel, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, Never) or (self.most_tries is not None and parcel.tries >= self.most_tries):
            _log.error("given up", extra={"parcel": parcel.key, "tries": parcel.tries, "reason": reason})
            self.carrier.give_up(parcel, error)
            with self.database.write() as session:
                outbox.drop(session, parcel.id, reason, at=self.clock())
            return
        # The database itself being away is nothing to be kept in the database.
        if isinstance(error, UNREACHABLE):
            raise error
        pause = min(self.first_pause * 2 ** min(parcel.tries - 1, 30), self.longest_pause)
        _log.warning("not delivered", extra={"parcel": parcel.key, "reason": reason, "again_in": pause.total_seconds()})
        self._again(parcel, reason, pause)

    def _again(self, parcel: Parcel, reason: str, pause: timedelta, *, counts: bool = True) -> None:
        with self.database.write() as session:
            outbox.failed(session, parcel.id, reason, due_at=self.clock() + pause, counts=counts)

    def _put_back(self, parcels: list[Parcel]) -> None:
        with self.database.write() as session:
            for parcel in parcels:
                outbox.failed(session, parcel.id, "stopped", due_at=self.clock(), counts=False)

    def _prolonging(self, parcel: Parcel, alive: Alive) -> Alive:
        """Return an ``alive`` that also keeps others from the parcel, a few times in each lease."""
        told, lease = self.clock(), timedelta(seconds=self.lease_seconds)

        def prolong() -> None:
            nonlocal told
            alive()
            if self.clock() - told > lease / 3:
                told = self.clock()
                with self.database.write() as session:
                    outbox.prolong(session, parcel.id, due_at=told + lease)

        return prolong
