"""An orchestrator's surroundings in memory: queues on a clock that tests turn, and workers that do as they are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.workers.api.records import at
from thoth_infra.contract.queues import Stage
from workers.api.orchestrator.carriers import Requests
from workers.api.orchestrator.dispatch import Carrier, Dispatcher
from workers.api.orchestrator.erasure import Eraser
from workers.api.orchestrator.keeper import Keeper
from workers.api.orchestrator.ports import Alive, Policy, Ports
from workers.api.orchestrator.results import Results
from workers.api.store.engine import Database
from workers.api.store.models import Kind
from workers.api.store.objects import Objects
from workers.common.folder import FolderFiles, FolderJob
from workers.common.memory import MemoryQueue
from workers.common.messages import Failure, Request, Result, Status
from workers.common.ports import Delivery

LEASE_SECONDS = 60.0
VISIBILITY_SECONDS = 30.0
STAGE_SECONDS = 600.0


def alive() -> None:
    """Go on: nothing stops these tests."""


class Clock:
    """A time that stands still until it is turned."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> datetime:
        """Return the time."""
        return at(self.seconds)

    def monotonic(self) -> float:
        """Return it as the queues want it."""
        return self.seconds

    def turn(self, by: timedelta) -> None:
        """Let time pass."""
        self.seconds += by.total_seconds()


class Queue(MemoryQueue):
    """A queue that can be asked for its depth, and tells by the tests' clock when a message was sent."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(visibility_seconds=VISIBILITY_SECONDS, clock=clock.monotonic)
        self._time = clock
        self._sent_at: dict[str, datetime] = {}

    def send(self, body: str, attributes: Mapping[str, str] | None = None) -> None:
        """Put a message into the queue."""
        self._sent_at[f"m{len(self._sent_at) + 1}"] = self._time()
        super().send(body, attributes)

    def receive(self, wait_seconds: float) -> Delivery | None:
        """Return the oldest visible message."""
        found = super().receive(wait_seconds)
        return replace(found, sent_at=self._sent_at[found.id]) if found else None

    def depth(self) -> int:
        """Return how many messages it has."""
        return len(self.bodies())


@dataclass
class Posts:
    """``Post`` that remembers, and answers with what it is told."""

    status: int = 204
    error: Exception | None = None
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Take a webhook."""
        self.got.append((url, dict(headers), body))
        if self.error:
            raise self.error
        return self.status


@dataclass(frozen=True)
class FetchedFile:
    """A source that has been fetched."""

    name: str
    size: int


@dataclass
class Fetches:
    """``Fetch`` that writes a few bytes, or fails as it is told."""

    error: Exception | None = None
    count: int = 0

    def __call__(self, reference: dict[str, Any], name: str, files: FolderJob, alive: Alive) -> FetchedFile:
        """Fetch."""
        assert name
        self.count += 1
        alive()
        if self.error:
            raise self.error
        with files.writing("source.mp4") as path:
            path.write_text(str(reference))
        return FetchedFile("source.mp4", (files.path / "source.mp4").stat().st_size)


@dataclass
class System:
    """Everything of one test."""

    database: Database
    jobs_dir: Path
    objects: Objects | None = None
    clock: Clock = field(default_factory=Clock)
    posts: Posts = field(default_factory=Posts)
    fetches: Fetches = field(default_factory=Fetches)
    policy: Policy = field(
        default_factory=lambda: Policy(
            stage_seconds=dict.fromkeys(Stage, STAGE_SECONDS),
            transcript_days=90,
            job_files_days=7,
            audit_days=180,
            lease_seconds=LEASE_SECONDS,
        )
    )

    def __post_init__(self) -> None:
        """Make the queues, and what works with them."""
        self.stages = {stage: self._queue() for stage in Stage}
        self.results = self._queue()
        self.files = FolderFiles(self.jobs_dir)
        self.ports = Ports(
            database=self.database,
            results=self.results,
            stages=self.stages,
            files=self.files,
            fetch=self.fetches,
            post=self.posts,
            objects=self.objects,
            clock=self.clock,
        )
        self.eraser = Eraser(self.database, self.files, self.objects, self.clock)
        self.consumer = Results(self.ports, self.eraser, wait_seconds=0, visibility_seconds=VISIBILITY_SECONDS)
        self.keeper = Keeper(self.ports, self.policy, self.eraser, lambda: self.consumer.known_until)

    def dispatcher(self, kind: Kind, carrier: Carrier, **options: Any) -> Dispatcher:
        """Return what delivers a kind of parcel."""
        return Dispatcher(kind, self.database, carrier, self.clock, LEASE_SECONDS, **options)

    def dispatch(self) -> None:
        """Send every request that is due."""
        while self.dispatcher(Kind.REQUEST, Requests(self.ports), batch=10).step(alive):
            pass

    def consume(self) -> None:
        """Take every result that is there."""
        while self.consumer.step(alive):
            pass

    def reconcile(self) -> None:
        """Look for what is stuck, the way the keeper does: results that are there are taken first."""
        survey = self.keeper.survey()
        self.keeper.go_on(alive)
        self.consume()
        self.keeper.find_lost(survey, alive)

    def receive(self, stage: Stage) -> tuple[Delivery, Request] | None:
        """Take a request as a worker does."""
        delivery = self.stages[stage].receive(0)
        return (delivery, Request.model_validate_json(delivery.body)) if delivery else None

    def tell(self, request: Request, status: Status = Status.COMPLETED, *, retryable: bool = False) -> None:
        """Send a worker's result."""
        error = Failure(code="broken", message="it broke", hint="mend it", retryable=retryable)
        figures = {Status.COMPLETED: {"seconds": 1.0, "audio_seconds": 60.0}, Status.PROGRESS: {"percent": 50.0}}
        result = Result.of(
            request, status, metrics=figures.get(status), error=error if status == Status.FAILED else None
        )
        self.results.send(result.model_dump_json())

    def work(self, stage: Stage, status: Status = Status.COMPLETED, *, retryable: bool = False) -> Request:
        """Do one request that waits, and have its result recorded."""
        taken = self.receive(stage)
        assert taken, f"nothing waits for {stage}"
        delivery, request = taken
        self.tell(request, status, retryable=retryable)
        if status != Status.PROGRESS:
            self.stages[stage].delete(delivery)
        self.consume()
        return request

    def run(self) -> None:
        """Let every job come to its end, with workers that complete everything."""
        busy = True
        while busy:
            busy = False
            self.dispatch()
            for stage in Stage:
                while taken := self.receive(stage):
                    busy = True
                    self.tell(taken[1])
                    self.stages[stage].delete(taken[0])
            self.consume()

    def _queue(self) -> Queue:
        return Queue(self.clock)
