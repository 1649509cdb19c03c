"""The orchestrator's process: ``python -m workers.api.orchestrator``."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

from workers.api.orchestrator.compose import orchestrator_of
from workers.api.records import opened
from workers.api.settings import OrchestratorSettings, read_orchestrator
from workers.api.store import migrate
from workers.api.store.engine import UNREACHABLE, Database
from workers.common import health, logs
from workers.common.health import Heartbeat
from workers.common.serve import leave
from workers.common.settings import SettingsInvalid

_log = logging.getLogger(__name__)

_DATABASE_PAUSE_SECONDS = 2.0


def main() -> int:
    """Run until told to stop; return the exit status: 0 stopped, 1 ended by an error, 2 settings invalid."""
    try:
        settings = read_orchestrator(os.environ)
    except SettingsInvalid as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logs.configure(settings.service_name, settings.log_level)
    told = _Told()
    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, told)
    try:
        _run(settings, told.stop)
    except Exception:
        _log.critical("ended by an error of its own", exc_info=True)
        return 1
    return 0


class _Told:
    """A signal handler that sets ``stop``, once: a second signal may come while the first one sets it."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._told = False

    def __call__(self, *_: object) -> None:
        if not self._told:
            self._told = True
            self.stop.set()


def _run(settings: OrchestratorSettings, stop: threading.Event) -> None:
    database = opened(settings)
    if not _migrated(database, stop):
        return
    heartbeat = Heartbeat(health.path_of(settings.service_name))
    orchestrator = orchestrator_of(settings, database, heartbeat=heartbeat)
    orchestrator.start()
    stop.wait()
    orchestrator.stop()
    database.close()


def _migrated(database: Database, stop: threading.Event) -> bool:
    """Bring the tables up to date; wait while there is no database. Tells whether it has come to that."""
    while not stop.is_set():
        try:
            migrate.upgrade(database)
        except UNREACHABLE as error:
            _log.warning("waiting for the database", extra={"reason": str(error)})
            stop.wait(_DATABASE_PAUSE_SECONDS)
        else:
            return True
    return False


if __name__ == "__main__":
    leave(main())
