"""What is looked after from time to time: jobs that are stuck, and what has grown too old."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select

from thoth_infra.contract.queues import Stage
from workers.api.orchestrator.erasure import Eraser, remove_folder
from workers.api.orchestrator.ports import Alive, Policy, Ports
from workers.api.store import audit, glossary, jobs, stages, uploads
from workers.api.store.models import Attempt, AttemptState, Job, JobState, Kind, Parcel, Upload
from workers.common.ports import QueueError

_log = logging.getLogger(__name__)

# SQS keeps messages for four days unless told otherwise: after that a request is gone, wherever it was.
_KEPT: Final = timedelta(days=4)
# A worker gets a message four times, unless told otherwise.
_DELIVERIES: Final = 4
# How long after an erasure its traces are looked for: workers and presigned uploads that have ended by then.
_AFTERMATH: Final = timedelta(hours=26)
_ENDED: Final = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)
_BATCH: Final = 200
# Of the audit trail, in one transaction: a page that is open makes several a minute.
_ROWS: Final = 5000
_ULID: Final = re.compile(r"[0-9a-z]{26}")


@dataclass(frozen=True)
class Survey:
    """How deep the stages' queues were at a time; None where a queue could not be asked."""

    at: datetime
    depths: Mapping[Stage, int | None]


