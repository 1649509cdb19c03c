"""The course of a job: results are recorded, and what comes next is requested, in the caller's transaction."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from thoth_infra.contract.queues import Stage
from workers.api.flow import BUDGET, Ask, Finish, GiveUp, Wait, next_stage
from workers.api.store import glossary, outbox, webhooks
from workers.api.store.ids import new_id
from workers.api.store.models import Attempt, AttemptState, Job, JobState, Kind
from workers.common.messages import Failure, Request, Result, Status, legible

OPEN: Final = frozenset({JobState.QUEUED, JobState.RUNNING})
UNDER_WAY: Final = frozenset({AttemptState.REQUESTED, AttemptState.RUNNING})


def record(session: Session, result: Result, *, at: datetime) -> bool:
    """Record a worker's result, and request what comes next; tell whether that changed anything.

    Repeats change nothing, nor do results of jobs that are gone. What a worker completes after it was given up for
    lost is complete all the same.
    """
    job = session.get(Job, result.job_id, with_for_update=True)
    row = session.get(Attempt, (result.job_id, result.stage, result.attempt))
    if job is None or row is None or job.state == JobState.DELETING:
        return False
    match result.status:
        case Status.PROGRESS:
            return _progressed(job, row, result.metrics.get("percent"), at)
        case Status.COMPLETED:
            return _completed(session, job, row, result, at)
        case Status.FAILED:
            if row.state not in UNDER_WAY:
                return False
            error = result.error or Failure(code="unexplained", message="the worker gave no reason", retryable=False)
            _failed(row, error, at)
            touch(job, at)
            advance(session, job, at=at)
            return True


def advance(session: Session, job: Job, *, at: datetime, renewed: bool = False) -> None:
    """Do what a job needs next; ``renewed``: where a stage has failed for good, it gets a new budget."""
    if job.state not in OPEN:
        return
    session.flush()
    rows = session.scalars(select(Attempt).where(Attempt.job_id == job.id)).all()
    match next_stage(rows, budget=BUDGET):
        case Ask(stage, attempt, tries):
            _ask(session, job, stage, attempt, 1 if renewed else tries, at)
        case GiveUp(stage, attempt) if renewed:
            _ask(session, job, stage, attempt + 1, 1, at)
        case GiveUp(stage, attempt):
            (row,) = (row for row in rows if row.stage == stage and row.attempt == attempt)
            fail(session, job, row.error_code or "", row.error_message or "", row.error_hint or "", at=at)
        case Finish():
            _finish(session, job, at)
        case Wait(stage):
            job.stage = stage


def ask_anew(session: Session, job: Job, stage: Stage, *, at: datetime) -> None:
    """Request a stage once more, with a budget of its own: its input has changed."""
    query = select(Attempt.attempt).where(Attempt.job_id == job.id, Attempt.stage == stage)
    _ask(session, job, stage, max(session.scalars(query), default=0) + 1, 1, at)


def fail(session: Session, job: Job, code: str, message: str, hint: str, *, at: datetime) -> None:
    """End a job that can't go on."""
    job.state, job.finished_at = JobState.FAILED, at
    job.error_code, job.error_message, job.error_hint = code, message, hint
    touch(job, at)
    webhooks.announce(session, job, at=at)


def reopen(job: Job, at: datetime) -> None:
    """Let a job that has ended go on."""
    job.state = JobState.RUNNING if job.duration is not None else JobState.QUEUED
    job.error_code = job.error_message = job.error_hint = None
    job.finished_at = job.archived_at = None
    touch(job, at)


def abandon(session: Session, job: Job, code: str, message: str, *, at: datetime) -> None:
    """Wait no longer for what is under way."""
    query = select(Attempt).where(Attempt.job_id == job.id, Attempt.state.in_(UNDER_WAY))
    for row in session.scalars(query):
        _failed(row, Failure(code=code, message=message, retryable=False), at)


