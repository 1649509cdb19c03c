"""Jobs with a folder of their own, done the way the loop does them."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from tests.workers.audio_extraction.media import Sound
from thoth_infra.contract.queues import Stage
from workers.audio_extraction.confined import Limits
from workers.audio_extraction.description import Description
from workers.audio_extraction.handler import AudioExtraction
from workers.audio_extraction.refusals import HINTS, KILLED
from workers.common.errors import StageError
from workers.common.folder import FolderFiles
from workers.common.held import Quiet
from workers.common.messages import Request
from workers.common.ports import Job, JobFiles, Work
from workers.common.stage import Done, perform

JOB_ID = "lesson-1"
LIMITS = Limits(wall_seconds=120)
PLAIN = AudioExtraction(LIMITS, normalise=False)
CODES = {*HINTS, KILLED}


@dataclass(frozen=True)
class Lesson:
    """One job."""

    folder: Path
    job: Job

    def perform(self, handler: AudioExtraction = PLAIN, work: Work | None = None) -> Done:
        """Do the stage, from lock to manifest."""
        return perform(handler, self.job, None, work or Quiet(), None)

    @property
    def sound(self) -> Sound:
        """What came out."""
        return Sound.of(self.folder / "audio.wav")

    @property
    def description(self) -> Description:
        """``audio.json``."""
        return Description.model_validate_json((self.folder / "audio.json").read_bytes())

    def extracted(self, handler: AudioExtraction = PLAIN) -> tuple[Description, Sound]:
        """Do the stage, and return what it made."""
        done = self.perform(handler)
        assert set(done.record.artefacts) == {"audio.wav", "audio.json"}
        assert done.record.audio_seconds == self.description.duration
        return self.description, self.sound

    def listing(self) -> dict[str, int]:
        """Return every file of the folder, hidden ones too, with its size."""
        return {str(path.relative_to(self.folder)): path.stat().st_size for path in self.folder.rglob("*")}

    def refused(self, handler: AudioExtraction = PLAIN, work: Work | None = None) -> StageError:
        """Do the stage, which must fail with a reason that helps and leave nothing behind."""
        before = self.listing()
        with pytest.raises(StageError) as caught:
            self.perform(handler, work)
        assert self.listing() == before, "something was left behind in the job's folder"
        assert not children(), "a process was left behind"
        assert caught.value.message
        assert caught.value.hint
        assert str(self.folder) not in caught.value.message, "where the file lies is nobody's business"
        return caught.value


def lesson(root: Path, source: Path | bytes | None, name: str = "", params: dict[str, Any] | None = None) -> Lesson:
    """Return a job with ``source`` (a file, or its bytes) in its folder, as ``name`` or with the file's extension."""
    if not name:
        assert isinstance(source, Path)
        name = f"source{source.suffix}".replace(".ts", ".mpeg")
    folder = root / JOB_ID
    folder.mkdir(parents=True)
    if isinstance(source, bytes):
        (folder / name).write_bytes(source)
    elif source is not None:
        shutil.copyfile(source, folder / name)
    return Lesson(folder, job_of(FolderFiles(root).job(JOB_ID), {"source": name} if params is None else params))


def job_of(files: JobFiles, params: dict[str, JsonValue]) -> Job:
    """Return the job of a request with ``params``."""
    request = Request(
        job_id=JOB_ID,
        stage=Stage.AUDIO_EXTRACTION,
        trace_id="trace",
        requested_at=datetime.now(UTC),
        # A request comes as JSON.
        params=json.loads(json.dumps(params)),
    )
    return Job(request, files)


def children() -> list[int]:
    """Return the ids of this process's FFmpegs."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields["PPid"] == str(os.getpid()) and fields["Name"] in {"ffmpeg", "ffprobe", "prlimit", "setpriv"}:
            found.append(int(fields["Pid"]))
    return found
