"""One job in the thread that works: wait for what is prepared, do the stage, settle the message."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass
from typing import Generic

from workers.common import logs, stage
from workers.common.errors import HostError, RetryableError, Stopped, as_stage_error
from workers.common.held import Held, Line
from workers.common.options import Options
from workers.common.ports import Handler, Prepared
from workers.common.settle import Settling

_log = logging.getLogger(__name__)

_GLANCE_SECONDS = 0.2


@dataclass(frozen=True)
class Working(Generic[Prepared]):
    """Works for a loop; tells it through ``give_up`` that this host can't go on."""

    handler: Handler[Prepared]
    settling: Settling
    options: Options
    stopping: threading.Event
    give_up: Callable[[HostError], None]

    def run(self, held: Held, line: Line) -> None:
        """Do one job to its end, whatever that is; nothing is raised."""
        with logs.about(job_id=held.request.job_id, trace_id=held.request.trace_id):
            try:
                self._do(held, line)
            except Exception:  # the queues can't be reached, or worse
                _log.exception("the job's end could not be told; the message comes again")
                self.settling.untold(held)

    def _do(self, held: Held, line: Line) -> None:
        _log.info("begun", extra={"receives": held.delivery.receives, "attempt": held.request.attempt})
        try:
            done = self._done(held, line)
        except Stopped:
            self.settling.let_go(held, interrupted())
        except Exception as error:
            self._failed(held, error)
        else:
            # Even when the message was handed back meanwhile: the work is done, and whoever has it now finds it so.
            self.settling.complete(held, done)

    def _done(self, held: Held, line: Line) -> stage.Done:
        while not wait([held.prepared], timeout=_GLANCE_SECONDS).done:
            if self.stopping.is_set():
                raise Stopped
        prepared = held.prepared.result()
        # The last delivery waits: whoever holds the job may die, and then nobody else would do it.
        last = self.settling.last(held.delivery)
        patience = self.options.job_seconds if last else stage.LOCK_PATIENCE_SECONDS
        return stage.perform(self.handler, held.job, prepared, line, self.options.hourly_cost, patience)

    def _failed(self, held: Held, error: Exception) -> None:
        failure = as_stage_error(error)
        if failure is not error:
            _log.exception("unforeseen")
        if isinstance(failure, HostError):
            self.give_up(failure)
            self.settling.let_go(held, failure)
        elif not held.handed_back:
            self.settling.fail(held, failure)


def interrupted() -> RetryableError:
    """Return why a message is failed whose last delivery a stop has cut short."""
    return RetryableError(
        "interrupted",
        "the worker was told to stop in the message's last delivery",
        "request the stage anew; if it happens often, raise queues.max_receive_count",
    )
