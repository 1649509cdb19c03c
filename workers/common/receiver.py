"""The thread that waits for messages, so that the rest of a worker never waits for the network."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from workers.common.ports import Delivery, Inbox, QueueError

_log = logging.getLogger(__name__)
_LONGEST_PAUSE_SECONDS = 30.0


@dataclass
class Receiver:
    """Receives a message for each permit, and passes it on; failures of the queue are waited out."""

    inbox: Inbox
    deliver: Callable[[Delivery], None]
    stopping: threading.Event
    wait_seconds: int
    alive_at: float = field(default_factory=time.monotonic, init=False)
    _permits: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0), init=False)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        """Make the thread; ``start`` starts it."""
        self._thread = threading.Thread(target=self._run, name="receiver", daemon=True)

    def start(self) -> None:
        """Begin; nothing is received before the first ``permit``."""
        self._thread.start()

    def permit(self) -> None:
        """Allow one message more."""
        self._permits.release()

    def join(self, seconds: float) -> bool:
        """Wait for the poll in flight to return; tell whether it has."""
        self._thread.join(max(seconds, 0))
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self.stopping.is_set():
            self.alive_at = time.monotonic()
            if self._permits.acquire(timeout=0.5) and (delivery := self._next()):
                self._pass_on(delivery)

    def _pass_on(self, delivery: Delivery) -> None:
        try:
            self.deliver(delivery)
        except Exception:  # whatever it is, the thread must not end: nobody else receives
            _log.exception("a message could not be taken; it comes again", extra={"message_id": delivery.id})
            self.permit()

    def _next(self) -> Delivery | None:
        pause = 1.0
        while not self.stopping.is_set():
            self.alive_at = time.monotonic()
            try:
                if delivery := self.inbox.receive(self.wait_seconds):
                    return delivery
                pause = 1.0
            except Exception as error:  # as below: the thread must not end
                trace = None if isinstance(error, QueueError) else error
                reason = {"reason": str(error), "again_in": round(pause, 1)}
                _log.warning("the queue could not be read", extra=reason, exc_info=trace)
                # Jitter, so that a fleet does not come back in step.
                self.stopping.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        return None
