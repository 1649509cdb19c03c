"""What the loop and the handlers need from outside, as protocols; adapters live beside this module.

``Inbox`` and ``Outbox`` are the two sides of a queue; ``Files`` holds the job folders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from workers.common.messages import Request

Prepared = TypeVar("Prepared")


@dataclass(frozen=True)
class Delivery:
    """One message as it was received: ``receives`` counts this delivery too."""

    id: str
    body: str
    receipt: str
    receives: int
    sent_at: datetime


class Inbox(Protocol):
    """A queue, to the worker that reads it. Every method may raise ``QueueError``."""

    @property
    def max_receives(self) -> int | None:
        """Deliveries after which the queue itself moves a message to its dead-letter queue; None: never."""

    def receive(self, wait_seconds: int) -> Delivery | None:
        """Wait for a message; it stays invisible to others for the queue's visibility time-out."""

    def extend(self, delivery: Delivery, seconds: int) -> None:
        """Keep the message invisible for ``seconds`` from now; 0 hands it back at once."""

    def delete(self, delivery: Delivery) -> None:
        """Acknowledge the message: it is done with."""


class Outbox(Protocol):
    """A queue, to those who send to it."""

    def send(self, body: str, attributes: Mapping[str, str] | None = None) -> None:
        """Send one message; when this returns, the queue has it."""


class QueueError(Exception):
    """The queue could not be reached, or refused; retries inside the adapter are used up."""


class JobFiles(Protocol):
    """The folder of one job."""

    @property
    def job_id(self) -> str:
        """Whose folder it is."""

    def names(self) -> frozenset[str]:
        """Return the names of the whole artefacts, temporary files left out."""

    def local(self, name: str) -> Path:
        """Return a path to read ``name`` at; ``FileNotFoundError`` when there is none."""

    def writing(self, name: str) -> AbstractContextManager[Path]:
        """Yield a temporary path; when the block ends well, ``name`` appears whole and durable, else nothing does."""

    def remove(self, name: str) -> None:
        """Remove ``name``, if it is there."""

    def sweep(self) -> None:
        """Remove what killed writers left behind. Only under ``lock``."""

    def lock(self, patience_seconds: float) -> AbstractContextManager[None]:
        """Hold the job for oneself; raises ``Busy`` when another holds it for longer than ``patience_seconds``."""


class Files(Protocol):
    """Where job folders live."""

    def job(self, job_id: str) -> JobFiles:
        """Return a job's folder, which need not exist yet."""

    def jobs(self) -> Iterator[str]:
        """Yield the ids of the jobs that have a folder."""


@dataclass(frozen=True)
class Job:
    """What a handler is given."""

    request: Request
    files: JobFiles


class Work(Protocol):
    """A handler's line to the loop while it works."""

    def checkpoint(self) -> None:
        """Say that the handler lives; raises ``Stopped`` or a time-out when it shall not go on."""

    def progress(self, percent: float) -> None:
        """Tell the orchestrator how far the stage is, 0 to 100; also a checkpoint."""


@dataclass(frozen=True)
class Outcome:
    """A finished stage: artefacts by name, all of them durable.

    ``audio_seconds`` is the length of the lesson; ``metrics`` are further figures for the result and the manifest.
    """

    artefacts: tuple[str, ...]
    audio_seconds: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


class Handler(Protocol, Generic[Prepared]):
    """One stage's work. It knows no queue and no AWS."""

    def start(self, work: Work) -> None:
        """Make ready for the first job: load models, check the host. A ``StageError`` ends the worker."""

    def prepare(self, job: Job) -> Prepared:
        """Read what the job needs, in the background, while another job may be in work."""

    def handle(self, job: Job, prepared: Prepared, work: Work) -> Outcome:
        """Do the work and publish the artefacts."""
