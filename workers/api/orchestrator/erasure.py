"""Removes everything of a job: objects, folder, rows. What stays is a tombstone in the audit trail."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete

from workers.api.orchestrator.ports import Alive
from workers.api.store import audit
from workers.api.store.engine import Database
from workers.api.store.models import Job, Parcel, Upload
from workers.api.store.objects import Objects
from workers.common.folder import FolderFiles

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Eraser:
    """``Carrier`` of erasures. Every step can be repeated; the rows go last, so that a crash repeats them all."""

    database: Database
    files: FolderFiles
    objects: Objects | None
    clock: Callable[[], datetime]

    def deliver(self, parcel: Parcel, alive: Alive) -> None:
        """Erase a job."""
        told = json.loads(parcel.body)
        job_id = parcel.job_id
        with self.database.read() as session:
            upload = session.get(Upload, job_id)
        alive()
        self.remove_files(job_id, upload)
        with self.database.write() as session:
            job = session.get(Job, job_id, with_for_update=True)
            if job is None:
                return
            audit.bury(
                session,
                tenant=job.tenant,
                job_id=job_id,
                key_id=told.get("key_id"),
                cause=told["cause"],
                at=self.clock(),
            )
            session.execute(delete(Upload).where(Upload.id == job_id))
            # The database itself removes the rows that belong to the job, this parcel too.
            session.execute(delete(Job).where(Job.id == job_id))
        _log.info("erased", extra={"cause": told["cause"]})

    def give_up(self, parcel: Parcel, error: Exception) -> None:
        """Never: an erasure is tried for ever."""

    def remove_files(self, job_id: str, upload: Upload | None = None) -> None:
        """Remove a job's objects and folder."""
        if self.objects:
            if upload and upload.s3_upload_id and not upload.completed_at:
                self.objects.abort(job_id, upload.source, upload.s3_upload_id)
            self.objects.erase(job_id)
        remove_folder(self.files, job_id)

    def sweep(self, job_id: str) -> None:
        """Remove what a worker has written after its job was erased."""
        with self.database.read() as session:
            gone = session.get(Job, job_id) is None and audit.is_buried(session, job_id)
        if gone:
            self.remove_files(job_id)


def remove_folder(files: FolderFiles, job_id: str) -> bool:
    """Remove a job's folder; tell whether there was one."""
    path = files.job(job_id).path
    if not path.exists():
        return False
    # A worker may write while this happens: the second round removes what it adds, or raises.
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        shutil.rmtree(path)
    return True
