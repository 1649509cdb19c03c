"""A transcription handler over a job folder, without queues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings

from tests.tiny_whisper import MODEL
from tests.tiny_whisper.speech import Lesson
from thoth_infra.contract.queues import Stage
from workers.common.folder import FolderFiles
from workers.common.held import Quiet
from workers.common.messages import Request, now
from workers.common.ports import Job, Outcome, Work
from workers.common.transcript import Transcript
from workers.transcription import audio
from workers.transcription.device import Device, Host
from workers.transcription.engine import Engine
from workers.transcription.handler import Choices, Transcription

UNTIMED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
"""For properties: how fast a shared host draws examples says nothing."""

CPU = Device("cpu", "int8")
CPU_HOST = Host(None, 0, frozenset({"int8", "float32"}))
ARTEFACTS = ("transcript.json", "transcript.txt", "transcript.srt", "transcript.vtt")


def no_download(model: str, folder: Path) -> Path:
    """Stand for a network that must not be asked."""
    raise AssertionError(f"{model} was to be downloaded to {folder}")


def silence(seconds: float) -> Lesson:
    """Return a lesson in which nobody speaks."""
    return Lesson(np.zeros(int(seconds * audio.RATE), np.float32), (), ())


def handler(model: Any, /, **changes: Any) -> Transcription:
    """Return a handler over a model that is loaded already: chunks of 10 s, a checkpoint after each."""
    values: dict[str, Any] = {
        "model": str(MODEL),
        "models": Path("models"),
        "compute_type": "int8",
        "batch_size": 1,
        "allow_cpu": True,
        "checkpoint_seconds": 5,
        "chunk_seconds": 10,
    }
    choices = Choices(**{**values, **changes})
    made = Transcription(choices, lambda: CPU_HOST, no_download)
    made._engine = Engine(choices.model, CPU, choices.batch_size, model)
    return made


def job(root: Path, sound: Lesson | None = None, **params: Any) -> Job:
    """Return a job, with its sound where there is any."""
    files = FolderFiles(root).job("lesson-1")
    if sound is not None:
        with files.writing(audio.NAME) as path:
            sound.write(path)
    request = Request(job_id="lesson-1", stage=Stage.TRANSCRIPTION, trace_id="trace", requested_at=now(), params=params)
    return Job(request, files)


def run(worker: Transcription, job: Job, work: Work | None = None) -> Outcome:
    """Do the stage."""
    return worker.handle(job, worker.prepare(job), work or Quiet())


def transcript(job: Job) -> Transcript:
    """Return what was published."""
    return Transcript.model_validate_json(job.files.local("transcript.json").read_bytes())
