"""What is done with each kind of parcel that is in the outbox."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Final

from thoth_infra.contract.queues import Stage
from workers.api.orchestrator.dispatch import Never
from workers.api.orchestrator.erasure import Eraser
from workers.api.orchestrator.layout import lay_out
from workers.api.orchestrator.ports import Alive, Ports
from workers.api.store import jobs
from workers.api.store.models import Job, JobState, Parcel
from workers.common import transcript
from workers.common.errors import PoisonError, StageError

_log = logging.getLogger(__name__)

# FFmpeg makes it anew from the source, and it is the largest file of many jobs.
NOT_ARCHIVED: Final = frozenset({"audio.wav"})


@dataclass(frozen=True)
class Requests:
    """Sends requests to the stages' queues."""

    ports: Ports

    def deliver(self, parcel: Parcel, alive: Alive) -> None:  # noqa: ARG002 - the port's signature
        """Send a request; the terms are looked for in the transcript as it was corrected."""
        stage = Stage(parcel.target)
        if stage == Stage.MUSIC_TERMS:
            lay_out(self.ports.database, self.ports.files, parcel.job_id)
            self._note_language(parcel.job_id)
        self.ports.stages[stage].send(parcel.body)
        _log.info("requested", extra={"stage": stage, "parcel": parcel.key})

    def give_up(self, parcel: Parcel, error: Exception) -> None:
        """Never: a request is tried for ever."""

    def _note_language(self, job_id: str) -> None:
        """Keep the language that was heard, where none was given."""
        with self.ports.database.read() as session:
            job = session.get(Job, job_id)
        if job is None or job.language:
            return
        try:
            text = self.ports.files.job(job_id).local(transcript.NAME).read_text(encoding="utf-8")
            heard = transcript.Transcript.model_validate_json(text).language
        except (OSError, ValueError) as error:
            # Nothing depends on it: the stage that needs the transcript says what is wrong with it.
            _log.warning("the language stays unknown", extra={"reason": type(error).__name__})
            return
        with self.ports.database.write() as session:
            jobs.heard(session, job_id, heard, at=self.ports.clock())


@dataclass(frozen=True)
class Fetches:
    """Fetches sources that were referred to."""

    ports: Ports
    eraser: Eraser

    def deliver(self, parcel: Parcel, alive: Alive) -> None:
        """Copy the source into the job's folder, and let the job begin."""
        job_id = parcel.job_id
        with self.ports.database.read() as session:
            job = session.get(Job, job_id)
        if job is None or job.state not in {JobState.QUEUED, JobState.RUNNING} or job.source:
            return
        try:
            source = self.ports.fetch(json.loads(parcel.body), job.name, self.ports.files.job(job_id), alive)
            with self.ports.database.write() as session:
                job = session.get(Job, job_id, with_for_update=True)
                if job is not None:
                    jobs.fetched(session, job, source.name, source.size, at=self.ports.clock())
        except PoisonError as error:
            raise Never(str(error)) from error
        finally:
            # Erased meanwhile: then what has come since has to go too.
            self.eraser.sweep(job_id)
        _log.info("fetched", extra={"bytes": source.size})

    def give_up(self, parcel: Parcel, error: Exception) -> None:
        """Fail the job."""
        cause = error.__cause__ if isinstance(error, Never) else error
        code, message, hint = (
            (cause.code, cause.message, cause.hint)
            if isinstance(cause, StageError)
            else ("fetch_failed", "the source can't be fetched", "try it again, or upload the file")
        )
        with self.ports.database.write() as session:
            job = session.get(Job, parcel.job_id, with_for_update=True)
            if job is not None:
                jobs.unfetched(session, job, code, message, hint, at=self.ports.clock())


@dataclass(frozen=True)
class Archives:
    """Copies the files of finished jobs to the archive bucket."""

    ports: Ports
    eraser: Eraser

    def deliver(self, parcel: Parcel, alive: Alive) -> None:
        """Copy what is in the folder; what is in the archive under other names stays."""
        objects = self.ports.objects
        if objects is None:
            return
        folder = self.ports.files.job(parcel.job_id)
        try:
            for name in sorted(folder.names() - NOT_ARCHIVED):
                alive()
                objects.keep(parcel.job_id, folder.local(name), alive)
            with self.ports.database.write() as session:
                job = session.get(Job, parcel.job_id, with_for_update=True)
                if job is not None and job.state == JobState.COMPLETED:
                    job.archived_at = self.ports.clock()
        finally:
            # Erased meanwhile: then what was copied since has to go too.
            self.eraser.sweep(parcel.job_id)

    def give_up(self, parcel: Parcel, error: Exception) -> None:
        """Never: the folder stays until it is archived."""
