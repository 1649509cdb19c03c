"""The start of a worker, in a thread of its own: loading a model takes minutes, and health is looked at meanwhile."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait

from workers.common.errors import StageError, Stopped, as_stage_error
from workers.common.health import Heartbeat

_log = logging.getLogger(__name__)

# A start that takes longer than this hangs: the container turns unhealthy.
_PATIENCE_SECONDS = 3600.0
_TICK_SECONDS = 0.05


def start(begin: Callable[[], None], stopping: threading.Event, heartbeat: Heartbeat, grace_seconds: float) -> None:
    """Call ``begin`` and wait for its end; once ``stopping`` is set, for no longer than ``grace_seconds``.

    Raises:
        Stopped: when the worker was told to stop meanwhile.
        StageError: what ``begin`` raised, or what that means.
    """
    started: Future[None] = Future()
    # A daemon, as a library that loads a model looks at no event.
    threading.Thread(target=_run, args=(begin, started), name="start", daemon=True).start()
    begun = time.monotonic()
    while not wait([started], timeout=_TICK_SECONDS).done:
        if time.monotonic() - begun < _PATIENCE_SECONDS:
            heartbeat.beat()
        if stopping.is_set() and not wait([started], timeout=grace_seconds).done:
            raise Stopped
    _told(started)


def _run(begin: Callable[[], None], started: Future[None]) -> None:
    try:
        begin()
    except BaseException as error:  # told to whoever waits
        started.set_exception(error)
    else:
        started.set_result(None)


def _told(started: Future[None]) -> None:
    try:
        started.result()
    except (Stopped, StageError):
        raise
    except Exception as error:
        _log.exception("unforeseen")
        raise as_stage_error(error) from error
