"""Jobs: submitted, listed, followed, tried again, cancelled, erased; and their recordings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel
from sse_starlette import EventSourceResponse
from starlette.concurrency import run_in_threadpool

from workers.api.http import events, media
from workers.api.http.access import JobsReader, JobsWriter, Principal
from workers.api.http.bodies import IdempotencyKey
from workers.api.http.described import SUBMISSION, binary, documented, events_of
from workers.api.http.reading import MediaReader
from workers.api.http.schemas import AttemptBody, JobBody, JobPage, JobStages, MediaToken, State
from workers.api.http.services import Provided, Services
from workers.api.http.submission import submit
from workers.api.store import jobs
from workers.api.store.models import Job, JobState
from workers.common.messages import now

router = APIRouter(prefix="/api/jobs", tags=["jobs"])

ID_PATTERN = r"^[0-9a-z]{26}$"
JobId = Annotated[str, Path(pattern=ID_PATTERN, description="Of a job", examples=["01jd0x8q9w3f5k7m2n4p6r8t0v"])]
_READ = documented(401, 403, 404, 422, 429, 503)
_CHANGED = documented(401, 403, 404, 409, 422, 429, 503)


def found(services: Services, who: Principal, job_id: str) -> Job:
    """Return a job of the tenant; ``NotFound`` else."""
    with services.database.read() as session:
        return jobs.find(session, who.tenant, job_id)


def _as_it_is(body: BaseModel) -> Response:
    """Return an answer that is not validated again, in another thread: what is asked for most often."""
    return Response(body.model_dump_json(), media_type="application/json")


@router.post(
    "",
    status_code=201,
    response_model=JobBody,
    responses={
        200: {"model": JobBody, "description": "The job that this idempotency key has made before"},
        **documented(401, 403, 409, 413, 415, 422, 429, 503),
    },
    openapi_extra=SUBMISSION,
)
async def submit_job(
    request: Request, response: Response, services: Provided, who: JobsWriter, key: IdempotencyKey = None
) -> Any:
    """Submit a recording, as a form with the file or by a reference to it."""
    job, new = await submit(request, services, who, key)
    request.state.job_id = job.id
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return JobBody.of(job)


@router.get("", response_model=JobPage, responses=documented(401, 403, 422, 429, 503))
def list_jobs(
    services: Provided,
    who: JobsReader,
    status: Annotated[State | None, Query(description="Only jobs in this state")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(pattern=ID_PATTERN, description="next_cursor of the page before")] = None,
) -> Any:
    """List jobs, newest first."""
    state = JobState(status) if status else None
    with services.database.read() as session:
        # One more than is shown tells whether there is another page.
        rows = jobs.page(session, who.tenant, state=state, limit=limit + 1, after=cursor)
    shown = rows[:limit]
    return _as_it_is(
        JobPage.model_construct(
            jobs=[JobBody.of(row) for row in shown], next_cursor=shown[-1].id if len(rows) > limit else None
        )
    )


@router.get("/{job_id}", response_model=JobBody, responses=_READ)
def read_job(services: Provided, who: JobsReader, job_id: JobId) -> Any:
    """Return a job."""
    return _as_it_is(JobBody.of(found(services, who, job_id)))


@router.get("/{job_id}/stages", response_model=JobStages, responses=_READ)
def read_stages(services: Provided, who: JobsReader, job_id: JobId) -> Any:
    """Return the attempts at a job's stages, with their times."""
    with services.database.read() as session:
        rows = jobs.attempts(session, jobs.find(session, who.tenant, job_id).id)
    return JobStages(stages=[AttemptBody.of(row) for row in rows])


@router.get(
    "/{job_id}/events",
    response_class=EventSourceResponse,
    responses={200: events_of(JobBody, "job", "The job, now and with each change"), **_READ},
)
async def follow_job(services: Provided, who: JobsReader, job_id: JobId) -> EventSourceResponse:
    """Follow a job: an event with its JSON now and with each change, until it has ended."""
    services.throttle.admit_stream(str(who.key_id))
    job = await run_in_threadpool(found, services, who, job_id)
    return events.stream(services, job, str(who.key_id))


@router.post("/{job_id}/retry", response_model=JobBody, responses=_CHANGED)
def retry_job(services: Provided, who: JobsWriter, job_id: JobId) -> Any:
    """Try a failed or cancelled job again, from where it ended."""
    with services.database.write() as session:
        job = jobs.find(session, who.tenant, job_id, lock=True)
        jobs.retry(session, job, at=now())
    return JobBody.of(job)


@router.post("/{job_id}/cancel", response_model=JobBody, responses=_CHANGED)
def cancel_job(services: Provided, who: JobsWriter, job_id: JobId) -> Any:
    """End a job that is queued or running."""
    with services.database.write() as session:
        job = jobs.find(session, who.tenant, job_id, lock=True)
        jobs.cancel(session, job, at=now())
    return JobBody.of(job)


@router.delete(
    "/{job_id}",
    status_code=202,
    response_class=Response,
    responses={202: {"description": "It is hidden at once; everything of it is being removed, everywhere"}, **_READ},
)
def delete_job(services: Provided, who: JobsWriter, job_id: JobId) -> None:
    """Erase a job: its recording, transcripts, terms and records, in every place and version."""
    with services.database.write() as session:
        job = jobs.find(session, who.tenant, job_id, lock=True)
        jobs.erase(session, job, key_id=who.key_id, at=now())


@router.post("/{job_id}/media-token", response_model=MediaToken, responses=_READ)
def sign_media(services: Provided, who: JobsReader, job_id: JobId) -> Any:
    """Return a URL that a media element can read the recording from, for ten minutes."""
    job = found(services, who, job_id)
    token, expiry = services.tokens.sign(job.id)
    return MediaToken(
        token=token, url=f"/api/jobs/{job.id}/media?token={token}", expires_at=datetime.fromtimestamp(expiry, UTC)
    )


@router.get(
    "/{job_id}/media",
    response_class=Response,
    responses={
        200: binary("The recording"),
        206: binary("The range of it that was asked for"),
        **documented(401, 403, 404, 416, 422, 429, 503),
    },
)
def read_media(request: Request, services: Provided, job: MediaReader) -> Response:
    """Return the recording, or a range of it."""
    return media.answer(request, job, services.files, services.objects)
