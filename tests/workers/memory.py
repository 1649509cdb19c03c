"""Prints a worker's resident memory in MiB after a tenth of so many jobs, and after all: ``… memory STAGE JOBS``."""

from __future__ import annotations

import gc
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.tiny_whisper.corpus import Voices
from tests.tiny_whisper.speech import lesson
from tests.workers.in_process import LoopRig
from tests.workers.lessons import video
from tests.workers.rig import TINY_MODEL
from thoth_infra.contract.queues import Stage
from workers.audio_extraction.confined import Limits
from workers.audio_extraction.handler import AudioExtraction
from workers.common.folder import FolderFiles
from workers.common.held import Quiet
from workers.common.messages import Request, now
from workers.common.ports import Job
from workers.common.stage import perform
from workers.music_terms.handler import MusicTerms
from workers.music_terms.source import GlossarySource
from workers.transcription import gpu, model_cache
from workers.transcription.handler import Choices, Transcription


def resident() -> float:
    """Return this process's resident memory, in MiB."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    (kib,) = (int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return kib / 1024


def main(stage: Stage, count: int) -> None:
    """Run ``count`` jobs of a stage through the worker's loop."""
    with tempfile.TemporaryDirectory(prefix="thoth-memory-") as scratch:
        root = Path(scratch)
        files = FolderFiles(root / "jobs")
        choices = Choices(str(TINY_MODEL), root / "models", "int8", 8, True, 180, 10)
        handlers: dict[Stage, Any] = {
            Stage.AUDIO_EXTRACTION: AudioExtraction(Limits(600), False),
            Stage.TRANSCRIPTION: Transcription(choices, gpu.host, model_cache.hub),
            Stage.MUSIC_TERMS: MusicTerms(GlossarySource(files.root)),
        }
        rig = LoopRig(stage, handlers[stage], files, prefetch=int(stage is Stage.TRANSCRIPTION))
        sources = [_made(root, handlers, seed) for seed in range(4)]
        for number in range(count):
            job = files.job(f"job-{number}")
            source = sources[number % len(sources)]
            for path in source.iterdir():
                if path.name in {"source.mp4", "audio.wav", "transcript.json"}:
                    with job.writing(path.name) as copy:
                        copy.write_bytes(path.read_bytes())
            rig.inbox.send(_request(f"job-{number}", stage).model_dump_json())
        found: list[float] = []

        def measured() -> bool:
            done = sum("completed" in body for body in rig.results.bodies())
            if done >= count // 10 and not found:
                found.append(resident())
            return done >= count

        rig.run_until(measured)
        sys.stdout.write(f"{found[0]:.1f} {resident():.1f}\n")


def _request(job_id: str, stage: Stage) -> Request:
    params = {"source": "source.mp4"} if stage is Stage.AUDIO_EXTRACTION else {}
    return Request(job_id=job_id, stage=stage, trace_id="memory", requested_at=now(), params=params)  # type: ignore[arg-type]


def _made(root: Path, handlers: dict[Stage, Any], seed: int) -> Path:
    """Take a lesson through all stages, so that each finds what it needs."""
    files = FolderFiles(root / "sources")
    job = files.job(f"source-{seed}")
    with job.writing("source.mp4") as path:
        video(lesson(6 + 2 * seed, seed, voices=Voices.SEEN), path)
    for stage, handler in handlers.items():
        if seed == 0:
            handler.start(Quiet())
        todo = Job(_request(job.job_id, stage), job)
        perform(handler, todo, handler.prepare(todo), Quiet(), None)
    return job.path


if __name__ == "__main__":
    main(Stage(sys.argv[1]), int(sys.argv[2]))