@dataclass
class Keeper:
    """Reconciles at once and every few minutes, and clears away every hour."""

    ports: Ports
    policy: Policy
    eraser: Eraser
    known_until: Callable[[], datetime | None]
    """Up to when the results are recorded."""
    _survey: Survey | None = field(default=None, init=False)
    _reconciled: float = field(default=float("-inf"), init=False)
    _cleared: float = field(default=float("-inf"), init=False)

    def step(self, alive: Alive) -> bool:
        """Do what is due; there is never more at once.

        Whether a request is lost shows in two places, looked at one after the other: no queue has it, and no result
        of it was sent until then. So the queues are asked first, and the results that were there by then awaited.
        """
        if self._survey is None and time.monotonic() - self._reconciled >= self.policy.reconcile_seconds:
            self._reconciled = time.monotonic()
            self._survey = self.survey()
            self.go_on(alive)
        known_until = self.known_until()
        if self._survey and known_until and known_until >= self._survey.at:
            self.find_lost(self._survey, alive)
            self._survey = None
        if time.monotonic() - self._cleared >= self.policy.retention_seconds:
            self.clear(alive)
            self._cleared = time.monotonic()
        return False

    def survey(self) -> Survey:
        """Ask every stage's queue how deep it is."""
        at = self.ports.clock()
        return Survey(at, {stage: self._depth(stage) for stage in Stage})

    def find_lost(self, survey: Survey, alive: Alive) -> None:
        """Find attempts that nobody works at, and try again; every result sent before the survey is recorded by now."""
        for job_id, stage, attempt in self._silent(survey):
            alive()
            with self.ports.database.write() as session:
                job = session.get(Job, job_id, with_for_update=True)
                row = session.get(Attempt, (job_id, stage, attempt))
                # Looked at again under the lock: a result may have come since.
                if job and row and self._is_lost(row, survey):
                    _log.warning("taken for lost", extra={"job_id": job_id, "stage": stage, "attempt": attempt})
                    stages.lose(session, job, row, at=self.ports.clock())

    def go_on(self, alive: Alive) -> None:
        """Advance jobs that are open and wait for nothing, whatever left them so; write the glossary's file anew."""
        at = self.ports.clock()
        before = at - timedelta(seconds=self.policy.reconcile_seconds)
        under_way = select(Attempt.job_id).where(Attempt.job_id == Job.id, Attempt.state.in_(stages.UNDER_WAY))
        query = select(Job.id).where(
            Job.state.in_(stages.OPEN), Job.source.is_not(None), Job.updated_at < before, ~under_way.exists()
        )
        with self.ports.database.read() as session:
            ids = session.scalars(query).all()
        for job_id in ids:
            alive()
            with self.ports.database.write() as session:
                if job := session.get(Job, job_id, with_for_update=True):
                    stages.advance(session, job, at=at)
        if glossary.publish(self.ports.database, self.ports.files.root):
            _log.info("glossary published")

    def clear(self, alive: Alive) -> None:
        """Expire jobs, job folders and uploads that never ended, and look again where something was erased."""
        at = self.ports.clock()
        self._expire(at, alive)
        self._empty_folders(at, alive)
        self._forget_uploads(at, alive)
        with self.ports.database.read() as session:
            gone = audit.buried(session, since=at - _AFTERMATH)
        for job_id in gone:
            alive()
            self.eraser.sweep(job_id)
        self._remove_orphans(at, alive)
        self._forget_accesses(at, alive)

    def _depth(self, stage: Stage) -> int | None:
        try:
            return self.ports.stages[stage].depth()
        except QueueError as error:
            _log.warning("a queue can't be asked", extra={"stage": stage, "reason": str(error)})
            return None

    def _silent(self, survey: Survey) -> list[tuple[str, Stage, int]]:
        oldest = survey.at - timedelta(seconds=min(self.policy.stage_seconds.values()))
        unsent = select(Parcel.id).where(
            Parcel.job_id == Attempt.job_id, Parcel.kind == Kind.REQUEST, Parcel.sent_at.is_(None)
        )
        query = select(Attempt).where(
            Attempt.state.in_(stages.UNDER_WAY),
            Attempt.heard_at < oldest,
            # What has not left can't be lost.
            ~unsent.exists(),
        )
        with self.ports.database.read() as session:
            rows = session.scalars(query.order_by(Attempt.heard_at)).all()
        return [(row.job_id, row.stage, row.attempt) for row in rows if self._is_lost(row, survey)]

    def _is_lost(self, row: Attempt, survey: Survey) -> bool:
        """Whether nobody works at it, as far as one can tell: a long queue is no loss, and a silent worker may live."""
        silence = survey.at - row.heard_at
        limit = timedelta(seconds=self.policy.stage_seconds[row.stage])
        if row.state not in stages.UNDER_WAY or silence <= limit:
            return False
        if survey.depths[row.stage] == 0:
            return True
        return silence > (limit * _DELIVERIES if row.state == AttemptState.RUNNING else max(_KEPT, limit * _DELIVERIES))

    def _expire(self, at: datetime, alive: Alive) -> None:
        before = at - timedelta(days=self.policy.transcript_days)
        query = select(Job).where(Job.state.in_(_ENDED), Job.finished_at < before).limit(_BATCH).with_for_update()
        while True:
            alive()
            with self.ports.database.write() as session:
                found = session.scalars(query).all()
                for job in found:
                    jobs.erase(session, job, cause="retention", at=at)
            if not found:
                return
            _log.info("expired", extra={"jobs": len(found)})

    def _empty_folders(self, at: datetime, alive: Alive) -> None:
        """Remove folders of jobs that ended long ago; those of completed ones only once they are archived."""
        before = at - timedelta(days=self.policy.job_files_days)
        query = select(Job.id).where(
            Job.state.in_(_ENDED),
            Job.finished_at < before,
            or_(Job.archived_at.is_not(None), Job.state != JobState.COMPLETED),
            or_(Job.files_removed_at.is_(None), Job.files_removed_at < Job.finished_at),
        )
        with self.ports.database.read() as session:
            ids = session.scalars(query).all()
        for job_id in ids:
            alive()
            with self.ports.database.write() as session:
                # Under the lock nobody corrects or retries the job meanwhile.
                job = session.scalar(query.with_only_columns(Job).where(Job.id == job_id).with_for_update())
                if job:
                    remove_folder(self.ports.files, job_id)
                    job.files_removed_at = at

    def _forget_uploads(self, at: datetime, alive: Alive) -> None:
        with self.ports.database.read() as session:
            found = uploads.stale(session, before=at - timedelta(days=self.policy.upload_days))
        for upload in found:
            alive()
            self.eraser.remove_files(upload.id, upload)
            with self.ports.database.write() as session:
                uploads.forget(session, upload.id)

    def _forget_accesses(self, at: datetime, alive: Alive) -> None:
        """Remove old rows of the audit trail, but no tombstone by which erased jobs' traces are still looked for."""
        before = at - max(timedelta(days=self.policy.audit_days), _AFTERMATH)
        while True:
            alive()
            with self.ports.database.write() as session:
                found = audit.forget(session, before=before, limit=_ROWS)
            if not found:
                return
            _log.info("accesses forgotten", extra={"rows": found})

    def _remove_orphans(self, at: datetime, alive: Alive) -> None:
        """Remove folders of neither job nor upload that are old: submissions which a crash has cut short."""
        before = (at - timedelta(days=self.policy.upload_days)).timestamp()
        for job_id in self.ports.files.jobs():
            alive()
            path = self.ports.files.root / job_id
            if not _ULID.fullmatch(job_id) or not path.is_dir() or path.stat().st_mtime >= before:
                continue
            with self.ports.database.read() as session:
                known = session.get(Job, job_id) or session.get(Upload, job_id)
            if known is None:
                _log.warning("an orphaned folder is removed", extra={"job_id": job_id})
                remove_folder(self.ports.files, job_id)
