"""Jobs: made, found, listed, tried again, cancelled, erased."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from workers.api.store import outbox, stages
from workers.api.store.errors import Conflict, KeyTaken, NotFound
from workers.api.store.ids import new_id
from workers.api.store.models import Attempt, Job, JobState, Kind
from workers.common.messages import legible

Cause = Literal["asked", "retention"]


@dataclass(frozen=True)
class NewJob:
    """What a job is made of: ``source`` names the file that lies in its folder, or ``reference`` says where it is."""

    tenant: str
    name: str
    source: str | None = None
    reference: dict[str, Any] | None = None
    size: int | None = None
    language: str | None = None
    webhook_url: str | None = None
    idempotency_key: str | None = None
    fingerprint: str | None = None
    id: str = field(default_factory=new_id)


def create(session: Session, new: NewJob, *, at: datetime) -> Job:
    """Make a job and let it begin: its first stage is requested, or its source fetched, once this is committed.

    Raises:
        KeyTaken: another job has the idempotency key; ``by_idempotency_key`` finds it.
    """
    if (new.source is None) == (new.reference is None):
        raise ValueError("a job has either a source or a reference")
    job = Job(
        id=new.id,
        tenant=new.tenant,
        name=legible(new.name),
        state=JobState.QUEUED,
        source=new.source,
        reference=new.reference,
        size=new.size,
        language=new.language,
        webhook_url=new.webhook_url,
        trace_id=uuid4().hex,
        idempotency_key=new.idempotency_key,
        fingerprint=new.fingerprint,
        created_at=at,
        updated_at=at,
    )
    try:
        with session.begin_nested():
            session.add(job)
    except IntegrityError:
        if new.idempotency_key and by_idempotency_key(session, new.tenant, new.idempotency_key):
            raise KeyTaken("idempotency_key_taken", "another job was made with this idempotency key") from None
        raise
    _begin(session, job, at)
    return job


def find(session: Session, tenant: str, job_id: str, *, lock: bool = False) -> Job:
    """Return a tenant's job; ``lock`` keeps it from changing until the transaction ends.

    Raises:
        NotFound: there is none, it is another tenant's, or it is being erased.
    """
    query = select(Job).where(Job.id == job_id, Job.tenant == tenant, Job.state != JobState.DELETING)
    job = session.scalar(query.with_for_update() if lock else query)
    if job is None:
        raise NotFound("no_such_job", "there is no such job", "list the jobs to see which there are")
    return job


def by_idempotency_key(session: Session, tenant: str, key: str) -> Job | None:
    """Return the job that was made with a key; compare its ``fingerprint``."""
    return session.scalar(select(Job).where(Job.tenant == tenant, Job.idempotency_key == key))


def page(
    session: Session, tenant: str, *, state: JobState | None = None, limit: int = 50, after: str | None = None
) -> Sequence[Job]:
    """Return jobs, newest first; ``after`` is the id of the last one of the page before."""
    query = select(Job).where(Job.tenant == tenant)
    query = query.where(Job.state == state) if state else query.where(Job.state != JobState.DELETING)
    if after is not None:
        query = query.where(Job.id < after)
    return session.scalars(query.order_by(Job.id.desc()).limit(limit)).all()


def attempts(session: Session, job_id: str) -> Sequence[Attempt]:
    """Return the attempts of a job in the order in which they were requested."""
    query = select(Attempt).where(Attempt.job_id == job_id)
    return session.scalars(query.order_by(Attempt.requested_at, Attempt.attempt)).all()


def fetched(session: Session, job: Job, source: str, size: int, *, at: datetime) -> None:
    """Note that the source lies in the job's folder, and request the first stage, unless the job was cancelled."""
    if job.source is None and job.state != JobState.DELETING:
        job.source, job.size = source, size
        stages.touch(job, at)
        stages.advance(session, job, at=at)


def heard(session: Session, job_id: str, language: str, *, at: datetime) -> None:
    """Note the language that a lesson was found to be in, unless it was given."""
    job = session.get(Job, job_id, with_for_update=True)
    if job is not None and job.language is None and job.state in stages.OPEN:
        job.language = language
        stages.touch(job, at)


def unfetched(session: Session, job: Job, code: str, message: str, hint: str, *, at: datetime) -> None:
    """Fail a job whose source can't be had."""
    if job.source is None and job.state in stages.OPEN:
        stages.fail(session, job, code, message, hint, at=at)


def retry(session: Session, job: Job, *, at: datetime) -> None:
    """Go on where a failed or cancelled job ended, with a new budget.

    Raises:
        Conflict: ``not_ended``, ``completed`` or ``files_removed``.
    """
    if job.state not in {JobState.FAILED, JobState.CANCELLED}:
        code = "completed" if job.state == JobState.COMPLETED else "not_ended"
        raise Conflict(code, f"the job is {job.state}", "only failed and cancelled jobs can be tried again")
    if job.files_removed_at and job.transcript_version == 0:
        raise Conflict("files_removed", "the job's files were removed", "upload the lesson again")
    stages.reopen(job, at)
    _begin(session, job, at)


def cancel(session: Session, job: Job, *, at: datetime) -> None:
    """End a job: what a worker has in hand it finishes, and nothing more is requested.

    Raises:
        Conflict: ``ended``.
    """
    if job.state == JobState.CANCELLED:
        return
    if job.state not in stages.OPEN:
        raise Conflict("ended", f"the job is {job.state}", "only queued and running jobs can be cancelled")
    outbox.withdraw(session, job.id, (Kind.REQUEST, Kind.FETCH))
    stages.abandon(session, job, "cancelled", "the job was cancelled", at=at)
    job.state, job.finished_at = JobState.CANCELLED, at
    stages.touch(job, at)


def erase(session: Session, job: Job, *, cause: Cause = "asked", key_id: str | None = None, at: datetime) -> None:
    """Hide a job at once, and have everything of it removed, everywhere."""
    if job.state == JobState.DELETING:
        return
    outbox.withdraw(session, job.id, tuple(Kind))
    job.state = JobState.DELETING
    stages.touch(job, at)
    told = json.dumps({"cause": cause, "key_id": key_id})
    outbox.add(session, Kind.ERASE, f"{job.id}:erase", job_id=job.id, body=told, at=at)


def _begin(session: Session, job: Job, at: datetime) -> None:
    if job.source is None:
        key = f"{job.id}:fetch:{job.revision}"
        outbox.add(session, Kind.FETCH, key, job_id=job.id, body=json.dumps(job.reference), at=at)
    else:
        stages.advance(session, job, at=at, renewed=True)
