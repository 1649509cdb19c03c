"""Reads results: recorded in one transaction with what comes next, then acknowledged."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import ValidationError

from workers.api.orchestrator.erasure import Eraser
from workers.api.orchestrator.ports import Alive, Ports
from workers.api.store import stages
from workers.api.store.engine import UNREACHABLE
from workers.common import logs
from workers.common.messages import Result, Status
from workers.common.ports import Delivery

_log = logging.getLogger(__name__)

# How long a message stays with us while the database is away, and how often that is looked at, in seconds.
_HOLD_SECONDS = 60
_LOOK_SECONDS = 1.0


@dataclass
class Results:
    """The consumer of the results queue."""

    ports: Ports
    eraser: Eraser
    wait_seconds: int
    visibility_seconds: float
    """Of the results queue: a message that a killed orchestrator had in hand comes again after this time."""
    known_until: datetime | None = field(default=None, init=False)
    """Results that were sent before this time are recorded, as far as one can tell; None: nothing was read yet."""

    def step(self, alive: Alive) -> bool:
        """Take one message; tell whether there was one."""
        asked_at, hidden = self.ports.clock(), timedelta(seconds=self.visibility_seconds)
        delivery = self.ports.results.receive(self.wait_seconds)
        if delivery is None:
            self.known_until = asked_at - hidden
            return False
        try:
            result = Result.model_validate_json(delivery.body)
        except ValidationError as error:
            # It stays: after some deliveries the queue itself puts it among its dead letters.
            problems = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors(include_url=False)[:5]
            )
            _log.error("message refused", extra={"reason": problems, "message_id": delivery.id})
            return True
        with logs.about(job_id=result.job_id):
            self._take(delivery, result, alive)
        self.known_until = delivery.sent_at - hidden
        return True

    def _take(self, delivery: Delivery, result: Result, alive: Alive) -> None:
        changed = self._recorded(delivery, result, alive)
        if result.status != Status.PROGRESS:
            _log.info(
                "result",
                extra={
                    "stage": result.stage,
                    "attempt": result.attempt,
                    "status": result.status,
                    "code": result.error.code if result.error else None,
                    "repeated": not changed,
                },
            )
            if not changed:
                # The job may be gone, and its worker have known nothing of that.
                self.eraser.sweep(result.job_id)
        self.ports.results.delete(delivery)

    def _recorded(self, delivery: Delivery, result: Result, alive: Alive) -> bool:
        """Record a result; while the database is away, hold it, as each delivery brings it closer to its last."""
        held = time.monotonic()
        while True:
            try:
                with self.ports.database.write() as session:
                    return stages.record(session, result, at=self.ports.clock())
            except UNREACHABLE as error:
                _log.warning("a result waits for the database", extra={"reason": str(error)})
            time.sleep(_LOOK_SECONDS)
            alive()
            if time.monotonic() - held > _HOLD_SECONDS / 3:
                self.ports.results.extend(delivery, _HOLD_SECONDS)
                held = time.monotonic()
