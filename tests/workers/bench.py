"""Prints how quick the workers are beside what they wrap, and whether their memory grows: ``make bench-workers``.

Ratios within one run, with the tiny model on the CPU; exit 1 when a bound is missed. Of a GPU nothing is said.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.measure import Measure, Row, alternate, measured
from tests.tiny_whisper.corpus import Voices
from tests.tiny_whisper.speech import Lesson, lesson
from tests.workers.in_process import LoopRig
from tests.workers.music_terms import bench as music_terms
from tests.workers.rig import TINY_MODEL
from thoth_infra.contract.queues import Stage
from workers.common.folder import FolderFiles
from workers.common.held import Quiet
from workers.common.messages import Request, now
from workers.common.ports import Job, Outcome, Work
from workers.common.stage import perform
from workers.transcription import gpu, model_cache
from workers.transcription.handler import Choices, Prepared, Transcription

LESSON_SECONDS, QUEUE_LESSONS, RUNS = 600, 20, 3
MEMORY_JOBS = 200
BATCH = 8


def transcriber(folder: Path, chunk_seconds: float = 30) -> Transcription:
    """Return a started handler of the tiny model."""
    choices = Choices(str(TINY_MODEL), folder / "models", "int8", BATCH, True, 180, chunk_seconds)
    handler = Transcription(choices, gpu.host, model_cache.hub)
    handler.start(Quiet())
    return handler


def _job(files: FolderFiles, job_id: str, sound: Lesson) -> Job:
    made = files.job(job_id)
    with made.writing("audio.wav") as path:
        sound.write(path)
    return Job(_request(job_id), made)


def _request(job_id: str, attempt: int = 1) -> Request:
    return Request(
        job_id=job_id, stage=Stage.TRANSCRIPTION, attempt=attempt, trace_id="bench", requested_at=now(),
        params={"language": "en"},
    )  # fmt: skip


def beside_the_bare_pipeline(folder: Path) -> Iterator[Row]:
    """The whole stage, artefacts and checkpoints included, beside faster-whisper alone on the same file."""
    from faster_whisper import BatchedInferencePipeline

    handler = transcriber(folder)
    job = _job(FolderFiles(folder), "bare", lesson(LESSON_SECONDS, 3, voices=Voices.SEEN))
    path, model = str(job.files.local("audio.wav")), handler.engine.model
    pipeline = BatchedInferencePipeline(model)
    attempts = iter(range(1, 1000))

    def ours() -> float:
        again = Job(_request("bare", next(attempts)), job.files)
        began = time.perf_counter()
        perform(handler, again, handler.prepare(again), Quiet(), None)
        return time.perf_counter() - began

    def bare(run: Callable[..., Any], **options: Any) -> Callable[[], float]:
        def timed() -> float:
            began = time.perf_counter()
            segments, _ = run(path, language="en", beam_size=5, word_timestamps=True, **options)
            list(segments)
            return time.perf_counter() - began

        return timed

    batched = bare(pipeline.transcribe, batch_size=BATCH)
    sequential = bare(model.transcribe, vad_filter=True, condition_on_previous_text=False)
    alternate(1, ours, batched)
    worker, theirs, slow = alternate(RUNS, ours, batched, sequential)
    note = f"{LESSON_SECONDS} s of sound: {worker:.2f} s / {theirs:.2f} s"
    yield Row("transcription worker / bare batched pipeline", worker / theirs, "×", 1.05, note)
    yield Row("sequential / batched, bare", slow / theirs, "×", note=f"{slow:.2f} s / {theirs:.2f} s")


@dataclass
class _Timed:
    """A handler that remembers when it prepared and worked."""

    inner: Transcription
    prepared: dict[str, tuple[float, float]] = field(default_factory=dict)
    handled: list[tuple[str, float, float]] = field(default_factory=list)

    def start(self, work: Work) -> None:
        """Nothing: it has been started."""

    def prepare(self, job: Job) -> Prepared:
        began = time.perf_counter()
        found = self.inner.prepare(job)
        self.prepared[job.request.job_id] = (began, time.perf_counter())
        return found

    def handle(self, job: Job, prepared: Prepared, work: Work) -> Outcome:
        began = time.perf_counter()
        outcome = self.inner.handle(job, prepared, work)
        self.handled.append((job.request.job_id, began, time.perf_counter()))
        return outcome


def prefetching(folder: Path) -> Iterator[Row]:
    """How much of reading and cutting the next lesson goes on while the one before is in work."""
    files = FolderFiles(folder / "queue")
    handler = _Timed(transcriber(folder))
    rig = LoopRig(Stage.TRANSCRIPTION, handler, files, prefetch=1)
    for number in range(QUEUE_LESSONS):
        job_id = f"queued-{number}"
        _job(files, job_id, lesson(60, number, voices=Voices.SEEN))
        rig.inbox.send(_request(job_id).model_dump_json())
    rig.run_until(lambda: len(handler.handled) == QUEUE_LESSONS)
    waited = total = 0.0
    for (_, _, before), (job_id, _, _) in zip(handler.handled, handler.handled[1:], strict=False):
        began, ended = handler.prepared[job_id]
        total += ended - began
        # Only what is prepared after the job before has ended keeps the model waiting.
        waited += max(0.0, ended - max(before, began))
    note = f"{total:.2f} s of reading for {QUEUE_LESSONS} lessons, {waited:.2f} s of it waited for"
    yield Row("reading hidden by prefetching", 100 * (1 - waited / total), "%", None, note, 90)


def memory() -> Iterator[Row]:
    """Resident memory after 200 jobs over that after a tenth of them, each worker in a process of its own."""
    for stage in Stage:
        command = [sys.executable, "-m", "tests.workers.memory", stage.value, str(MEMORY_JOBS)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        early, late = (float(word) for word in done.stdout.split()[-2:])
        note = f"{early:.0f} MiB after {MEMORY_JOBS // 10}, {late:.0f} MiB after {MEMORY_JOBS} jobs"
        yield Row(f"memory of {stage} over {MEMORY_JOBS} jobs", late / early, "×", 1.05, note)


MEASUREMENTS: dict[str, Measure] = {
    "bare": beside_the_bare_pipeline,
    "prefetch": prefetching,
    "terms": lambda _: music_terms.rows(),
    "memory": lambda _: memory(),
}


if __name__ == "__main__":
    sys.exit(measured(MEASUREMENTS, sys.argv[1:]))
