"""The outbox: what leaves is written with the change that causes it, in one transaction, and delivered afterwards.

Delivery is at least once: a crash between delivery and ``sent`` repeats it. The receivers know repeats by the key.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from workers.api.store.models import Kind, Parcel


def add(
    session: Session, kind: Kind, key: str, *, job_id: str, target: str = "", body: str = "", at: datetime
) -> Parcel:
    """Put something into the outbox; a key that is there already is an error."""
    parcel = Parcel(key=key, kind=kind, job_id=job_id, target=target, body=body, created_at=at, due_at=at)
    session.add(parcel)
    return parcel


def claim(session: Session, kind: Kind, *, at: datetime, lease_seconds: float, limit: int = 10) -> list[Parcel]:
    """Return what is due, oldest first, and keep it from others for ``lease_seconds``."""
    due = select(Parcel.id).where(
        Parcel.kind == kind, Parcel.sent_at.is_(None), Parcel.dropped_at.is_(None), Parcel.due_at <= at
    )
    # Two dispatchers take different rows; SQLite has one writer at a time and ignores the clause.
    ids = session.scalars(due.order_by(Parcel.due_at, Parcel.id).limit(limit).with_for_update(skip_locked=True)).all()
    if not ids:
        return []
    session.execute(
        update(Parcel)
        .where(Parcel.id.in_(ids))
        .values(due_at=at + timedelta(seconds=lease_seconds), tries=Parcel.tries + 1)
    )
    return list(session.scalars(select(Parcel).where(Parcel.id.in_(ids)).order_by(Parcel.id)))


def prolong(session: Session, parcel_id: int, *, due_at: datetime) -> None:
    """Keep a claimed parcel from others until ``due_at``."""
    session.execute(update(Parcel).where(Parcel.id == parcel_id, Parcel.sent_at.is_(None)).values(due_at=due_at))


def sent(session: Session, parcel_id: int, *, at: datetime) -> None:
    """Note that it has left."""
    session.execute(update(Parcel).where(Parcel.id == parcel_id).values(sent_at=at, problem=None))


def failed(session: Session, parcel_id: int, problem: str, *, due_at: datetime, counts: bool = True) -> None:
    """Note why it has not left, and when to try again; ``counts`` tells whether that was a try."""
    session.execute(
        update(Parcel)
        .where(Parcel.id == parcel_id)
        .values(problem=problem, due_at=due_at, tries=Parcel.tries if counts else Parcel.tries - 1)
    )


def drop(session: Session, parcel_id: int, problem: str, *, at: datetime) -> None:
    """Give it up."""
    session.execute(update(Parcel).where(Parcel.id == parcel_id).values(problem=problem, dropped_at=at))


def withdraw(session: Session, job_id: str, kinds: Collection[Kind]) -> None:
    """Remove what a job still has in the outbox of these kinds."""
    session.execute(
        delete(Parcel).where(Parcel.job_id == job_id, Parcel.kind.in_(list(kinds)), Parcel.sent_at.is_(None))
    )


def waiting(session: Session, kind: Kind) -> int:
    """Return how many parcels of a kind have not left yet."""
    query = select(func.count()).where(Parcel.kind == kind, Parcel.sent_at.is_(None), Parcel.dropped_at.is_(None))
    return session.scalar(query) or 0


def is_due(session: Session, kind: Kind, *, at: datetime) -> bool:
    """Whether there is something to claim."""
    query = select(Parcel.id).where(
        Parcel.kind == kind, Parcel.sent_at.is_(None), Parcel.dropped_at.is_(None), Parcel.due_at <= at
    )
    return session.scalar(query.limit(1)) is not None
