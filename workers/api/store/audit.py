"""The audit trail: who did what, and that something was erased."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from workers.api.store.models import AuditRow

ERASED: Final = "erased"


def record(
    session: Session,
    *,
    action: str,
    at: datetime,
    tenant: str | None = None,
    key_id: str | None = None,
    job_id: str | None = None,
    status: int | None = None,
    address: str | None = None,
) -> None:
    """Note an access: ``action`` is method and route, ``status`` the HTTP status of the answer."""
    session.add(
        AuditRow(
            at=at, tenant=tenant, key_id=key_id, action=action[:200], job_id=job_id, status=status, address=address
        )
    )


def bury(session: Session, *, tenant: str, job_id: str, key_id: str | None, cause: str, at: datetime) -> None:
    """Leave a tombstone: the job is gone, for this cause, on behalf of this key."""
    record(session, action=f"{ERASED}:{cause}", at=at, tenant=tenant, key_id=key_id, job_id=job_id)


def is_buried(session: Session, job_id: str) -> bool:
    """Whether a job was here and is gone."""
    found = exists().where(AuditRow.job_id == job_id, AuditRow.action.startswith(f"{ERASED}:"))
    return bool(session.scalar(select(found)))


def buried(session: Session, *, since: datetime) -> Sequence[str]:
    """Return the ids of the jobs that have gone since a time."""
    query = select(AuditRow.job_id).where(AuditRow.at >= since, AuditRow.action.startswith(f"{ERASED}:"))
    return [job_id for job_id in session.scalars(query) if job_id]


def forget(session: Session, *, before: datetime, limit: int) -> int:
    """Remove up to ``limit`` rows that are older than a time, the oldest first; return how many there were."""
    oldest = select(AuditRow.id).where(AuditRow.at < before).order_by(AuditRow.at).limit(limit)
    found = session.scalars(oldest).all()
    if found:
        session.execute(delete(AuditRow).where(AuditRow.id.in_(found)))
    return len(found)


def page(session: Session, tenant: str, *, limit: int = 100, before: int | None = None) -> Sequence[AuditRow]:
    """Return a tenant's rows, newest first; ``before`` is the id of the last one of the page before."""
    query = select(AuditRow).where(AuditRow.tenant == tenant)
    if before is not None:
        query = query.where(AuditRow.id < before)
    return session.scalars(query.order_by(AuditRow.id.desc()).limit(limit)).all()
