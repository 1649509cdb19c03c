"""The real API on a port of its own, with lessons as the workers would leave them; only the workers are played."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import uvicorn
from pydantic import BaseModel
from sqlalchemy import select

from tests.workers.api.page import lesson
from thoth_infra.contract.queues import Stage
from workers.api.http.access import Keys
from workers.api.http.app import create_app
from workers.api.http.audit import Trail
from workers.api.http.guard import Guard
from workers.api.http.references import References
from workers.api.http.services import Limits, Services
from workers.api.http.throttle import Throttle
from workers.api.http.tokens import MediaTokens
from workers.api.settings import sqlite_url
from workers.api.store import jobs, keys, migrate, stages, transcripts
from workers.api.store.engine import Database
from workers.api.store.jobs import NewJob
from workers.api.store.keys import Scope
from workers.api.store.models import Attempt, Job
from workers.common import transcript as spoken
from workers.common.folder import FolderFiles
from workers.common.messages import Failure, Result, Status, now
from workers.common.transcript import Transcript
from workers.music_terms import terms

PART_BYTES = 64 << 10


class Clock:
    """Seconds since 1970, which a test can move on."""

    ahead = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return time.time() + self.ahead


@dataclass
class Site:
    """A running API; every test has a tenant of its own."""

    url: str
    database: Database
    files: FolderFiles
    film: Path
    clock: Clock
    _tenants: count[int] = field(default_factory=lambda: count(1))

    def tenant(self) -> str:
        """Return the name of a new one."""
        return f"School {next(self._tenants)}"

    def key(self, tenant: str, *scopes: Scope) -> str:
        """Return a key's secret; it may do everything unless scopes are named."""
        with self.database.write() as session:
            return keys.create(session, tenant, scopes or ("admin",), at=now())[1]

    def submit(self, tenant: str, name: str = lesson.NAME) -> str:
        """Return the id of a new job, whose recording is there."""
        with self.database.write() as session:
            job = jobs.create(session, NewJob(tenant=tenant, name=name, source="source.webm"), at=now())
        folder = self.files.root / job.id
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.film, folder / "source.webm")
        return job.id

    def lesson(self, tenant: str, name: str = lesson.NAME, lines: Sequence[str] = lesson.LINES) -> str:
        """Return the id of a job that is complete."""
        job_id = self.submit(tenant, name)
        said = lesson.transcript(job_id, lines)
        self.complete(job_id, Stage.AUDIO_EXTRACTION, audio_seconds=said.duration)
        self.transcribe(job_id, said)
        self.find_terms(job_id)
        return job_id

    def transcribe(self, job_id: str, said: Transcript) -> None:
        """Play the transcription worker."""
        self.write(job_id, spoken.NAME, said)
        self.complete(job_id, Stage.TRANSCRIPTION)

    def find_terms(self, job_id: str) -> None:
        """Play the music terms worker, on the newest transcript."""
        with self.database.read() as session:
            job = session.get_one(Job, job_id)
            content = transcripts.content(session, job)
        if content:
            self.write(job_id, spoken.NAME, Transcript.model_validate_json(content))
        said = Transcript.model_validate_json(self.files.job(job_id).local(spoken.NAME).read_bytes())
        self.write(job_id, terms.NAME, lesson.terms(said))
        self.complete(job_id, Stage.MUSIC_TERMS)

    def progress(self, job_id: str, stage: Stage, percent: float) -> None:
        """Report how far a stage is."""
        self._report(job_id, stage, Status.PROGRESS, {"percent": percent})

    def complete(self, job_id: str, stage: Stage, **metrics: float) -> None:
        """Report a stage as complete."""
        self._report(job_id, stage, Status.COMPLETED, metrics)

    def fail(self, job_id: str, stage: Stage, message: str, hint: str = "upload another file") -> None:
        """Report that a stage failed for good."""
        self._report(
            job_id, stage, Status.FAILED, {}, Failure(code="no_audio", message=message, hint=hint, retryable=False)
        )

    def _report(
        self, job_id: str, stage: Stage, status: Status, metrics: dict[str, float], error: Failure | None = None
    ) -> None:
        with self.database.write() as session:
            query = select(Attempt.attempt).where(Attempt.job_id == job_id, Attempt.stage == stage)
            attempt = max(session.scalars(query))
            result = Result(job_id=job_id, stage=stage, attempt=attempt, status=status, metrics=metrics, error=error)
            assert stages.record(session, result, at=now())

    def write(self, job_id: str, name: str, content: BaseModel) -> None:
        with self.files.job(job_id).writing(name) as path:
            path.write_text(content.model_dump_json(), encoding="utf-8")


@contextmanager
def running(folder: Path, film: Path) -> Iterator[Site]:
    """An API whose records and files are in ``folder``; ``film`` is every lesson's recording."""
    database = Database(sqlite_url(folder / "thoth.sqlite3"))
    migrate.upgrade(database)
    files = FolderFiles(folder / "jobs")
    files.root.mkdir()
    clock = Clock()
    services = Services(
        database=database,
        files=files,
        objects=None,
        references=References(Guard(), s3=None, media_bucket=None, limit=1 << 30),
        tokens=MediaTokens(b"k" * 32, clock),
        keys=Keys(database),
        # All tests together ask faster than people do.
        throttle=Throttle(requests=1_000_000),
        trail=Trail(database),
        limits=Limits(part_bytes=PART_BYTES),
        poll_seconds=0.05,
    )
    with _serving(uvicorn.Config(create_app(services), log_config=None, ws="none", timeout_graceful_shutdown=1)) as url:
        yield Site(url, database, files, film, clock)
    database.close()


@contextmanager
def _serving(config: uvicorn.Config) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="api")
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the API did not start"
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
