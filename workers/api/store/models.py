"""The tables. Times are UTC, with their zone; ids of jobs are ULIDs in lower case, so that they sort by age."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Enum,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy import DateTime as _DateTime
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from thoth_infra.contract.queues import Stage


class JobState(StrEnum):
    """Where a job is; ``deleting`` is shown to nobody."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DELETING = "deleting"


class AttemptState(StrEnum):
    """Where one attempt at a stage is."""

    REQUESTED = "requested"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class Kind(StrEnum):
    """What leaves through the outbox."""

    REQUEST = "request"
    """A message to a stage's queue."""
    WEBHOOK = "webhook"
    """A POST to the job's ``webhook_url``."""
    FETCH = "fetch"
    """The source is copied from where it was referred to, then the first stage is requested."""
    ARCHIVE = "archive"
    """The artefacts of a finished job are copied to the archive bucket."""
    ERASE = "erase"
    """Everything of a job is removed, everywhere."""


class Time(TypeDecorator[datetime]):
    """A time in UTC with its zone, which SQLite would forget."""

    impl = _DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse times without a zone, and keep the others in UTC."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite numbers rows by itself only where the key is its INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")
_Json = JSON(none_as_null=True)


def _words(kind: type[StrEnum], length: int) -> Enum:
    """Return a column of an enumeration's values, as text: a new value needs no migration."""
    return Enum(kind, native_enum=False, length=length, values_callable=lambda kind: [member.value for member in kind])


_WAITING = text("sent_at IS NULL AND dropped_at IS NULL")


