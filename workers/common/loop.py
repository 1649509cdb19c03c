"""The loop of every worker: receive, keep invisible, work, settle; and let go in time when told to stop.

Four threads, each waiting for one thing: the main one for events and signals, the receiver for messages, the keeper
for the next visibility extension, and one that works. A fifth reads ahead where a handler prepares its jobs.
"""

from __future__ import annotations

import logging
import queue
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Generic

from workers.common import logs, starting
from workers.common.errors import HostError, PoisonError, Stopped
from workers.common.health import Heartbeat
from workers.common.held import Held, Line, Quiet
from workers.common.messages import read_request
from workers.common.options import Options, Ports
from workers.common.ports import Delivery, Handler, Job, Prepared, QueueError
from workers.common.protection import Protection
from workers.common.receiver import Receiver
from workers.common.settle import Settling
from workers.common.working import Working, interrupted

_log = logging.getLogger(__name__)

# The handler reaches a checkpoint sooner than this, as a rule; if not, the message is handed back without it.
HAND_BACK_SECONDS = 3.0
# What is left of the stop time-out for leaving, after the last wait.
_LEAVE_SECONDS = 5.0
_TICK_SECONDS = 1.0


class Loop(Generic[Prepared]):
    """One worker. ``run`` returns when it was told to stop."""

    def __init__(
        self,
        handler: Handler[Prepared],
        ports: Ports,
        settling: Settling,
        options: Options,
        heartbeat: Heartbeat,
        protection: Protection,
    ) -> None:
        self._handler = handler
        self._ports = ports
        self._settling = settling
        self._options = options
        self._heartbeat = heartbeat
        self._protection = protection
        self._stopping = threading.Event()
        self._told_to_stop = False
        self._ended = threading.Event()
        self._events: queue.SimpleQueue[Held | None] = queue.SimpleQueue()
        self._waiting: list[Held] = []
        self._asked = 0
        self._failure: HostError | None = None
        self._current: Held | None = None
        self._line: Line | Quiet = Quiet(self._stopping)
        self._worker: threading.Thread | None = None
        self._receiver = Receiver(ports.inbox, self._take, self._stopping, options.wait_seconds)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._working = Working(handler, settling, options, self._stopping, self._give_up)

    def stop(self, *_: object) -> None:
        """Ask the loop to end; safe in a signal handler and from any thread."""
        # A second signal may interrupt the first one's set(), whose lock it would wait for in vain.
        if not self._told_to_stop:
            self._told_to_stop = True
            self._stopping.set()
            self._events.put(None)

    def run(self) -> None:
        """Work until ``stop``.

        Raises:
            StageError: when the handler can't start, or the host has failed under it.
        """
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self.stop)
            signal.signal(signal.SIGINT, self.stop)
        try:
            starting.start(lambda: self._handler.start(self._line), self._stopping, self._heartbeat, HAND_BACK_SECONDS)
            _log.info("ready")
            self._receiver.start()
            threading.Thread(target=self._keep, name="keeper", daemon=True).start()
            while not self._stopping.is_set():
                self._step()
            self._end()
            if self._failure:
                raise self._failure
        except Stopped:
            _log.info("stopped before it was ready")
        finally:
            self._ended.set()
            self._heartbeat.end()
            self._reader.shutdown(wait=False, cancel_futures=True)

    def _step(self) -> None:
        self._ask()
        with suppress(queue.Empty):
            held = self._events.get(timeout=_TICK_SECONDS)
            if held is not None and held is self._current:
                self._current = None
            elif held is not None:
                self._asked -= 1
                self._waiting.append(held)
        if self._current is None and self._waiting and not self._stopping.is_set():
            self._begin(self._waiting.pop(0))
        self._protection.hold(self._current is not None)
        if not self._stuck():
            self._heartbeat.beat()

    def _ask(self) -> None:
        """Read ahead only while a job is in work: an idle worker takes no more than it can begin."""
        wanted = 1 if self._current is None else self._options.prefetch
        for _ in range(wanted - len(self._waiting) - self._asked):
            self._asked += 1
            self._receiver.permit()

    def _stuck(self) -> bool:
        if self._current is None:
            return time.monotonic() - self._receiver.alive_at > self._options.patience_seconds
        return time.monotonic() - self._line.alive_at > self._options.patience_seconds

    def _take(self, delivery: Delivery) -> None:
        """Turn a delivery into a job, in the receiver's thread."""
        try:
            request = read_request(delivery.body, self._options.stage)
        except PoisonError as error:
            self._settling.refuse(delivery, error)
            self._receiver.permit()
            return
        job = Job(request, self._ports.files.job(request.job_id))
        held = Held(delivery, job)
        if not self._stopping.is_set():
            held.prepared = self._reader.submit(self._prepare, job)
            self._events.put(held)
        if self._stopping.is_set():
            # Nobody may look at the events any more.
            self._let_go(held)

    def _prepare(self, job: Job) -> Prepared:
        with logs.about(job_id=job.request.job_id, trace_id=job.request.trace_id):
            return self._handler.prepare(job)

    def _begin(self, held: Held) -> None:
        held.started = time.monotonic()
        self._current = held
        self._line = Line(held.request, self._ports.results, self._stopping, self._options.job_seconds)
        self._worker = threading.Thread(target=self._work, args=(held, self._line), name="work", daemon=True)
        self._worker.start()

    def _work(self, held: Held, line: Line) -> None:
        try:
            self._working.run(held, line)
        finally:
            self._events.put(held)

    def _give_up(self, error: HostError) -> None:
        self._failure = error
        self.stop()

    def _keep(self) -> None:
        """Keep what is held invisible, but no longer than a job may take."""
        while not self._ended.wait(self._options.visibility_seconds / 3):
            for held in [*self._waiting, *([self._current] if self._current else [])]:
                # What is overdue may be hung: let another worker have it.
                if not held.started or time.monotonic() - held.started <= self._options.job_seconds:
                    self._settling.prolong(held, int(self._options.visibility_seconds))

    def _end(self) -> None:
        """Hand everything back, then wait for what still runs as long as the stop time-out allows."""
        told = time.monotonic()
        _log.info("stopping", extra={"held": len(self._waiting) + (self._current is not None)})
        for held in [*self._waiting, *self._arrived()]:
            self._let_go(held)
        current, worker = self._current, self._worker
        if current and worker:
            worker.join(HAND_BACK_SECONDS)
            if worker.is_alive() and not self._last(current):
                self._settling.hand_back(current)
        leave = told + max(self._options.stop_seconds - _LEAVE_SECONDS, 1)
        if worker:
            worker.join(max(leave - time.monotonic(), 0))
        self._receiver.join(leave - time.monotonic())
        if current and worker and worker.is_alive():
            self._let_go(current)
        self._protection.hold(False)
        _log.info("stopped", extra={"seconds": round(time.monotonic() - told, 2)})

    def _arrived(self) -> Iterator[Held]:
        """Yield what has been received since the last step."""
        while not self._events.empty():
            held = self._events.get()
            if held and held is not self._current:
                yield held

    def _last(self, held: Held) -> bool:
        with suppress(QueueError):
            return self._settling.last(held.delivery)
        return False

    def _let_go(self, held: Held) -> None:
        try:
            self._settling.let_go(held, interrupted())
        except QueueError as error:
            _log.warning("a message could not be let go of", extra={"reason": str(error)})
