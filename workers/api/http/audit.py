"""The audit trail of the API: a row for every access, refused ones too. No content, no query, no key."""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workers.api.store import audit
from workers.api.store.engine import Database
from workers.common.messages import now

_log = logging.getLogger(__name__)

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_PAUSE_SECONDS = 0.25
_MOST_WAITING = 50_000
_BATCH = 1000
_JOB_ID = re.compile(r"[0-9a-z]{26}")
_LONGEST_ADDRESS = 64


@dataclass(frozen=True)
class Access:
    """Who did what to which job, and how it was answered."""

    action: str
    at: datetime
    tenant: str | None
    key_id: str | None
    job_id: str | None
    status: int
    address: str | None


class Trail:
    """Writes rows: those of changes before they are answered, those of reads a few at a time, soon after."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[Access] = deque()
        # Rows get their numbers in the order in which things happened, whichever thread writes them.
        self._writing = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write what is noted."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is left, and end."""
        self._stopping.set()
        if self._thread:
            self._thread.join()
            self._thread = None
        self.flush()
        if self._waiting:
            _log.error("audit rows are lost: the database takes none", extra={"rows": len(self._waiting)})

    def note(self, access: Access) -> None:
        """Have an access written within a fraction of a second, and logged (but not from which address it came)."""
        about = {"job_id": access.job_id} if access.job_id else {}
        told = {"action": access.action, "status": access.status, "key_id": access.key_id, **about}
        _log.info("access", extra={"event": "api_access", **told})
        if len(self._waiting) >= _MOST_WAITING:
            lost = self._waiting.popleft()
            _log.error("an audit row is lost: the database takes none", extra=asdict(lost))
        self._waiting.append(access)

    def write(self, access: Access) -> None:
        """Write an access now; when the database takes none, later."""
        self.note(access)
        self.flush()

    def flush(self) -> None:
        """Write all that was noted before."""
        with self._writing:
            while batch := self._taken():
                try:
                    with self._database.write() as session:
                        for access in batch:
                            audit.record(session, **asdict(access))
                except SQLAlchemyError as error:
                    self._waiting.extendleft(reversed(batch))
                    _log.warning("audit rows wait: the database takes none", extra={"reason": type(error).__name__})
                    return

    def _taken(self) -> list[Access]:
        batch: list[Access] = []
        while len(batch) < _BATCH:
            try:
                batch.append(self._waiting.popleft())
            except IndexError:
                break
        return batch

    def _run(self) -> None:
        while not self._stopping.wait(_PAUSE_SECONDS):
            self.flush()


class Audited:
    """Middleware that has the trail hear of every answer below ``/api``."""

    def __init__(self, app: ASGIApp, trail: Trail) -> None:
        self._app = app
        self._trail = trail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; its row is written when the answer begins."""
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        answered = False

        async def sending(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start" and not answered:
                answered = True
                await self._record(scope, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except BaseException:
            # Whoever stands outside answers with 500.
            if not answered:
                await self._record(scope, 500)
            raise

    async def _record(self, scope: Scope, status: int) -> None:
        access = _access(scope, status)
        if scope["method"] in _READS:
            self._trail.note(access)
        else:
            await run_in_threadpool(self._trail.write, access)


def _access(scope: Scope, status: int) -> Access:
    state: dict[str, Any] = scope.get("state", {})
    principal = state.get("principal")
    params = scope.get("path_params", {})
    named = state.get("job_id") or params.get("job_id") or params.get("upload_id")
    route = getattr(scope.get("route"), "path", "(no route)")
    client = scope.get("client")
    return Access(
        action=f"{scope['method']} {route}",
        at=now(),
        tenant=principal.tenant if principal else None,
        key_id=principal.key_id if principal else None,
        job_id=named if isinstance(named, str) and _JOB_ID.fullmatch(named) else None,
        status=status,
        address=client[0][:_LONGEST_ADDRESS] if client else None,
    )