class Base(DeclarativeBase):
    """Base of all tables; constraints have names, which migrations need to find them again."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's
        datetime: Time,
        dict[str, Any]: _Json,
        list[Any]: _Json,
        JobState: _words(JobState, 16),
        AttemptState: _words(AttemptState, 16),
        Kind: _words(Kind, 16),
        Stage: _words(Stage, 32),
    }


class Job(Base):
    """One lesson."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(Text)
    """As the file was called, for display only."""
    state: Mapped[JobState]
    stage: Mapped[Stage | None]
    percent: Mapped[float | None] = mapped_column(Float)
    """Of the current stage, 0 to 100."""
    source: Mapped[str | None] = mapped_column(String(16))
    """Name of the upload in the job's folder, ``source.<ext>``; None until it is there."""
    reference: Mapped[dict[str, Any] | None]
    """Where the source is fetched from, as the fetcher understands it; None: it was uploaded."""
    size: Mapped[int | None] = mapped_column(BigInteger)
    """Bytes of the source."""
    language: Mapped[str | None] = mapped_column(String(8))
    """As asked for; None lets the model find out."""
    duration: Mapped[float | None] = mapped_column(Float)
    """Seconds of the lesson, once known."""
    error_code: Mapped[str | None] = mapped_column(String(100))
    error_message: Mapped[str | None] = mapped_column(Text)
    error_hint: Mapped[str | None] = mapped_column(Text)
    webhook_url: Mapped[str | None] = mapped_column(Text)
    trace_id: Mapped[str] = mapped_column(String(128))
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    """SHA-256 of what was asked for under that key."""
    revision: Mapped[int] = mapped_column(Integer, default=1)
    """Rises with every change of the row: what an event stream waits for."""
    transcript_version: Mapped[int] = mapped_column(Integer, default=0)
    """0: none yet; 1: the model's; more: corrected."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    files_removed_at: Mapped[datetime | None]
    """When the folder was removed; the archive has what is left."""

    __table_args__ = (
        UniqueConstraint("tenant", "idempotency_key"),
        Index("ix_jobs_tenant_id", "tenant", "id"),
        Index("ix_jobs_tenant_state_id", "tenant", "state", "id"),
        Index("ix_jobs_state_finished_at", "state", "finished_at"),
    )


class Attempt(Base):
    """One attempt at one stage of one job."""

    __tablename__ = "attempts"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    stage: Mapped[Stage] = mapped_column(primary_key=True)
    attempt: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """Counts from 1; the number in the messages."""
    tries: Mapped[int] = mapped_column(Integer, default=1)
    """1: asked for by somebody; n: the n-th try at that wish, by the orchestrator itself."""
    state: Mapped[AttemptState]
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    heard_at: Mapped[datetime]
    """Last news of it."""
    finished_at: Mapped[datetime | None]
    seconds: Mapped[float | None] = mapped_column(Float)
    """Working time, as the worker measured it."""
    metrics: Mapped[dict[str, Any] | None]
    artefacts: Mapped[list[Any] | None]
    error_code: Mapped[str | None] = mapped_column(String(100))
    error_message: Mapped[str | None] = mapped_column(Text)
    error_hint: Mapped[str | None] = mapped_column(Text)
    retryable: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (Index("ix_attempts_state_heard_at", "state", "heard_at"),)


class Parcel(Base):
    """Something that has to leave: written with the change that causes it, marked when it has left."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(_Number, primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    """What it is, so that it is there once: ``<job>:<stage>:<attempt>``, or an event's id."""
    kind: Mapped[Kind]
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    target: Mapped[str] = mapped_column(Text)
    """A stage, or a URL."""
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    """Not before this time; whoever delivers it moves it on, so that nobody else does meanwhile."""
    tries: Mapped[int] = mapped_column(Integer, default=0)
    sent_at: Mapped[datetime | None]
    dropped_at: Mapped[datetime | None]
    """When it was given up."""
    problem: Mapped[str | None] = mapped_column(Text)
    """Why the last try failed."""

    __table_args__ = (
        Index(
            "ix_outbox_due",
            "kind",
            "due_at",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
    )


class TranscriptVersion(Base):
    """A corrected transcript; version 1 is the model's own and lies in the job's folder and the archive only."""

    __tablename__ = "transcripts"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    content: Mapped[str] = mapped_column(Text)
    """``transcript.json``."""
    key_id: Mapped[str | None] = mapped_column(String(26))
    created_at: Mapped[datetime]


class Upload(Base):
    """A file that comes in parts; its id is the id that its job will have, so that its files are the job's already."""

    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    part_size: Mapped[int] = mapped_column(Integer)
    source: Mapped[str] = mapped_column(String(16))
    """Name of the file that it becomes, ``source.<ext>``; with S3 also the end of the object's key."""
    s3_upload_id: Mapped[str | None] = mapped_column(Text)
    """Of the multipart upload in the media bucket; None: parts come to the API itself."""
    params: Mapped[dict[str, Any]]
    """What the job will be created with: ``language``, ``webhook_url``."""
    created_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]


class UploadPart(Base):
    """A part that has arrived."""

    __tablename__ = "upload_parts"

    upload_id: Mapped[str] = mapped_column(ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """Counts from 1."""
    size: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the part, in hexadecimal."""


class ApiKey(Base):
    """Somebody's key; only its SHA-256 is kept, which is enough for a key of 120 random bits."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    tenant: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AuditRow(Base):
    """Who did what; no content. Rows outlive the jobs that they name."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(_Number, primary_key=True)
    at: Mapped[datetime]
    tenant: Mapped[str | None] = mapped_column(String(100))
    key_id: Mapped[str | None] = mapped_column(String(26))
    action: Mapped[str] = mapped_column(String(200))
    """Method and route, or ``erased``: a tombstone."""
    job_id: Mapped[str | None] = mapped_column(String(64), index=True)
    status: Mapped[int | None] = mapped_column(Integer)
    """HTTP status of the answer."""
    address: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (Index("ix_audit_tenant_id", "tenant", "id"), Index("ix_audit_at", "at"))


class GlossaryVersion(Base):
    """A glossary as it was saved; the newest holds."""

    __tablename__ = "glossaries"

    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    content: Mapped[str] = mapped_column(Text)
    """The file, as JSON."""
    prompt: Mapped[list[Any]]
    """The terms that the model is told before it listens."""
    key_id: Mapped[str | None] = mapped_column(String(26))
    created_at: Mapped[datetime]