def lose(session: Session, job: Job, row: Attempt, *, at: datetime) -> None:
    """Give up an attempt of which nothing was heard for too long, and try again within the budget."""
    if row.state in UNDER_WAY:
        waited = round((at - row.heard_at).total_seconds())
        message = f"nothing was heard of attempt {row.attempt} at {row.stage} for {waited} seconds"
        hint = "look at the worker's log and at its dead-letter queue"
        _failed(row, Failure(code="timed_out", message=message, hint=hint, retryable=True), at)
        touch(job, at)
        advance(session, job, at=at)


def touch(job: Job, at: datetime) -> None:
    """Note that a job has changed."""
    job.updated_at = at
    job.revision = (job.revision or 0) + 1


def _progressed(job: Job, row: Attempt, percent: float | None, at: datetime) -> bool:
    if row.state not in UNDER_WAY:
        return False
    row.state, row.started_at, row.heard_at = AttemptState.RUNNING, row.started_at or at, at
    if job.state in OPEN and job.stage == row.stage:
        job.state = JobState.RUNNING
        job.percent = None if percent is None else min(max(percent, 0.0), 100.0)
        touch(job, at)
    return True


def _completed(session: Session, job: Job, row: Attempt, result: Result, at: datetime) -> bool:
    if row.state == AttemptState.COMPLETED:
        return False
    row.state, row.heard_at, row.finished_at = AttemptState.COMPLETED, at, at
    row.metrics, row.artefacts = dict(result.metrics), list(result.artefacts)
    row.error_code = row.error_message = row.error_hint = None
    row.retryable = False
    row.seconds = result.metrics.get("seconds")
    row.started_at = row.started_at or at - timedelta(seconds=row.seconds or 0)
    job.duration = result.metrics.get("audio_seconds", job.duration)
    if row.stage == Stage.TRANSCRIPTION:
        job.transcript_version = max(job.transcript_version, 1)
    if job.state in OPEN:
        job.state = JobState.RUNNING
    touch(job, at)
    advance(session, job, at=at)
    return True


def _failed(row: Attempt, error: Failure, at: datetime) -> None:
    row.state, row.heard_at, row.finished_at, row.retryable = AttemptState.FAILED, at, at, error.retryable
    # Postgres takes no NUL, and a result that can't be recorded would come again for ever.
    row.error_code = legible(error.code)[:100]
    row.error_message, row.error_hint = legible(error.message), legible(error.hint)


def _ask(session: Session, job: Job, stage: Stage, attempt: int, tries: int, at: datetime) -> None:
    row = Attempt(
        job_id=job.id,
        stage=stage,
        attempt=attempt,
        tries=tries,
        state=AttemptState.REQUESTED,
        requested_at=at,
        heard_at=at,
        retryable=False,
    )
    session.add(row)
    request = Request(
        job_id=job.id,
        stage=stage,
        attempt=attempt,
        trace_id=job.trace_id,
        requested_at=at,
        params=_params(session, job, stage),
    )
    key = f"{job.id}:{stage}:{attempt}"
    outbox.add(session, Kind.REQUEST, key, job_id=job.id, target=stage, body=request.model_dump_json(), at=at)
    job.stage, job.percent = stage, 0.0
    touch(job, at)


def _params(session: Session, job: Job, stage: Stage) -> dict[str, JsonValue]:
    if stage == Stage.AUDIO_EXTRACTION:
        return {"source": job.source}
    if stage == Stage.TRANSCRIPTION:
        language: dict[str, JsonValue] = {"language": job.language} if job.language else {}
        return {**language, "glossary": glossary.prompt(session)}
    return {}


def _finish(session: Session, job: Job, at: datetime) -> None:
    job.state, job.stage, job.percent, job.finished_at = JobState.COMPLETED, None, 100.0, at
    touch(job, at)
    webhooks.announce(session, job, at=at)
    # Each time that a job finishes it is archived anew: the key is not the job's alone.
    outbox.add(session, Kind.ARCHIVE, f"{job.id}:archive:{new_id()}", job_id=job.id, body=json.dumps({}), at=at)
