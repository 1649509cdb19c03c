"""The orchestrator as threads of a process: its own, the API's, or one of a local system."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

from workers.api.orchestrator.carriers import Archives, Fetches, Requests
from workers.api.orchestrator.dispatch import Carrier, Dispatcher
from workers.api.orchestrator.erasure import Eraser
from workers.api.orchestrator.keeper import Keeper
from workers.api.orchestrator.ports import Policy, Ports
from workers.api.orchestrator.results import Results
from workers.api.orchestrator.routine import Routine
from workers.api.orchestrator.webhooks import Webhooks
from workers.api.store.models import Kind
from workers.common.health import Heartbeat

_log = logging.getLogger(__name__)

# A routine that shows no life for so long is stuck.
PATIENCE_SECONDS = 300.0
_TICK_SECONDS = 1.0
# A keeper's step has nothing to do most of the time; it only looks at the clock.
_KEEPER_PAUSE_SECONDS = 1.0


class Orchestrator:
    """Starts and stops; in between it never fails, it waits and tries again."""

    def __init__(self, ports: Ports, policy: Policy, webhook_key: bytes, heartbeat: Heartbeat | None = None) -> None:
        self._ports = ports
        self._policy = policy
        self._heartbeat = heartbeat
        self._stopping = threading.Event()
        self._eraser = Eraser(ports.database, ports.files, ports.objects, ports.clock)
        self._webhooks = Webhooks(ports.post, webhook_key, ports.clock)
        self._routines = list(self._made())
        self._heart = threading.Thread(target=self._beat, name="heart", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        for routine in self._routines:
            routine.start()
        self._heart.start()
        _log.info("ready")

    def stop(self, seconds: float = 15.0) -> bool:
        """End: what is under way is finished or left for the next start; tell whether all has ended in time."""
        began = time.monotonic()
        self._stopping.set()
        ended = [routine.join(began + seconds - time.monotonic()) for routine in self._routines]
        self._heart.join(_TICK_SECONDS * 2)
        if self._heartbeat:
            self._heartbeat.end()
        _log.info("stopped", extra={"seconds": round(time.monotonic() - began, 2), "clean": all(ended)})
        return all(ended)

    def problem(self) -> str | None:
        """Return which routine is stuck; None when all are well."""
        for routine in self._routines:
            silence = time.monotonic() - routine.alive_at
            if silence > PATIENCE_SECONDS:
                return f"the routine {routine.name} has shown no life for {silence:.0f} seconds"
        return None

    def _made(self) -> Iterator[Routine]:
        ports, policy, eraser = self._ports, self._policy, self._eraser
        results = Results(ports, eraser, policy.wait_seconds, policy.results_visibility_seconds)
        # The queue's long poll is pause enough.
        yield Routine("results", results.step, self._stopping, pause_seconds=0)
        yield self._delivering(Kind.REQUEST, Requests(ports), batch=20)
        for _ in range(policy.webhook_threads):
            yield self._delivering(
                Kind.WEBHOOK,
                self._webhooks,
                first_pause=timedelta(seconds=5),
                longest_pause=policy.longest_pause,
                most_tries=policy.webhook_tries,
            )
        for _ in range(policy.fetch_threads):
            yield self._delivering(
                Kind.FETCH, Fetches(ports, eraser), first_pause=timedelta(seconds=10), most_tries=policy.fetch_tries
            )
        yield self._delivering(Kind.ARCHIVE, Archives(ports, eraser), longest_pause=timedelta(hours=1))
        yield self._delivering(Kind.ERASE, eraser)
        yield Routine(
            "keeper",
            Keeper(ports, policy, eraser, lambda: results.known_until).step,
            self._stopping,
            _KEEPER_PAUSE_SECONDS,
        )

    def _delivering(
        self,
        kind: Kind,
        carrier: Carrier,
        *,
        first_pause: timedelta = timedelta(seconds=1),
        longest_pause: timedelta = timedelta(minutes=1),
        most_tries: int | None = None,
        batch: int = 1,
    ) -> Routine:
        dispatcher = Dispatcher(
            kind,
            self._ports.database,
            carrier,
            self._ports.clock,
            self._policy.request_lease_seconds if kind is Kind.REQUEST else self._policy.lease_seconds,
            first_pause,
            longest_pause,
            most_tries,
            batch,
        )
        return Routine(kind, dispatcher.step, self._stopping, self._policy.poll_seconds)

    def _beat(self) -> None:
        stuck = None
        while not self._stopping.wait(_TICK_SECONDS):
            found = self.problem()
            if found and not stuck:
                _log.error("stuck", extra={"reason": found})
            stuck = found
            if self._heartbeat and not stuck:
                self._heartbeat.beat()
