"""An API with keys of two tenants, and jobs in every state, made the way the workers make them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import uvicorn
from sqlalchemy import select
from starlette.testclient import TestClient

from thoth_infra.contract.queues import Stage
from workers.api.http.access import Keys
from workers.api.http.app import create_app
from workers.api.http.audit import Trail
from workers.api.http.guard import Guard
from workers.api.http.references import References
from workers.api.http.services import Limits, Services
from workers.api.http.throttle import Throttle
from workers.api.http.tokens import MediaTokens
from workers.api.store import jobs, keys, stages
from workers.api.store.engine import Database
from workers.api.store.jobs import NewJob
from workers.api.store.keys import SCOPES, Scope
from workers.api.store.models import AuditRow, Job
from workers.api.store.objects import Objects
from workers.common.folder import FolderFiles
from workers.common.messages import Result, Status, now
from workers.common.transcript import Segment, Transcript, Word
from workers.music_terms.files import packaged
from workers.music_terms.terms import FoundTerm, Terms, UsedCategory, UsedGlossary

APP_KEY = "app-key-of-the-tests-which-no-log-may-hold"
TENANT, OTHER = "conservatory", "elsewhere"
MP3 = b"ID3\x04\0\0\0\0\0\0" + b"\xff\xfb\x90\x00" + bytes(range(256)) * 40


@dataclass
class Api:
    """A running API; ``key`` makes keys."""

    client: TestClient
    services: Services
    secrets: list[str] = field(default_factory=list)

    def key(self, *scopes: Scope, tenant: str = TENANT) -> dict[str, str]:
        """Return the header of a new key; with every scope but admin's unless told otherwise."""
        with self.services.database.write() as session:
            _, secret = keys.create(session, tenant, scopes or SCOPES[:-1], at=now())
        self.secrets.append(secret)
        return {"Authorization": f"Bearer {secret}"}

    def audit(self) -> list[AuditRow]:
        """Return the whole trail, oldest first."""
        self.services.trail.flush()
        with self.services.database.read() as session:
            return list(session.scalars(select(AuditRow).order_by(AuditRow.id)))

    def job(self, *, tenant: str = TENANT, name: str = "lesson one.mp3", **more: Any) -> str:
        """Make a job whose source is there; return its id."""
        new = NewJob(tenant=tenant, name=name, source="source.mp3", size=len(MP3), **more)
        with self.services.files.job(new.id).writing("source.mp3") as path:
            path.write_bytes(MP3)
        with self.services.database.write() as session:
            return jobs.create(session, new, at=now()).id

    def result(self, job_id: str, stage: Stage, status: Status = Status.COMPLETED, **more: Any) -> None:
        """Record what a worker tells of the newest attempt at a stage."""
        with self.services.database.write() as session:
            attempt = max(row.attempt for row in jobs.attempts(session, job_id) if row.stage == stage)
            result = Result(job_id=job_id, stage=stage, attempt=attempt, status=status, **more)
            stages.record(session, result, at=now())

    def completed(self, *, tenant: str = TENANT, name: str = "lesson one.mp3", **more: Any) -> str:
        """Make a job that has been through all stages; return its id."""
        job_id = self.job(tenant=tenant, name=name, **more)
        folder = self.services.files.job(job_id)
        contents = {"transcript.json": transcript(job_id), "terms.json": found(job_id)}
        for file, content in contents.items():
            with folder.writing(file) as path:
                path.write_text(content.model_dump_json(), encoding="utf-8")
        for stage in Stage:
            self.result(job_id, stage, metrics={"seconds": 1.5, "audio_seconds": 12.0})
        return job_id

    def failed(self, *, tenant: str = TENANT) -> str:
        """Make a job that has failed; return its id."""
        job_id = self.job(tenant=tenant)
        error = {"code": "no_audio", "message": "there is no sound", "hint": "add some", "retryable": False}
        self.result(job_id, Stage.AUDIO_EXTRACTION, Status.FAILED, error=error)
        return job_id

    def row(self, job_id: str) -> Job | None:
        """Return a job's row."""
        with self.services.database.read() as session:
            return session.get(Job, job_id)


def services_over(
    database: Database,
    jobs_dir: Path,
    *,
    objects: Objects | None = None,
    guard: Guard | None = None,
    limits: Limits | None = None,
    throttle: Throttle | None = None,
    **more: Any,
) -> Services:
    """Return what the routes need."""
    limits = limits or Limits()
    references = References(
        guard or Guard(), objects.s3 if objects else None, objects.media if objects else None, limits.upload_bytes
    )
    return Services(
        database=database,
        files=FolderFiles(jobs_dir),
        objects=objects,
        references=references,
        tokens=MediaTokens(APP_KEY.encode()),
        keys=Keys(database),
        throttle=throttle or Throttle(requests=100_000),
        trail=Trail(database),
        limits=limits,
        **more,
    )


@contextmanager
def running(database: Database, jobs_dir: Path, **more: Any) -> Iterator[Api]:
    """Yield an API over ``database``; ``more`` is for ``services_over``."""
    services = services_over(database, jobs_dir, **{"poll_seconds": 0.02, "stream_seconds": 0.2, **more})
    with TestClient(create_app(services, public_url="https://thoth.example")) as client:
        yield Api(client, services)


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """Have a server listen on this host; yield its URL."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        # Whoever comes before the server accepts waits, and is not refused.
        listener.listen()
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def transcript(job_id: str) -> Transcript:
    """Return two segments of a lesson of twelve seconds."""
    first = (_word(0.5, "Play"), _word(1.0, "a"), _word(1.5, "barre"), _word(2.0, "chord."))
    second = (_word(6.0, "Then"), _word(6.5, "a"), _word(7.0, "hammer-on"), _word(7.5, "<b>&"))
    return Transcript(
        job_id=job_id,
        language="en",
        language_probability=0.99,
        duration=12.0,
        model="tiny",
        settings={},
        confidence=0.8,
        segments=tuple(
            Segment(
                id=number,
                start=words[0].start,
                end=words[-1].end,
                text=" ".join(word.text for word in words),
                words=words,
                confidence=0.8,
            )
            for number, words in enumerate((first, second))
        ),
    )


def found(job_id: str) -> Terms:
    """Return the terms of that lesson."""
    glossary = packaged()
    used = UsedGlossary(
        name=glossary.name,
        version=glossary.version,
        language=glossary.language,
        categories=tuple(UsedCategory(id=each.id, name=each.name) for each in glossary.categories),
    )
    term = FoundTerm(
        id="0",
        term="barre-chord",
        category="guitar",
        surface="barre chord",
        canonical="barre chord",
        segment_id=0,
        first_word=2,
        last_segment_id=0,
        last_word=3,
        start=1.5,
        end=2.4,
        context="Play a barre chord.",
    )
    counts = {each.id: 0 for each in glossary.categories} | {"guitar": 1}
    return Terms(job_id=job_id, language="en", glossary=used, counts=counts, terms=(term,))


def s3_client(region: str) -> Any:
    """Return a client of S3, for within ``mock_aws``."""
    return _session().client("s3", region_name=region)


@cache
def _session() -> boto3.session.Session:
    # Each session reads boto3's models anew.
    return boto3.session.Session()


def ranged(start: int | str, end: int | str) -> Mapping[str, str]:
    """Return the header that asks for a range, both ends included."""
    return {"Range": f"bytes={start}-{end}"}


def _word(start: float, text: str) -> Word:
    return Word(start=start, end=start + 0.4, text=text, probability=0.8)
