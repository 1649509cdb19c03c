"""How a delivery ends: result, metrics and the message's fate, in an order in which nothing can be lost.

Artefacts are durable before the result is sent, and the result is sent before the message is deleted. A crash between
two of these steps repeats the message, and repeats are harmless.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from thoth_infra.contract import metrics as m
from thoth_infra.contract.scaling import FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS
from thoth_infra.contract.services import Service
from workers.common.errors import Busy, PoisonError, RetryableError, StageError
from workers.common.held import Held
from workers.common.manifest import StageRecord
from workers.common.messages import Failure, Result, Status, now
from workers.common.metrics import Metrics
from workers.common.ports import Delivery, Inbox, Outbox, QueueError
from workers.common.stage import Done

_log = logging.getLogger(__name__)

_BUSY_SECONDS = 15


@dataclass(frozen=True)
class Settling:
    """Ends deliveries of one service."""

    service: Service
    inbox: Inbox
    results: Outbox
    dead_letters: Outbox
    metrics: Metrics

    def complete(self, held: Held, done: Done) -> None:
        """Send the result and delete the message."""
        record = done.record
        figures = {**record.metrics, "seconds": record.seconds}
        if record.audio_seconds is not None:
            figures["audio_seconds"] = record.audio_seconds
        if record.cost is not None:
            figures["cost"] = record.cost
        self.results.send(
            Result.of(held.request, Status.COMPLETED, artefacts=record.artefacts, metrics=figures).model_dump_json()
        )
        self._delete(held)
        if not done.repeated:
            self._count(held, {m.JOBS_COMPLETED: 1, m.JOBS_FAILED: 0, **_figures(held, record)})
        told = {"seconds": record.seconds, "audio_seconds": record.audio_seconds, "repeated": done.repeated}
        _log.info("completed", extra={"event": "stage_completed", **told})

    def fail(self, held: Held, error: StageError) -> None:
        """Let the message come again, or dead-letter it with the reason when it never will do better."""
        if isinstance(error, PoisonError) or self.last(held.delivery):
            _log.error("failed for good", extra={"event": "stage_failed", **_reasons(error)})
            self._bury(held.delivery, error)
            result = Result.of(held.request, Status.FAILED, error=Failure.of(error))
            self.results.send(result.model_dump_json())
            self._delete(held)
            self._count(held, {m.JOBS_FAILED: 1, m.JOBS_COMPLETED: 0})
        else:
            first = _BUSY_SECONDS if isinstance(error, Busy) else FIRST_BACKOFF_SECONDS
            pause = _pause(held.delivery, first)
            _log.warning("failed for now", extra={**_reasons(error), "again_in": pause})
            self.hand_back(held, pause)

    def refuse(self, delivery: Delivery, error: PoisonError) -> None:
        """Dead-letter a message that is no request; there is nobody to send a result to."""
        _log.error("message refused", extra={**_reasons(error), "message_id": delivery.id})
        self._bury(delivery, error)
        self.inbox.delete(delivery)

    def hand_back(self, held: Held, seconds: int = 0) -> None:
        """Make the message visible again after ``seconds``, once."""
        with held.guard:
            if held.over:
                return
            held.over = held.handed_back = True
            try:
                self.inbox.extend(held.delivery, seconds)
            except QueueError as error:
                # Its visibility time-out does the same, later.
                _log.warning("the message could not be handed back", extra={"reason": str(error)})

    def let_go(self, held: Held, reason: RetryableError) -> None:
        """Hand the message back at once; in its last delivery fail it, as the queue would bury it without a word."""
        if held.over:
            return
        if self.last(held.delivery):
            self.fail(held, reason)
        else:
            self.hand_back(held)

    def untold(self, held: Held) -> None:
        """Let the message come again after its end could not be told."""
        self.hand_back(held, _pause(held.delivery, FIRST_BACKOFF_SECONDS))

    def prolong(self, held: Held, seconds: int) -> None:
        """Keep the message invisible for ``seconds`` from now, while it is in this worker's hands."""
        with held.guard:
            if held.over:
                return
            try:
                self.inbox.extend(held.delivery, seconds)
            except Exception as error:  # whatever it is, the next extension may succeed
                _log.warning("the visibility could not be prolonged", extra={"reason": str(error)})

    def last(self, delivery: Delivery) -> bool:
        """Whether the queue itself dead-letters the message when it comes again."""
        return self.inbox.max_receives is not None and delivery.receives >= self.inbox.max_receives

    def _delete(self, held: Held) -> None:
        with held.guard:
            held.over = True
            self.inbox.delete(held.delivery)

    def _bury(self, delivery: Delivery, error: StageError) -> None:
        self.dead_letters.send(delivery.body, {**_reasons(error), "service": self.service.name})

    def _count(self, held: Held, values: dict[m.Metric, float]) -> None:
        known = {metric: value for metric, value in values.items() if metric in self.service.metrics}
        self.metrics.emit(known, job_id=held.request.job_id, trace_id=held.request.trace_id)


def _pause(delivery: Delivery, first: int) -> int:
    """Return the seconds before the next delivery: doubled each time."""
    return min(first << min(delivery.receives - 1, 10), LONGEST_BACKOFF_SECONDS)


def _reasons(error: StageError) -> dict[str, str]:
    return {"code": error.code, "reason": error.message, "hint": error.hint}


def _figures(held: Held, record: StageRecord) -> dict[m.Metric, float]:
    waited = (now() - held.request.requested_at).total_seconds() - record.seconds
    figures: dict[m.Metric, float] = {m.STAGE_SECONDS: record.seconds, m.QUEUE_SECONDS: max(round(waited, 3), 0)}
    if record.audio_seconds:
        figures[m.REAL_TIME_FACTOR] = round(record.seconds / record.audio_seconds, 5)
        if record.cost is not None:
            figures[m.COST_PER_AUDIO_MINUTE] = round(record.cost / record.audio_seconds * 60, 8)
    return figures
