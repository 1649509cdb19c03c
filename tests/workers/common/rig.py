"""One stage in memory: queues whose clock can be turned, a handler whose steps a test decides, loops in threads."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from thoth_infra.contract import metrics as contract_metrics
from thoth_infra.contract.queues import Stage
from thoth_infra.contract.services import TRANSCRIPTION
from workers.common.errors import PoisonError
from workers.common.folder import FolderFiles
from workers.common.health import Heartbeat
from workers.common.loop import Loop
from workers.common.memory import MemoryQueue
from workers.common.messages import Request, Result, Status, now
from workers.common.metrics import Metrics
from workers.common.options import Options, Ports
from workers.common.ports import Delivery, Inbox, Job, Outbox, Outcome, Work
from workers.common.protection import Protection
from workers.common.settle import Settling

ARTEFACT = "transcript.txt"
STAGE = Stage.TRANSCRIPTION
SERVICE = TRANSCRIPTION
# Far more than anything here takes, even on a machine that is busy with other things.
DEADLINE_SECONDS = 60.0


def until(condition: Callable[[], object], what: str = "it") -> None:
    """Wait for ``condition``; fail when it has not come true after a long time."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {DEADLINE_SECONDS:g} seconds"
        time.sleep(0.01)


def request(job_id: str = "lesson", **fields: Any) -> Request:
    """Return a request for the rig's stage."""
    return Request(job_id=job_id, stage=STAGE, trace_id=f"trace-{job_id}", requested_at=now(), **fields)


@dataclass
class Clock:
    """Real seconds, and those that a test has skipped."""

    skipped: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.skipped

    def turn(self, seconds: float) -> None:
        self.skipped += seconds


class QuickQueue(MemoryQueue):
    """A queue whose long polls are short, so that loops end soon after they are told to."""

    def receive(self, wait_seconds: float) -> Delivery | None:
        return super().receive(min(wait_seconds, 0.05))


def _nothing(*_: object) -> None:
    return None


@dataclass
class Scribe:
    """A handler that writes one artefact; ``starting``, ``preparing`` and ``doing`` are what a test lets it do."""

    doing: Callable[[Job, Work], object] = _nothing
    preparing: Callable[[Job], object] = _nothing
    starting: Callable[[Work], object] = _nothing
    metrics: dict[str, float] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)

    def start(self, work: Work) -> None:
        self.starting(work)

    def prepare(self, job: Job) -> str:
        self.prepared.append(job.request.job_id)
        self.preparing(job)
        return f"words of {job.request.job_id}"

    def handle(self, job: Job, prepared: str, work: Work) -> Outcome:
        self.runs.append(job.request.job_id)
        self.doing(job, work)
        with job.files.writing(ARTEFACT) as path:
            path.write_text(prepared)
        return Outcome((ARTEFACT,), audio_seconds=60.0, metrics=self.metrics)


def raising(error: BaseException) -> Any:
    """Return a handler's step that fails."""

    def step(*_: object) -> None:
        raise error

    return step


def poison(*_: object) -> None:
    """A handler's step that no repeat mends."""
    raise PoisonError("bad_sound", "there is none", "send some")


@dataclass
class Gate:
    """Where a handler waits until the test opens it; ``inside`` counts who came."""

    inside: int = 0
    _open: threading.Event = field(default_factory=threading.Event)

    def hang(self, *_: object) -> None:
        """Wait without a checkpoint, as a library does."""
        self.inside += 1
        assert self._open.wait(DEADLINE_SECONDS)

    def work(self, _: object, work: Work) -> None:
        """Wait with checkpoints, as a handler should."""
        self.inside += 1
        while not self._open.wait(0.01):
            work.checkpoint()

    def open(self) -> None:
        self._open.set()


class Steps(Protection):
    """Counts the steps of a loop, and holds them up while ``held`` is set."""

    count = 0
    held: threading.Event | None = None

    def hold(self, working: bool) -> None:  # noqa: ARG002 - as in the base class
        self.count += 1
        if self.held:
            assert self.held.wait(DEADLINE_SECONDS)


