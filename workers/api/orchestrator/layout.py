"""A corrected transcript as files of the job's folder, where the worker of the music terms reads it."""

from __future__ import annotations

from collections.abc import Iterator

from thoth_infra.contract.queues import Stage
from workers.api.store import transcripts
from workers.api.store.engine import Database
from workers.api.store.models import Job
from workers.common import lines, manifest
from workers.common.folder import FolderFiles
from workers.common.ports import JobFiles
from workers.common.transcript import NAME, Transcript

_PATIENCE_SECONDS = 5.0


def lay_out(database: Database, files: FolderFiles, job_id: str) -> None:
    """Write the newest transcript, and what is derived from it, when it is a corrected one.

    Raises:
        Busy: a worker holds the job.
    """
    with database.read() as session:
        job = session.get(Job, job_id)
        content = transcripts.content(session, job) if job and job.transcript_version > 1 else None
    if content is None:
        return
    folder = files.job(job_id)
    with folder.lock(_PATIENCE_SECONDS):
        written = dict(_files(content))
        for name, text in written.items():
            with folder.writing(name) as path:
                path.write_text(text, encoding="utf-8")
        _note(folder, tuple(written))


def _files(content: str) -> Iterator[tuple[str, str]]:
    segments = Transcript.model_validate_json(content).segments
    yield "transcript.txt", lines.text(segments)
    yield "transcript.srt", lines.srt(segments)
    yield "transcript.vtt", lines.vtt(segments)
    yield NAME, content


def _note(folder: JobFiles, names: tuple[str, ...]) -> None:
    """Keep the manifest true: a late repeat of the transcription's request must find its stage complete."""
    known = manifest.read(folder)
    artefacts = {name: manifest.measured(folder.local(name)) for name in names}
    if record := known.stages.get(Stage.TRANSCRIPTION):
        manifest.write(folder, known.adding(Stage.TRANSCRIPTION, record, artefacts))
    else:
        manifest.write(folder, known.model_copy(update={"artefacts": {**known.artefacts, **artefacts}}))
