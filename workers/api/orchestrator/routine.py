"""A thread that does one thing again and again, whatever goes wrong."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from workers.api.store.engine import UNREACHABLE
from workers.common.ports import QueueError

_log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 15.0


class Stopping(Exception):
    """The orchestrator is told to stop: what is under way is left for later."""


@dataclass
class Routine:
    """Calls ``step`` until ``stopping``; after a step that had nothing to do it waits ``pause_seconds``."""

    name: str
    step: Callable[[Callable[[], None]], bool]
    """Is given ``alive``, to call while it works; tells whether there was something to do."""
    stopping: threading.Event
    pause_seconds: float
    alive_at: float = field(default_factory=time.monotonic, init=False)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        """Make the thread; ``start`` starts it."""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self.alive_at = time.monotonic()
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the step under way to end; tell whether it has."""
        self._thread.join(max(seconds, 0))
        return not self._thread.is_alive()

    def alive(self) -> None:
        """Say that the step goes on.

        Raises:
            Stopping: it shall not.
        """
        self.alive_at = time.monotonic()
        if self.stopping.is_set():
            raise Stopping

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self.stopping.is_set():
            self.alive_at = time.monotonic()
            try:
                busy = self.step(self.alive)
            except Stopping:
                return
            except (*UNREACHABLE, QueueError) as error:
                # The database or the queue is away: the outbox and the queue keep everything until it is back.
                _log.warning("waiting", extra={"routine": self.name, "reason": str(error)})
            except Exception:
                _log.exception("a step failed; it is done again", extra={"routine": self.name})
            else:
                pause = _FIRST_PAUSE_SECONDS
                if not busy:
                    self.stopping.wait(self.pause_seconds)
                continue
            self.stopping.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
