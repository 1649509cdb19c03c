"""The SQS queues between the orchestrator and the workers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """A step of one job, in the order in which the orchestrator requests them."""

    AUDIO_EXTRACTION = "audio-extraction"
    TRANSCRIPTION = "transcription"
    MUSIC_TERMS = "music-terms"


@dataclass(frozen=True)
class Queue:
    """A work queue; each has a dead-letter queue beside it, named with the suffix ``-dlq``."""

    name: str
    description: str


STAGE_QUEUES: dict[Stage, Queue] = {
    stage: Queue(stage.value, f"Requests for the {stage.value} stage, one message per job") for stage in Stage
}
RESULTS = Queue("results", "Results and progress of every stage, read by the orchestrator")

QUEUES: tuple[Queue, ...] = (*STAGE_QUEUES.values(), RESULTS)
