"""Webhooks: what is told, and how a receiver can tell that it comes from here."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime

from sqlalchemy.orm import Session

from workers.api.store import outbox
from workers.api.store.ids import new_id
from workers.api.store.models import Job, JobState, Kind


def announce(session: Session, job: Job, *, at: datetime) -> None:
    """Put the news that a job has ended into the outbox, when somebody wants to hear it."""
    if job.webhook_url is None:
        return
    event = f"evt_{new_id()}"
    body = {
        "id": event,
        "type": f"job.{job.state}",
        "created_at": at.isoformat(),
        "data": {
            "id": job.id,
            "name": job.name,
            "state": job.state,
            "language": job.language,
            "duration": job.duration,
            "error": _error(job),
        },
    }
    text = json.dumps(body, ensure_ascii=False)
    outbox.add(session, Kind.WEBHOOK, event, job_id=job.id, target=job.webhook_url, body=text, at=at)


def signature(key: bytes, body: bytes, *, at: datetime) -> str:
    """Return ``Thoth-Signature``: ``t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>", in hexadecimal>``."""
    seconds = int(at.timestamp())
    digest = hmac.new(key, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def _error(job: Job) -> dict[str, str | None] | None:
    if job.state != JobState.FAILED:
        return None
    return {"code": job.error_code, "message": job.error_message, "hint": job.error_hint}
