"""A job's course as server-sent events: its JSON at once, and with every change, until it has ended."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Final

import anyio
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from workers.api.http.schemas import JobBody
from workers.api.http.services import Services
from workers.api.store import jobs
from workers.api.store.engine import Database
from workers.api.store.errors import NotFound
from workers.api.store.models import Job, JobState

# Between two comments on a silent stream: proxies close what says nothing for a minute.
_PING_SECONDS: Final = 15
_GRACE_SECONDS: Final = 5.0
_ENDED: Final = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})


def stream(services: Services, job: Job, key_id: str) -> EventSourceResponse:
    """Return the stream of a job; it ends by itself when the server is told to stop."""
    stopping = anyio.Event()
    return EventSourceResponse(
        _follow(services, job, key_id, stopping),
        ping=_PING_SECONDS,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        shutdown_event=stopping,
        shutdown_grace_period=_GRACE_SECONDS,
    )


async def _follow(services: Services, job: Job, key_id: str, stopping: anyio.Event) -> AsyncIterator[ServerSentEvent]:
    deadline = time.monotonic() + services.stream_seconds
    shown = -1
    current: Job | None = job
    with services.throttle.stream(key_id):
        while current is not None:
            if current.revision != shown:
                shown = current.revision
                yield ServerSentEvent(JobBody.of(current).model_dump_json(), event="job", id=str(shown), retry=2000)
            if current.state in _ENDED or time.monotonic() > deadline or stopping.is_set():
                return
            with anyio.move_on_after(services.poll_seconds):
                await stopping.wait()
            current = await run_in_threadpool(_read, services.database, job.tenant, job.id)
        # The job was erased meanwhile.
        yield ServerSentEvent("{}", event="gone")


def _read(database: Database, tenant: str, job_id: str) -> Job | None:
    try:
        with database.read() as session:
            return jobs.find(session, tenant, job_id)
    except NotFound:
        return None
