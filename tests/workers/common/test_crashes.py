"""Artefact, manifest, result, delete: in this order, and a crash before or after any of them leads to a right end."""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.common.rig import ARTEFACT, SERVICE, STAGE, Clock, Scribe, request
from workers.common.errors import HostError, PoisonError, RetryableError
from workers.common.folder import FolderFiles, FolderJob
from workers.common.held import Held, Line
from workers.common.memory import MemoryQueue
from workers.common.messages import Request, Result, Status
from workers.common.metrics import Metrics
from workers.common.options import Options
from workers.common.ports import Delivery, Job
from workers.common.settle import Settling
from workers.common.working import Working


class Crash(BaseException):
    """The process dies: nothing catches it."""


@dataclass
class Journal:
    """What was done, in order; dies at the steps whose numbers are in ``crashes``, each counted from a new start."""

    crashes: list[int] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    _steps: int = 0

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Note a step; a crash comes before it or after it."""
        self._die()
        yield
        self.done.append(name)
        self._die()

    def _die(self) -> None:
        self._steps += 1
        if self.crashes and self._steps > self.crashes[0]:
            self.crashes.pop(0)
            self._steps = 0
            raise Crash

    def start(self) -> None:
        self._steps = 0


@dataclass(frozen=True)
class Files(FolderJob):
    """A folder whose renames are steps."""

    journal: Journal = field(default_factory=Journal)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        with self.journal.step(name), super().writing(name) as path:
            yield path


@dataclass
class Ports:
    """Both ends of the queues, whose requests are steps."""

    queue: MemoryQueue
    journal: Journal
    name: str

    @property
    def max_receives(self) -> int | None:
        return self.queue.max_receives

    def receive(self, wait_seconds: float) -> Delivery | None:
        return self.queue.receive(wait_seconds)

    def extend(self, delivery: Delivery, seconds: float) -> None:
        with self.journal.step("again"):
            self.queue.extend(delivery, seconds)

    def delete(self, delivery: Delivery) -> None:
        with self.journal.step("delete"):
            self.queue.delete(delivery)

    def send(self, body: str, attributes: Mapping[str, str] | None = None) -> None:
        with self.journal.step(self.name):
            self.queue.send(body, attributes)


class World:
    """One queue, one folder, and workers that die."""

    def __init__(self, root: Path, scribe: Scribe, crashes: list[int], max_receives: int | None = None) -> None:
        self.journal = Journal(crashes)
        self.scribe = scribe
        self.root = root
        self.clock = Clock()
        self.dead = MemoryQueue(clock=self.clock)
        self.queue = MemoryQueue(30, max_receives, self.dead, self.clock)
        self.results = MemoryQueue(clock=self.clock)
        self.inbox = Ports(self.queue, self.journal, "inbox")
        self.settling = Settling(
            SERVICE,
            self.inbox,
            Ports(self.results, self.journal, "result"),
            Ports(self.dead, self.journal, "bury"),
            Metrics("Thoth", "test", SERVICE.name, io.StringIO()),
        )

    def live(self) -> int:
        """Start workers, one after the other, until the queue is empty; return how many died."""
        deaths = 0
        while self.queue.bodies():
            self.journal.start()
            try:
                self._deliver()
            except Crash:
                deaths += 1
            self.clock.turn(1000)
        return deaths

    def _deliver(self) -> None:
        if not (delivery := self.inbox.receive(0)):
            return
        asked = Request.model_validate_json(delivery.body)
        held = Held(delivery, Job(asked, Files(asked.job_id, self.root / asked.job_id, self.journal)))
        held.prepared.set_result(self.scribe.prepare(held.job))
        stopping = threading.Event()
        options = Options(STAGE, 30, 600, 30)
        working = Working(self.scribe, self.settling, options, stopping, _no_host_fails)
        working.run(held, Line(asked, self.settling.results, stopping, 600))

    def told(self) -> list[Result]:
        return [Result.model_validate_json(body) for body in self.results.bodies()]

    def litter(self) -> list[Path]:
        return list(self.root.rglob(".*"))


def _no_host_fails(error: HostError) -> None:
    raise AssertionError(error)


ORDER = [ARTEFACT, "manifest.json", "result", "delete"]
STEPS = 2 * len(ORDER)


def test_artefact_manifest_result_delete(tmp_path: Path) -> None:
    world = World(tmp_path, Scribe(), [])
    world.queue.send(request().model_dump_json())

    assert world.live() == 0

    assert world.journal.done == ORDER


@settings(max_examples=150)
@given(crashes=st.lists(st.integers(0, STEPS - 1), max_size=5))
def test_wherever_workers_die_the_job_ends_right(crashes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), Scribe(metrics={"words": 3}), list(crashes))
        world.queue.send(request().model_dump_json())

        deaths = world.live()

        told = world.told()
        assert told and all(result == told[0] for result in told)
        assert told[0].status is Status.COMPLETED
        assert told[0].artefacts == (ARTEFACT,)
        assert FolderFiles(Path(folder)).job("lesson").local(ARTEFACT).read_text() == "words of lesson"
        assert world.litter() == []
        assert not world.dead.bodies()
        assert len(world.scribe.runs) <= deaths + 1
        # Once the manifest is there, nobody works again.
        assert world.journal.done.count("manifest.json") == 1


@settings(max_examples=100)
@given(crashes=st.lists(st.integers(0, STEPS - 1), max_size=4), poison=st.booleans())
def test_wherever_workers_die_a_failure_is_told_and_buried_with_its_reason(crashes: list[int], poison: bool) -> None:
    error = PoisonError("bad_sound", "none") if poison else RetryableError("flaky", "not now")

    def doing(*_: object) -> None:
        raise error

    # Each death costs a delivery: the queue's own dead-lettering is not what is looked at here.
    world_receives = len(crashes) + 2
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), Scribe(doing), list(crashes), max_receives=world_receives)
        world.queue.send(request().model_dump_json())

        world.live()

        reasons = [found["code"] for found in world.dead.attributes() if found]
        if poison:
            assert set(reasons) == {error.code}
            assert {result.status for result in world.told()} == {Status.FAILED}
        # Whatever happened: the message is in the dead-letter queue, and nobody was told that it is complete.
        assert world.dead.bodies()
        assert Status.COMPLETED not in {result.status for result in world.told()}
        assert world.litter() == []


def test_a_crash_after_the_result_tells_it_twice_and_works_once(tmp_path: Path) -> None:
    world = World(tmp_path, Scribe(), [2 * ORDER.index("result") + 1])
    world.queue.send(request().model_dump_json())

    assert world.live() == 1

    assert world.scribe.runs == ["lesson"]
    first, second = world.told()
    assert first == second
