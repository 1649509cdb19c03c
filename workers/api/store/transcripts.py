"""Corrected transcripts: every version is kept, and the terms are looked for anew."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from thoth_infra.contract.queues import Stage
from workers.api.store import stages
from workers.api.store.errors import Conflict, NotFound, VersionMismatch
from workers.api.store.models import Job, JobState, TranscriptVersion


def content(session: Session, job: Job, version: int | None = None) -> str | None:
    """Return ``transcript.json`` in a version, the newest by default; None where it lies in the files only.

    Raises:
        NotFound: ``no_transcript`` or ``no_such_version``.
    """
    if job.transcript_version == 0:
        raise NotFound(
            "no_transcript", "the job has no transcript yet", "wait until the stage transcription is complete"
        )
    wanted = version or job.transcript_version
    if not 1 <= wanted <= job.transcript_version:
        raise NotFound("no_such_version", f"the newest version is {job.transcript_version}")
    query = select(TranscriptVersion.content).where(
        TranscriptVersion.job_id == job.id, TranscriptVersion.version == wanted
    )
    return session.scalar(query)


def save(
    session: Session, job: Job, *, expected: int, original: str, content: str, key_id: str | None, at: datetime
) -> int:
    """Keep a correction as a new version, and request the terms anew; return the version.

    ``expected`` is the version that was corrected, ``original`` the model's own transcript, kept as version 1. The job
    has to be locked (``jobs.find(..., lock=True)``).

    Raises:
        Conflict: ``no_transcript``, ``cancelled``.
        VersionMismatch: another correction came first.
    """
    if job.transcript_version == 0:
        raise Conflict(
            "no_transcript", "the job has no transcript yet", "wait until the stage transcription is complete"
        )
    if job.state == JobState.CANCELLED:
        raise Conflict("cancelled", "the job was cancelled", "try it again, then correct it")
    if expected != job.transcript_version:
        raise VersionMismatch("transcript", expected, job.transcript_version)
    if expected == 1:
        session.add(TranscriptVersion(job_id=job.id, version=1, content=original, created_at=at))
    version = expected + 1
    session.add(TranscriptVersion(job_id=job.id, version=version, content=content, key_id=key_id, created_at=at))
    job.transcript_version = version
    stages.reopen(job, at)
    stages.ask_anew(session, job, Stage.MUSIC_TERMS, at=at)
    return version
