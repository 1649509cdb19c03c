"""Transcripts, their corrections, and the music terms in them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from workers.api.http.access import JobsReader, JobsWriter, Principal
from workers.api.http.artefacts import Artefacts, shown
from workers.api.http.bodies import document, parsed, version_of
from workers.api.http.corrections import corrected
from workers.api.http.described import body_of, documented, json_of
from workers.api.http.problems import Problem
from workers.api.http.routes.jobs import JobId, found
from workers.api.http.schemas import Correction, TranscriptVersionBody
from workers.api.http.services import Provided, Services
from workers.api.store import jobs, transcripts
from workers.api.store.models import Job
from workers.common.messages import now
from workers.common.transcript import Transcript
from workers.music_terms.terms import Terms

router = APIRouter(prefix="/api/jobs", tags=["transcripts"])

Form = Literal["json", "txt", "srt", "vtt"]
IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=100, description="ETag of what was read")]
_TYPES: Final[dict[str, str]] = {
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}
_READ = documented(401, 403, 404, 422, 429, 503)
_TEXT = {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in _TYPES.values()}
_TRANSCRIPT = json_of(Transcript, "The transcript in the form that was asked for")
_TRANSCRIPT["content"] = {**_TEXT, **_TRANSCRIPT["content"]}


@router.get("/{job_id}/transcript.{form}", response_class=Response, responses={200: _TRANSCRIPT, **_READ})
def read_transcript(
    services: Provided,
    who: JobsReader,
    job_id: JobId,
    form: Form,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Left out: the newest")] = None,
) -> Response:
    """Return a transcript; its ETag is the version."""
    artefacts = Artefacts(services.files, services.objects)
    with services.database.read() as session:
        job = jobs.find(session, who.tenant, job_id)
        content = artefacts.transcript(session, job, version)
    if form != "json":
        content = shown(Transcript.model_validate_json(content), form)
    headers = {"ETag": f'"{version or job.transcript_version}"', **_attachment(job, form)}
    return Response(content, headers=headers, media_type=_TYPES[form])


@router.put(
    "/{job_id}/transcript",
    response_model=TranscriptVersionBody,
    responses=documented(401, 403, 404, 409, 412, 413, 415, 422, 428, 429, 503),
    openapi_extra=body_of(Correction),
)
async def correct_transcript(
    request: Request,
    response: Response,
    services: Provided,
    who: JobsWriter,
    job_id: JobId,
    if_match: IfMatch = None,
) -> Any:
    """Keep corrected words as a new version, and have the terms looked for anew."""
    expected = required_version(if_match)
    raw = await document(request, services.limits.document_bytes)

    def correct() -> int:
        return _correct(services, who, job_id, expected, parsed(Correction, raw))

    version = await run_in_threadpool(correct)
    response.headers["ETag"] = f'"{version}"'
    return TranscriptVersionBody(version=version)


@router.get(
    "/{job_id}/terms", response_class=Response, responses={200: json_of(Terms, "The terms that were spoken"), **_READ}
)
def read_terms(services: Provided, who: JobsReader, job_id: JobId) -> Response:
    """Return the music terms of a lesson, each with its times."""
    job = found(services, who, job_id)
    content = Artefacts(services.files, services.objects).terms(job)
    return Response(content, headers=_attachment(job, "terms.json"), media_type="application/json")


def required_version(if_match: str | None) -> int:
    """Return the version that a change is made to.

    Raises:
        Problem: 428 where none is named, 422.
    """
    if if_match is None:
        raise Problem(
            428, "version_required", "the request names no version", "send the ETag of what was read as If-Match"
        )
    return version_of(if_match)


def _correct(services: Services, who: Principal, job_id: str, expected: int, correction: Correction) -> int:
    artefacts = Artefacts(services.files, services.objects)
    with services.database.write() as session:
        job = jobs.find(session, who.tenant, job_id, lock=True)
        before = artefacts.transcript(session, job)
        after = corrected(Transcript.model_validate_json(before), correction)
        # The orchestrator writes it into the job's folder, before it asks for the terms.
        return transcripts.save(
            session,
            job,
            expected=expected,
            original=before,
            content=after.model_dump_json(),
            key_id=who.key_id,
            at=now(),
        )


def _attachment(job: Job, ending: str) -> dict[str, str]:
    name = quote(f"{PurePosixPath(job.name).stem}.{ending}", safe="")
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{name}", "Cache-Control": "private, no-cache"}
