"""The first tables: jobs, attempts, outbox, transcripts, uploads, keys, audit, glossaries."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only where the key is its INTEGER.
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WAITING = sa.text("sent_at IS NULL AND dropped_at IS NULL")


def upgrade() -> None:
    """Make the tables."""
    _jobs()
    _attempts()
    _outbox()
    _transcripts()
    _uploads()
    _access()
    _glossaries()


def downgrade() -> None:
    """Remove them."""
    for table in (
        "glossaries",
        "audit",
        "api_keys",
        "upload_parts",
        "uploads",
        "transcripts",
        "outbox",
        "attempts",
        "jobs",
    ):
        op.drop_table(table)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, length: int | None = None, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=nullable)


def _error() -> Iterator[sa.Column[str]]:
    yield _text("error_code", 100, nullable=True)
    yield _text("error_message", nullable=True)
    yield _text("error_hint", nullable=True)


def _of(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{parent}.id"], name=f"fk_{table}_{column}", ondelete="CASCADE")


def _jobs() -> None:
    op.create_table(
        "jobs",
        _text("id", 26),
        _text("tenant", 100),
        _text("name"),
        _text("state", 16),
        _text("stage", 32, nullable=True),
        sa.Column("percent", sa.Float(), nullable=True),
        _text("source", 16, nullable=True),
        sa.Column("reference", sa.JSON(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        _text("language", 8, nullable=True),
        sa.Column("duration", sa.Float(), nullable=True),
        *_error(),
        _text("webhook_url", nullable=True),
        _text("trace_id", 128),
        _text("idempotency_key", 255, nullable=True),
        _text("fingerprint", 64, nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("transcript_version", sa.Integer(), nullable=False),
        _time("created_at"),
        _time("updated_at"),
        _time("finished_at", nullable=True),
        _time("archived_at", nullable=True),
        _time("files_removed_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("tenant", "idempotency_key", name="uq_jobs_tenant_idempotency_key"),
    )
    op.create_index("ix_jobs_tenant_id", "jobs", ["tenant", "id"])
    op.create_index("ix_jobs_tenant_state_id", "jobs", ["tenant", "state", "id"])
    op.create_index("ix_jobs_state_finished_at", "jobs", ["state", "finished_at"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        _text("job_id", 26),
        _text("stage", 32),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        _text("state", 16),
        _time("requested_at"),
        _time("started_at", nullable=True),
        _time("heard_at"),
        _time("finished_at", nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("metrics", sa.JSON(), nullable=True),
        sa.Column("artefacts", sa.JSON(), nullable=True),
        *_error(),
        sa.Column("retryable", sa.Boolean(), nullable=False),
        _of("attempts", "job_id", "jobs"),
        sa.PrimaryKeyConstraint("job_id", "stage", "attempt", name="pk_attempts"),
    )
    op.create_index("ix_attempts_state_heard_at", "attempts", ["state", "heard_at"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _NUMBER, nullable=False),
        _text("key", 200),
        _text("kind", 16),
        _text("job_id", 26),
        _text("target"),
        _text("body"),
        _time("created_at"),
        _time("due_at"),
        sa.Column("tries", sa.Integer(), nullable=False),
        _time("sent_at", nullable=True),
        _time("dropped_at", nullable=True),
        _text("problem", nullable=True),
        _of("outbox", "job_id", "jobs"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    op.create_index("ix_outbox_job_id", "outbox", ["job_id"])
    op.create_index("ix_outbox_due", "outbox", ["kind", "due_at"], sqlite_where=_WAITING, postgresql_where=_WAITING)


def _transcripts() -> None:
    op.create_table(
        "transcripts",
        _text("job_id", 26),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        _text("content"),
        _text("key_id", 26, nullable=True),
        _time("created_at"),
        _of("transcripts", "job_id", "jobs"),
        sa.PrimaryKeyConstraint("job_id", "version", name="pk_transcripts"),
    )


def _uploads() -> None:
    op.create_table(
        "uploads",
        _text("id", 26),
        _text("tenant", 100),
        _text("name"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("part_size", sa.Integer(), nullable=False),
        _text("source", 16),
        _text("s3_upload_id", nullable=True),
        sa.Column("params", sa.JSON(), nullable=False),
        _time("created_at"),
        _time("completed_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
    )
    op.create_table(
        "upload_parts",
        _text("upload_id", 26),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        _text("digest", 64),
        _of("upload_parts", "upload_id", "uploads"),
        sa.PrimaryKeyConstraint("upload_id", "number", name="pk_upload_parts"),
    )


def _access() -> None:
    op.create_table(
        "api_keys",
        _text("id", 26),
        _text("digest", 64),
        _text("tenant", 100),
        sa.Column("scopes", sa.JSON(), nullable=False),
        _time("created_at"),
        _time("expires_at", nullable=True),
        _time("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    op.create_table(
        "audit",
        sa.Column("id", _NUMBER, nullable=False),
        _time("at"),
        _text("tenant", 100, nullable=True),
        _text("key_id", 26, nullable=True),
        _text("action", 200),
        _text("job_id", 64, nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        _text("address", 64, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_job_id", "audit", ["job_id"])
    op.create_index("ix_audit_tenant_id", "audit", ["tenant", "id"])
    op.create_index("ix_audit_at", "audit", ["at"])


def _glossaries() -> None:
    op.create_table(
        "glossaries",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        _text("content"),
        sa.Column("prompt", sa.JSON(), nullable=False),
        _text("key_id", 26, nullable=True),
        _time("created_at"),
        sa.PrimaryKeyConstraint("version", name="pk_glossaries"),
    )
