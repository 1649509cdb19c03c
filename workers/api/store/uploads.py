"""Files that come in parts. What a job will need is decided when the upload begins; the job begins when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from workers.api.store import jobs
from workers.api.store.errors import Conflict, NotFound
from workers.api.store.ids import new_id
from workers.api.store.models import Job, Upload, UploadPart
from workers.common.messages import legible


@dataclass(frozen=True)
class NewUpload:
    """What is announced; sizes in bytes. ``params`` are fields of ``jobs.NewJob``: language, webhook_url."""

    tenant: str
    name: str
    size: int
    part_size: int
    source: str
    """Name of the file that it becomes, ``source.<ext>``; with S3 the object is ``jobs/<id>/source.<ext>``."""
    s3_upload_id: str | None = None
    params: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=new_id)
    """The id that the job will have: local parts belong into its folder, S3 objects under ``jobs/<id>/``."""


def create(session: Session, new: NewUpload, *, at: datetime) -> Upload:
    """Begin an upload."""
    upload = Upload(
        id=new.id,
        tenant=new.tenant,
        name=legible(new.name),
        size=new.size,
        part_size=new.part_size,
        source=new.source,
        s3_upload_id=new.s3_upload_id,
        params=new.params,
        created_at=at,
    )
    session.add(upload)
    session.flush()
    return upload


def find(session: Session, tenant: str, upload_id: str, *, lock: bool = False) -> Upload:
    """Return a tenant's upload.

    Raises:
        NotFound: there is none, or it is another tenant's.
    """
    query = select(Upload).where(Upload.id == upload_id, Upload.tenant == tenant)
    upload = session.scalar(query.with_for_update() if lock else query)
    if upload is None:
        raise NotFound("no_such_upload", "there is no such upload", "begin a new one")
    return upload


def arrived(session: Session, upload: Upload, number: int, size: int, digest: str) -> None:
    """Note a part that is durable; a part may come again.

    Raises:
        Conflict: ``completed``.
    """
    if upload.completed_at:
        raise Conflict("completed", "the upload is complete", "begin a new one")
    session.merge(UploadPart(upload_id=upload.id, number=number, size=size, digest=digest))


def parts(session: Session, upload_id: str) -> Sequence[UploadPart]:
    """Return the parts that have arrived, in order."""
    query = select(UploadPart).where(UploadPart.upload_id == upload_id)
    return session.scalars(query.order_by(UploadPart.number)).all()


def received(session: Session, upload_id: str) -> int:
    """Return the bytes that have arrived."""
    return session.scalar(select(func.sum(UploadPart.size)).where(UploadPart.upload_id == upload_id)) or 0


def complete(session: Session, upload: Upload, *, reference: dict[str, Any] | None = None, at: datetime) -> Job:
    """End an upload, and make its job: of the source in the job's folder, or of a ``reference`` that is fetched.

    The upload has to be locked (``find(..., lock=True)``). An upload that is complete gives the same job again.
    """
    if upload.completed_at:
        return jobs.find(session, upload.tenant, upload.id)
    upload.completed_at = at
    session.execute(delete(UploadPart).where(UploadPart.upload_id == upload.id))
    new = jobs.NewJob(
        tenant=upload.tenant,
        name=upload.name,
        source=None if reference else upload.source,
        reference=reference,
        size=upload.size,
        id=upload.id,
        **upload.params,
    )
    return jobs.create(session, new, at=at)


def stale(session: Session, *, before: datetime, limit: int = 100) -> Sequence[Upload]:
    """Return uploads that were begun before a time and never ended."""
    query = select(Upload).where(Upload.completed_at.is_(None), Upload.created_at < before)
    return session.scalars(query.order_by(Upload.created_at).limit(limit)).all()


def forget(session: Session, upload_id: str) -> None:
    """Remove an upload that never ended; its files have to be gone by then."""
    session.execute(delete(Upload).where(Upload.id == upload_id, Upload.completed_at.is_(None)))
