"""A queue in memory that behaves like SQS where it matters: visibility, receipts, receive counts, dead letters."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from workers.common.messages import now
from workers.common.ports import Delivery, QueueError


@dataclass
class _Message:
    id: str
    body: str
    attributes: dict[str, str]
    visible_at: float
    receives: int = 0
    receipt: str = ""
    sent_at: datetime = field(default_factory=now)


class MemoryQueue:
    """Both ``Inbox`` and ``Outbox``; ``clock`` gives seconds, so that tests can turn it."""

    def __init__(
        self,
        visibility_seconds: float = 30,
        max_receives: int | None = None,
        dead_letters: MemoryQueue | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_receives = max_receives
        self._visibility = visibility_seconds
        self._dead_letters = dead_letters
        self._clock = clock
        self._messages: dict[str, _Message] = {}
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()

    def send(self, body: str, attributes: Mapping[str, str] | None = None) -> None:
        """Put a message into the queue."""
        with self._changed:
            number = f"m{next(self._numbers)}"
            self._messages[number] = _Message(number, body, dict(attributes or {}), self._clock())
            self._changed.notify_all()

    def receive(self, wait_seconds: float) -> Delivery | None:
        """Return the oldest visible message, or None after ``wait_seconds`` of real time."""
        deadline = time.monotonic() + wait_seconds
        with self._changed:
            while True:
                if message := self._next():
                    return self._deliver(message)
                if (left := deadline - time.monotonic()) <= 0:
                    return None
                self._changed.wait(min(left, 0.02))

    def extend(self, delivery: Delivery, seconds: float) -> None:
        """Change the visibility of a message in flight."""
        with self._changed:
            self._held(delivery).visible_at = self._clock() + seconds
            self._changed.notify_all()

    def delete(self, delivery: Delivery) -> None:
        """Remove the message; a receipt older than the newest does nothing, which is the worst that SQS may do."""
        with self._changed:
            message = self._messages.get(delivery.id)
            if message is not None and message.receipt == delivery.receipt:
                del self._messages[delivery.id]

    def bodies(self) -> list[str]:
        """Return the bodies of all messages, visible or not, oldest first."""
        with self._changed:
            return [message.body for message in self._messages.values()]

    def attributes(self) -> list[dict[str, str]]:
        """Return the attributes of all messages, oldest first."""
        with self._changed:
            return [dict(message.attributes) for message in self._messages.values()]

    def invisible(self) -> int:
        """Return how many messages are in flight."""
        with self._changed:
            return sum(message.visible_at > self._clock() for message in self._messages.values())

    def _next(self) -> _Message | None:
        for message in list(self._messages.values()):
            if message.visible_at > self._clock():
                continue
            if self.max_receives is not None and message.receives >= self.max_receives:
                del self._messages[message.id]
                if self._dead_letters is not None:
                    self._dead_letters.send(message.body, message.attributes)
                continue
            return message
        return None

    def _deliver(self, message: _Message) -> Delivery:
        message.receives += 1
        message.receipt = f"{message.id}-{message.receives}"
        message.visible_at = self._clock() + self._visibility
        return Delivery(message.id, message.body, message.receipt, message.receives, message.sent_at)

    def _held(self, delivery: Delivery) -> _Message:
        message = self._messages.get(delivery.id)
        if message is None or message.visible_at <= self._clock():
            raise QueueError(f"message {delivery.id} is not in flight")
        return message
