"""How a job comes to be: of a form with a file, or of a reference; once for each idempotency key."""

from __future__ import annotations

import hashlib

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from workers.api.http import multipart
from workers.api.http.access import Principal
from workers.api.http.bodies import document, parsed
from workers.api.http.guard import Guard
from workers.api.http.incoming import discard, too_large
from workers.api.http.problems import Problem
from workers.api.http.references import name_of
from workers.api.http.schemas import FormFields, ReferredJob, Wishes, one_line
from workers.api.http.services import Services
from workers.api.store import jobs
from workers.api.store.errors import KeyTaken
from workers.api.store.ids import new_id
from workers.api.store.jobs import NewJob
from workers.api.store.models import Job, JobState
from workers.common.messages import now

# The form around the file: boundaries, headers, fields.
_FORM_BYTES = 1 << 20
_UNNAMED = "lesson"


async def submit(request: Request, services: Services, who: Principal, key: str | None) -> tuple[Job, bool]:
    """Return the job that the request asks for, and whether it is new.

    Raises:
        Problem: 409, 413, 415 or 422.
        Refused: a URL that must not be called.
        StageError: when the file system fails.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return await _referred(request, services, who, key)
    if kind == "multipart/form-data":
        return await _uploaded(request, services, who, key)
    raise Problem(
        415, "unsupported_media_type", "the body is neither a form nor JSON", "send multipart/form-data with a file"
    )


async def _referred(request: Request, services: Services, who: Principal, key: str | None) -> tuple[Job, bool]:
    wishes = parsed(ReferredJob, await document(request, services.limits.wish_bytes))
    check_webhook(services.references.guard, wishes)
    new = NewJob(
        tenant=who.tenant,
        name=wishes.name or one_line(name_of(wishes.source))[-255:] or _UNNAMED,
        reference=wishes.source.model_dump(),
        language=wishes.language,
        webhook_url=wishes.webhook_url,
        idempotency_key=key,
        fingerprint=_fingerprint(wishes.model_dump_json()),
    )

    def create() -> tuple[Job, bool]:
        services.references.check(who.tenant, wishes.source)
        return _create(services, new)

    return await run_in_threadpool(create)


async def _uploaded(request: Request, services: Services, who: Principal, key: str | None) -> tuple[Job, bool]:
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > services.limits.upload_bytes + _FORM_BYTES:
        raise too_large(services.limits.upload_bytes)
    job_id = new_id()
    files = services.files.job(job_id)
    form = await multipart.read(request, files, services.limits.upload_bytes)
    kept = False
    try:
        wishes = parsed(FormFields, {name: value for name, value in form.fields.items() if value})
        check_webhook(services.references.guard, wishes)
        new = NewJob(
            id=job_id,
            tenant=who.tenant,
            name=wishes.name or one_line(form.name)[-255:] or _UNNAMED,
            source=form.source.name,
            size=form.source.size,
            language=wishes.language,
            webhook_url=wishes.webhook_url,
            idempotency_key=key,
            fingerprint=_fingerprint(form.source.digest, form.name, wishes.model_dump_json()),
        )
        job, kept = await run_in_threadpool(_create, services, new)
        return job, kept
    finally:
        if not kept:
            await run_in_threadpool(discard, files)


def _create(services: Services, new: NewJob) -> tuple[Job, bool]:
    try:
        with services.database.write() as session:
            return jobs.create(session, new, at=now()), True
    except KeyTaken:
        return _earlier(services, new), False


def _earlier(services: Services, new: NewJob) -> Job:
    assert new.idempotency_key  # noqa: S101 - else it could not be taken
    with services.database.read() as session:
        job = jobs.by_idempotency_key(session, new.tenant, new.idempotency_key)
    if job is None or job.state == JobState.DELETING:
        raise Problem(409, "job_deleted", "the job that had this idempotency key is being deleted", "take another key")
    if job.fingerprint != new.fingerprint:
        raise Problem(
            409,
            "idempotency_key_reused",
            "another job was made with this idempotency key",
            "take a new key for a new job; send exactly the same again to repeat one",
        )
    return job


def check_webhook(guard: Guard, wishes: Wishes) -> None:
    """Refuse a webhook's URL by its form; its host is looked up when it is called.

    Raises:
        Refused: ``bad_url`` or ``refused_address``.
    """
    if wishes.webhook_url is not None:
        guard.check(wishes.webhook_url)


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
