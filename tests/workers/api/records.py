"""Jobs to test with, made through the store the way the API makes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from thoth_infra.contract.queues import Stage
from workers.api.store import jobs, stages
from workers.api.store.engine import Database
from workers.api.store.models import Attempt, Job, Kind, Parcel
from workers.common.messages import Failure, Request, Result, Status

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT = "school"


def at(seconds: float = 0) -> datetime:
    """Return a time that many seconds after the tests' start."""
    return START + timedelta(seconds=seconds)


def submit(database: Database, *, made_at: datetime | None = None, **fields: Any) -> str:
    """Make a job, at the tests' start or at ``made_at``; return its id."""
    given = {"tenant": TENANT, "name": "lesson.mp4", **fields}
    if "reference" not in given:
        given.setdefault("source", "source.mp4")
    with database.write() as session:
        return jobs.create(session, jobs.NewJob(**given), at=made_at or at()).id


def job(database: Database, job_id: str) -> Job:
    """Return a job's row, whatever its state."""
    with database.read() as session:
        found = session.get(Job, job_id)
    assert found
    return found


def attempts(database: Database, job_id: str) -> list[tuple[str, int, str]]:
    """Return stage, number and state of every attempt, in order."""
    with database.read() as session:
        rows = session.scalars(select(Attempt).where(Attempt.job_id == job_id)).all()
    order = list(Stage)
    return [
        (row.stage.value, row.attempt, row.state.value)
        for row in sorted(rows, key=lambda row: (order.index(row.stage), row.attempt))
    ]


def parcels(database: Database, kind: Kind, job_id: str | None = None) -> list[Parcel]:
    """Return what the outbox holds of a kind, sent or not, in order."""
    query = select(Parcel).where(Parcel.kind == kind).order_by(Parcel.id)
    with database.read() as session:
        return list(session.scalars(query.where(Parcel.job_id == job_id) if job_id else query))


def requests(database: Database, job_id: str) -> list[Request]:
    """Return the requests that were put into the outbox for a job."""
    return [Request.model_validate_json(parcel.body) for parcel in parcels(database, Kind.REQUEST, job_id)]


def tell(
    database: Database,
    job_id: str,
    stage: Stage,
    status: Status = Status.COMPLETED,
    *,
    attempt: int = 1,
    seconds: float = 60,
    metrics: dict[str, float] | None = None,
    retryable: bool = False,
    code: str = "broken",
) -> bool:
    """Record a worker's result; tell whether it changed anything."""
    figures = {"seconds": 3.5, "audio_seconds": 61.0} if status == Status.COMPLETED else {}
    error = Failure(code=code, message="it broke", hint="mend it", retryable=retryable)
    result = Result(
        job_id=job_id,
        stage=stage,
        attempt=attempt,
        status=status,
        metrics=figures if metrics is None else metrics,
        artefacts=("a.txt",) if status == Status.COMPLETED else (),
        error=error if status == Status.FAILED else None,
    )
    with database.write() as session:
        return stages.record(session, result, at=at(seconds))


def complete(database: Database, job_id: str, *, last: Stage = Stage.MUSIC_TERMS, seconds: float = 60) -> None:
    """Complete every stage up to ``last``."""
    for stage in Stage:
        assert tell(database, job_id, stage, seconds=seconds)
        if stage == last:
            return
