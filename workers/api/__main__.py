"""The API's process: ``python -m workers.api`` migrates, then serves; with a database file it orchestrates too."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import uvicorn
from sqlalchemy.exc import OperationalError

from workers.api.http.app import create_app
from workers.api.http.compose import services_of
from workers.api.orchestrator.compose import orchestrator_of
from workers.api.orchestrator.orchestrator import Orchestrator
from workers.api.records import opened
from workers.api.settings import AloneSettings, ApiSettings, read_api
from workers.api.store import glossary, migrate
from workers.api.store.engine import Database
from workers.common import logs
from workers.common.serve import leave
from workers.common.settings import SettingsInvalid

# Not this module's name, which is __main__ when it runs: the lines of "workers" are shown.
_log = logging.getLogger("workers.api")

# The load balancer's side closes first, after 60 seconds: else it would meet connections that are just being closed.
_KEEP_ALIVE_SECONDS = 75
# With the orchestrator's fifteen within the thirty after which ECS kills a task that was told to stop.
_GRACE_SECONDS = 10
_DATABASE_PAUSE_SECONDS = 2.0
# Whose word on the client's address is taken: load balancers, which are in private networks.
_PROXIES = ("127.0.0.1", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


def _host(public_url: str) -> str:
    """Return the address to listen at: this machine's own where the page is meant for nobody else."""
    name = urlsplit(public_url).hostname
    # A container can be reached from outside in this way only.
    return "127.0.0.1" if name in {"127.0.0.1", "localhost"} else "0.0.0.0"  # noqa: S104


def main() -> int:
    """Serve until told to stop; return the exit status: 0 stopped, 1 ended by an error, 2 settings invalid."""
    try:
        settings = read_api(os.environ)
    except SettingsInvalid as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logs.configure(settings.service_name, settings.log_level)
    stop = threading.Event()
    # Before and after uvicorn, which has handlers of its own and in the end raises anew what it has caught.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        return _run(settings, stop)
    except Exception:
        _log.critical("ended by an error of its own", exc_info=True)
        return 1


def _run(settings: ApiSettings | AloneSettings, stop: threading.Event) -> int:
    database = opened(settings)
    while not _migrated(database):
        if stop.wait(_DATABASE_PAUSE_SECONDS):
            return 0
    # A folder that is new, or was restored, lacks the glossary that the records have.
    glossary.publish(database, settings.jobs_dir)
    with _orchestrating(settings, database) as orchestrator:
        problem = orchestrator.problem if orchestrator else lambda: None
        services = services_of(settings, database, problem=problem)
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(services, public_url=settings.public_url),
                host=_host(settings.public_url),
                port=settings.port,
                log_config=None,
                # URLs may hold media tokens; the audit trail has every access.
                access_log=False,
                server_header=False,
                forwarded_allow_ips=list(_PROXIES),
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        _log.info("ready", extra={"port": settings.port})
        try:
            server.run()
        except SystemExit:
            # Its way to say that it can't listen, which it has logged.
            return 1
        finally:
            database.close()
            _log.info("stopped")
    return 0


def _migrated(database: Database) -> bool:
    """Bring the tables up to date; tell whether there was a database to do it in."""
    began = time.monotonic()
    try:
        migrate.upgrade(database)
    except OperationalError as error:
        _log.warning("waiting for the database", extra={"reason": type(error.orig).__name__})
        return False
    _log.info("tables are up to date", extra={"seconds": round(time.monotonic() - began, 2)})
    return True


@contextmanager
def _orchestrating(settings: ApiSettings | AloneSettings, database: Database) -> Iterator[Orchestrator | None]:
    """Run the orchestrator beside the API, where the records are in a file that no other task can use."""
    if not isinstance(settings, AloneSettings):
        yield None
        return
    orchestrator = orchestrator_of(settings, database)
    orchestrator.start()
    try:
        yield orchestrator
    finally:
        orchestrator.stop()


if __name__ == "__main__":
    leave(main())