class Running:
    """A loop in a thread; ``error`` is what it ended with."""

    def __init__(self, loop: Loop[Any]) -> None:
        self.loop = loop
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Tell it to stop, and wait for its end."""
        self.loop.stop()
        self.join()

    def join(self) -> None:
        until(lambda: self.ended, "the end of the loop")

    def _run(self) -> None:
        try:
            self.loop.run()
        except Exception as error:
            self.error = error


class Rig:
    """A stage with its three queues and its folder."""

    def __init__(
        self,
        root: Path,
        caplog: pytest.LogCaptureFixture,
        max_receives: int | None = None,
        visibility_seconds: float = 1000,
    ) -> None:
        caplog.set_level(logging.INFO, logger="workers")
        self._caplog = caplog
        self.clock = Clock()
        self.dead = MemoryQueue(clock=self.clock)
        self.inbox: Any = QuickQueue(visibility_seconds, max_receives, self.dead, self.clock)
        self.queue: MemoryQueue = self.inbox
        self.outbox: Outbox = (outbox := MemoryQueue(clock=self.clock))
        self._results = outbox
        self.files = FolderFiles(root)
        self.root = root
        self.heartbeat = root.parent / "health"
        self.stream = io.StringIO()
        self.options = Options(STAGE, visibility_seconds, job_seconds=600, stop_seconds=30, wait_seconds=1)
        self._loops: list[Running] = []

    def send(self, *job_ids: str, **fields: Any) -> None:
        """Request the stage for each job."""
        for job_id in job_ids:
            self.queue.send(request(job_id, **fields).model_dump_json())

    def settling(self) -> Settling:
        metrics = Metrics(contract_metrics.NAMESPACE, "test", SERVICE.name, self.stream)
        inbox: Inbox = self.inbox
        return Settling(SERVICE, inbox, self.outbox, self.dead, metrics)

    def run(self, handler: Any, protection: Protection | None = None, **options: Any) -> Running:
        """Start a worker; ``protection`` is asked at every step of its loop."""
        loop = Loop(
            handler,
            Ports(self.inbox, self.outbox, self.files),
            self.settling(),
            replace(self.options, **options),
            Heartbeat(self.heartbeat),
            protection or Protection(10, None),
        )
        self._loops.append(Running(loop))
        return self._loops[-1]

    @contextmanager
    def working(self, handler: Any, **options: Any) -> Iterator[Running]:
        """A worker for the block; it must end without an error."""
        running = self.run(handler, **options)
        try:
            yield running
        finally:
            running.stop()
        assert running.error is None

    def close(self) -> None:
        for running in self._loops:
            running.loop.stop()
        for running in self._loops:
            running.join()

    def results(self, job_id: str | None = None, status: Status | None = None) -> list[Result]:
        """Return what the orchestrator would read, oldest first."""
        found = [Result.model_validate_json(body) for body in self._results.bodies()]
        return [r for r in found if job_id in {None, r.job_id} and status in {None, r.status}]

    def completed(self, job_id: str | None = None) -> list[Result]:
        return self.results(job_id, Status.COMPLETED)

    def failed(self, job_id: str | None = None) -> list[Result]:
        return self.results(job_id, Status.FAILED)

    def empty(self) -> bool:
        return not self.queue.bodies()

    def text(self, job_id: str = "lesson") -> str:
        return self.files.job(job_id).local(ARTEFACT).read_text()

    def log(self) -> list[logging.LogRecord]:
        """Return what the workers have logged."""
        return [record for record in self._caplog.records if record.name.startswith("workers.")]

    def pauses(self) -> list[int]:
        """Return the seconds after which failed jobs were to come again, oldest first."""
        return [vars(line)["again_in"] for line in self.log() if "again_in" in vars(line)]

    def litter(self) -> list[str]:
        """Return what no job folder should hold when all is done: temporary files and locks."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob(".*"))


MakeRig = Callable[..., Rig]
