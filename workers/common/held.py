"""A message that a worker has in its hands, and the handler's line to the loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from workers.common.errors import RetryableError, Stopped
from workers.common.messages import Request, Result, Status
from workers.common.ports import Delivery, Job, Outbox, QueueError

PROGRESS_SECONDS = 5.0


@dataclass
class Held:
    """A received message, its job, and what is being prepared for it."""

    delivery: Delivery
    job: Job
    prepared: Future[Any] = field(default_factory=Future)
    started: float | None = None
    handed_back: bool = False
    over: bool = False
    """Deleted or handed back: its visibility is nobody's to change any more."""
    guard: threading.Lock = field(default_factory=threading.Lock)
    """Held while the message's visibility changes, so that no late extension undoes a hand-back."""

    @property
    def request(self) -> Request:
        """What the message asks for."""
        return self.job.request


@dataclass
class Line:
    """``Work`` of one job: checkpoints that end it when the worker stops or the time is up, and progress."""

    request: Request
    results: Outbox
    stopping: threading.Event
    seconds: float
    clock: Callable[[], float] = time.monotonic
    alive_at: float = field(init=False)
    _started: float = field(init=False)
    _told: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        """The handler lives from here on."""
        self._started = self.alive_at = self.clock()

    def checkpoint(self) -> None:
        """Say that the handler lives; raises ``Stopped`` or ``RetryableError`` when it shall not go on."""
        self.alive_at = self.clock()
        if self.stopping.is_set():
            raise Stopped
        if self.alive_at - self._started > self.seconds:
            raise RetryableError(
                "timed_out",
                f"the stage has taken longer than {self.seconds:g} seconds",
                "raise timeouts.<stage>.job_seconds, or look why it is slow",
            )

    def progress(self, percent: float) -> None:
        """Tell the orchestrator how far the stage is, at most every few seconds; also a checkpoint."""
        self.checkpoint()
        if self.alive_at - self._told < PROGRESS_SECONDS:
            return
        self._told = self.alive_at
        result = Result.of(self.request, Status.PROGRESS, metrics={"percent": round(min(100, max(0, percent)), 1)})
        try:
            self.results.send(result.model_dump_json())
        except QueueError:
            # Progress is news, not truth: the result itself will be sent or the message come again.
            return


@dataclass
class Quiet:
    """``Work`` outside of a job: at start-up, and in tests of handlers."""

    stopping: threading.Event = field(default_factory=threading.Event)
    alive_at: float = field(default_factory=time.monotonic)
    percents: list[float] = field(default_factory=list)

    def checkpoint(self) -> None:
        """Say that the work goes on; raises ``Stopped`` when it shall not."""
        self.alive_at = time.monotonic()
        if self.stopping.is_set():
            raise Stopped

    def progress(self, percent: float) -> None:
        """Remember ``percent``; also a checkpoint."""
        self.checkpoint()
        self.percents.append(percent)
