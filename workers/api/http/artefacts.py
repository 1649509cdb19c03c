"""The documents of a job: from its folder while it is there, else from the archive; corrected ones from the records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.orm import Session

from workers.api.http.problems import Problem
from workers.api.store import transcripts
from workers.api.store.models import Job
from workers.api.store.objects import Objects
from workers.common import lines
from workers.common import transcript as spoken
from workers.common.folder import FolderFiles
from workers.common.transcript import Transcript
from workers.music_terms import terms

_SHOWN: Final = {"txt": lines.text, "srt": lines.srt, "vtt": lines.vtt}


def shown(transcript: Transcript, form: str) -> str:
    """Return a transcript as ``txt``, ``srt`` or ``vtt``."""
    return _SHOWN[form](transcript.segments)


@dataclass(frozen=True)
class Artefacts:
    """Reads documents."""

    files: FolderFiles
    objects: Objects | None

    def transcript(self, session: Session, job: Job, version: int | None = None) -> str:
        """Return ``transcript.json`` in a version, the newest by default.

        Raises:
            NotFound: there is none, or not in this version.
            Problem: 404, where it can't be found any more.
        """
        return transcripts.content(session, job, version) or self._read(job, spoken.NAME)

    def terms(self, job: Job) -> str:
        """Return ``terms.json``.

        Raises:
            Problem: 404.
        """
        return self._read(job, terms.NAME)

    def _read(self, job: Job, name: str) -> str:
        try:
            return self.files.job(job.id).local(name).read_text(encoding="utf-8")
        except FileNotFoundError:
            pass
        try:
            kept = self.objects.kept(job.id, name) if self.objects and job.archived_at else None
        except (BotoCoreError, ClientError):
            raise Problem(
                503, "archive_unreachable", "the archive does not answer", "try again", headers={"Retry-After": "10"}
            ) from None
        if kept is None:
            raise Problem(404, "not_there_yet", f"the job has no {name}", "wait until the job is completed")
        return kept.decode()
