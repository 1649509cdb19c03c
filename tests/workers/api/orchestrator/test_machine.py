"""The outbox and the results consumer as a state machine that may crash between any two steps.

A step is whatever the outside world can see: a commit, a message sent, received or deleted. Hypothesis chooses what
users, workers and the network do, and where the orchestrator dies; after every rule the machine looks whether each
open job still has something that will move it, and at the end everything has to come to its right end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.marks import slow
from tests.workers.api.conftest import empty
from tests.workers.api.orchestrator.system import LEASE_SECONDS, STAGE_SECONDS, VISIBILITY_SECONDS, System, alive
from tests.workers.api.records import TENANT
from thoth_infra.contract.queues import Stage
from workers.api.flow import Finish, GiveUp, Wait, next_stage
from workers.api.orchestrator.carriers import Requests
from workers.api.orchestrator.erasure import Eraser
from workers.api.orchestrator.keeper import Keeper
from workers.api.orchestrator.results import Results
from workers.api.orchestrator.webhooks import Webhooks
from workers.api.store import audit, jobs, outbox, stages, transcripts
from workers.api.store.engine import Database
from workers.api.store.errors import Conflict
from workers.api.store.models import Attempt, AttemptState, Job, JobState, Kind, Parcel
from workers.common.messages import Request, Result, Status
from workers.common.ports import Delivery

_TRANSCRIPT = (
    '{"version":1,"job_id":"j","language":"en","language_probability":1,"duration":1,"model":"m","settings":{},'
    '"confidence":1,"segments":[]}'
)


Place: TypeAlias = tuple[str, Stage, int]
"""Job, stage and attempt."""


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Fuse:
    """Crashes after so many steps; None: never."""

    left: int | None = None

    def step(self) -> None:
        """Do one step."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Crash


class FusedDatabase(Database):
    """Crashes before or after a commit; what is not committed by then is lost."""

    def __init__(self, whole: Database, fuse: Fuse) -> None:
        vars(self).update(vars(whole))
        self._whole = whole
        self._fuse = fuse

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Yield a session, as the whole one does."""
        with self._whole.write() as session:
            yield session
            self._fuse.step()
        self._fuse.step()


@dataclass
class FusedQueue:
    """Crashes before or after each call; a receipt that was overtaken is refused, as SQS may do."""

    whole: Any
    fuse: Fuse
    max_receives: None = None

    def send(self, body: str, attributes: Mapping[str, str] | None = None) -> None:
        """Send."""
        self.fuse.step()
        self.whole.send(body, attributes)
        self.fuse.step()

    def receive(self, wait_seconds: int) -> Delivery | None:
        """Receive."""
        found: Delivery | None = self.whole.receive(wait_seconds)
        self.fuse.step()
        return found

    def delete(self, delivery: Delivery) -> None:
        """Delete."""
        self.fuse.step()
        self.whole.delete(delivery)
        self.fuse.step()

    def extend(self, delivery: Delivery, seconds: int) -> None:
        """Change the visibility."""
        self.whole.extend(delivery, seconds)

    def depth(self) -> int:
        """Return how many messages it has."""
        return int(self.whole.depth())


@dataclass
class Sent:
    """A stage's queue that remembers what was ever sent to it."""

    whole: Any
    bodies: list[str] = field(default_factory=list)

    def send(self, body: str, attributes: Mapping[str, str] | None = None) -> None:
        """Send, and remember."""
        self.bodies.append(body)
        self.whole.send(body, attributes)

    def depth(self) -> int:
        """Return how many messages it has."""
        return int(self.whole.depth())


_MOST_JOBS = 3
crashes = st.none() | st.integers(0, 6)
outcomes = st.sampled_from(["completed", "completed", "completed", "passing", "poison", "progress", "lost"])


class Machine(RuleBasedStateMachine):
    """Users, workers, a network, and an orchestrator that may die at any step."""

    database: Database
    folder: Path

    @initialize()
    def begin(self) -> None:
        """Start with nothing."""
        empty(self.database)
        self.system = System(self.database, self.folder)
        self.fuse = Fuse()
        self.crashed = 0
        self.sent = {stage: Sent(queue) for stage, queue in self.system.stages.items()}
        self._boot()
        self.done: Counter[Place] = Counter()
        self.made: list[str] = []
        self.erased: set[str] = set()
        self.lost: set[Place] = set()

    def _boot(self) -> None:
        """Start the orchestrator: what it had in memory is gone."""
        fused = FusedDatabase(self.database, self.fuse)
        policy = replace(self.system.policy, reconcile_seconds=0.0)
        ports = replace(
            self.system.ports,
            database=fused,
            results=FusedQueue(self.system.results, self.fuse),
            stages={stage: FusedQueue(queue, self.fuse) for stage, queue in self.sent.items()},
        )
        eraser = Eraser(fused, ports.files, None, self.system.clock)
        self.consumer = consumer = Results(ports, eraser, wait_seconds=0, visibility_seconds=VISIBILITY_SECONDS)
        self.keeper = Keeper(ports, policy, eraser, lambda: consumer.known_until)
        dispatcher = self.system.dispatcher
        carriers = {
            Kind.REQUEST: dispatcher(Kind.REQUEST, Requests(ports), batch=3),
            Kind.ERASE: dispatcher(Kind.ERASE, eraser),
            Kind.WEBHOOK: dispatcher(Kind.WEBHOOK, Webhooks(ports.post, b"k" * 32, self.system.clock)),
        }
        self.dispatchers = {kind: replace(each, database=fused) for kind, each in carriers.items()}

    # What users do.

    @precondition(lambda self: len(self.made) < _MOST_JOBS)
    @rule()
    def submit(self) -> None:
        with self.database.write() as session:
            new = jobs.NewJob(TENANT, "a.mp4", source="source.mp4", webhook_url="https://example.com/hook")
            self.made.append(jobs.create(session, new, at=self.system.clock()).id)

    @precondition(lambda self: set(self.made) - self.erased)
    @rule(data=st.data(), what=st.sampled_from(["cancel", "retry", "correct", "erase"]))
    def change(self, data: st.DataObject, what: str) -> None:
        living = [job_id for job_id in self.made if job_id not in self.erased]
        job_id, at = data.draw(st.sampled_from(living)), self.system.clock()
        with suppress(Conflict), self.database.write() as session:
            job = jobs.find(session, TENANT, job_id, lock=True)
            match what:
                case "cancel":
                    jobs.cancel(session, job, at=at)
                case "retry":
                    jobs.retry(session, job, at=at)
                case "correct":
                    version, text = job.transcript_version, _TRANSCRIPT
                    transcripts.save(session, job, expected=version, original=text, content=text, key_id=None, at=at)
                case _:
                    jobs.erase(session, job, at=at)
                    self.erased.add(job_id)

    # What workers do.

    def _waits(self) -> bool:
        return any(queue.bodies() for queue in self.system.stages.values())

    @precondition(_waits)
    @rule(data=st.data(), outcome=outcomes, dies=st.booleans())
    def work(self, data: st.DataObject, outcome: str, dies: bool) -> None:
        stage = data.draw(st.sampled_from([stage for stage in Stage if self.system.stages[stage].bodies()]))
        if not (found := self.system.receive(stage)):
            return
        if outcome == "lost":
            # For good: its worker died in the last delivery.
            self.lost.add((found[1].job_id, found[1].stage, found[1].attempt))
            self.system.stages[stage].delete(found[0])
        else:
            self._do(stage, *found, outcome, dies)

    @precondition(lambda self: self.made)
    @rule(steps=st.integers(1, 3), crash=st.none() | st.integers(0, 30))
    def proceed(self, steps: int, crash: int | None) -> None:
        """Let a few stages go well, so that what comes after them is seen too; or die on the way."""
        with self._life(crash):
            for _ in range(steps):
                self.dispatchers[Kind.REQUEST].step(alive)
                for stage in Stage:
                    if found := self.system.receive(stage):
                        self._do(stage, *found, "completed", dies=False)
                while self.consumer.step(alive):
                    pass

    def _do(self, stage: Stage, delivery: Delivery, request: Request, outcome: str, dies: bool) -> None:
        place = (request.job_id, request.stage, request.attempt)
        if self.done[place]:
            # As the manifest of the job's folder tells a worker.
            outcome = "completed"
        if outcome == "completed":
            self.done[place] += 1
        status = {"completed": Status.COMPLETED, "progress": Status.PROGRESS}.get(outcome, Status.FAILED)
        self.system.tell(request, status, retryable=outcome == "passing")
        # Between the result and the acknowledgement a worker may die; then the message comes again.
        if not dies and outcome != "progress":
            self.system.stages[stage].delete(delivery)

    # What the orchestrator does.

    @contextmanager
    def _life(self, crash: int | None) -> Iterator[None]:
        self.fuse.left = crash
        try:
            yield
        except Crash:
            self.crashed += 1
            self._boot()
        finally:
            self.fuse.left = None

    def _is_due(self, *kinds: Kind) -> bool:
        with self.database.read() as session:
            return any(outbox.is_due(session, kind, at=self.system.clock()) for kind in kinds)

    @precondition(lambda self: self._is_due(Kind.REQUEST))
    @rule(crash=crashes)
    def request(self, crash: int | None) -> None:
        with self._life(crash):
            self.dispatchers[Kind.REQUEST].step(alive)

    @precondition(lambda self: self._is_due(Kind.ERASE, Kind.WEBHOOK))
    @rule(kind=st.sampled_from([Kind.ERASE, Kind.WEBHOOK]), crash=crashes)
    def deliver(self, kind: Kind, crash: int | None) -> None:
        with self._life(crash):
            self.dispatchers[kind].step(alive)

    @precondition(lambda self: self.system.results.bodies())
    @rule(crash=crashes)
    def consume(self, crash: int | None) -> None:
        with self._life(crash):
            self.consumer.step(alive)

    @rule(crash=crashes)
    def keep(self, crash: int | None) -> None:
        told, before = self._told(), self._timed_out()
        with self._life(crash):
            self.keeper.step(alive)
        assert not told & (self._timed_out() - before), "taken for lost, with its result in the queue"

    def _told(self) -> set[Place]:
        results = map(Result.model_validate_json, self.system.results.bodies())
        return {(each.job_id, each.stage, each.attempt) for each in results if each.status != Status.PROGRESS}

    def _timed_out(self) -> set[Place]:
        with self.database.read() as session:
            rows = session.scalars(select(Attempt).where(Attempt.error_code == "timed_out"))
            return {(row.job_id, row.stage, row.attempt) for row in rows}

    @rule(seconds=st.sampled_from([1.0, VISIBILITY_SECONDS, LEASE_SECONDS, STAGE_SECONDS + 1]))
    def wait(self, seconds: float) -> None:
        self.system.clock.turn(timedelta(seconds=seconds))

    # What always holds.

    @invariant()
    def every_open_job_has_something_that_will_move_it(self) -> None:
        waiting = {place: body for stage in Stage for place, body in self._places(self.system.stages[stage].bodies())}
        told = self._told()
        with self.database.read() as session:
            unsent = set(session.scalars(select(Parcel.key).where(Parcel.sent_at.is_(None))))
            for job in session.scalars(select(Job).where(Job.state.in_(stages.OPEN))):
                rows = session.scalars(select(Attempt).where(Attempt.job_id == job.id)).all()
                found = next_stage(rows)
                assert isinstance(found, Wait), f"{job.id} is open and {found}"
                place = (job.id, found.stage, found.attempt)
                moved = place in waiting or place in told or f"{job.id}:{found.stage}:{found.attempt}" in unsent
                # What the network has lost is found by the reconciliation, in time.
                assert moved or place in self.lost, f"nothing moves {place}"

    @invariant()
    def nothing_is_requested_twice_per_attempt(self) -> None:
        for queue in self.sent.values():
            counts = Counter(place for place, _ in self._places(queue.bodies))
            bodies = {place: {body for p, body in self._places(queue.bodies) if p == place} for place in counts}
            assert all(len(each) == 1 for each in bodies.values()), "one attempt, two different requests"
            # Only who dies between sending and noting it sends again.
            assert all(count <= 1 + self.crashed for count in counts.values()), counts

    @invariant()
    def stages_are_requested_in_order(self) -> None:
        order = list(Stage)
        with self.database.read() as session:
            rows = session.scalars(select(Attempt)).all()
        for row in rows:
            for before in order[: order.index(row.stage)]:
                assert any(r.job_id == row.job_id and r.stage == before and r.state == "completed" for r in rows)

    def _places(self, bodies: list[str]) -> list[tuple[Place, str]]:
        requests = [(Request.model_validate_json(body), body) for body in bodies]
        return [((request.job_id, request.stage, request.attempt), body) for request, body in requests]

    # How it ends.

    def teardown(self) -> None:
        """Let everything come to its end without further harm, and look at it."""
        if not hasattr(self, "system"):
            return
        for _ in range(40):
            self.system.clock.turn(timedelta(seconds=STAGE_SECONDS + LEASE_SECONDS))
            for kind, dispatcher in self.dispatchers.items():
                while dispatcher.step(alive):
                    assert kind
            for stage in Stage:
                while found := self.system.receive(stage):
                    self._do(stage, *found, "completed", dies=False)
            self.keeper.step(alive)
            while self.consumer.step(alive):
                pass
            self.keeper.step(alive)
            with self.database.read() as session:
                open_jobs = session.scalars(select(Job.id).where(Job.state.in_(stages.OPEN))).all()
                unsent = session.scalars(select(Parcel.kind).where(Parcel.sent_at.is_(None))).all()
            if not open_jobs and set(unsent) <= {Kind.ARCHIVE}:
                break
        self._look()

    def _look(self) -> None:
        with self.database.read() as session:
            left = {job.id: job for job in session.scalars(select(Job))}
            assert set(left) == set(self.made) - self.erased
            assert all(audit.is_buried(session, job_id) for job_id in self.erased)
            for job in left.values():
                rows = session.scalars(select(Attempt).where(Attempt.job_id == job.id)).all()
                assert job.state in {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}
                if job.state == JobState.COMPLETED:
                    assert isinstance(next_stage(rows), Finish)
                if job.state == JobState.FAILED:
                    late = any(
                        row.state == AttemptState.COMPLETED and row.finished_at == job.updated_at for row in rows
                    )
                    assert late or isinstance(next_stage(rows), GiveUp)
        for parcel in self._hooks():
            keys = [headers["Idempotency-Key"] for _, headers, _ in self.system.posts.got]
            assert 1 <= keys.count(parcel.key) <= 1 + self.crashed

    def _hooks(self) -> list[Parcel]:
        with self.database.read() as session:
            return list(session.scalars(select(Parcel).where(Parcel.kind == Kind.WEBHOOK)))


def _machine(database: Database, tmp_path: Path) -> type[Machine]:
    return type("BoundMachine", (Machine,), {"database": database, "folder": tmp_path})


@pytest.mark.parametrize("examples", [8, *slow(300)], ids=["few", "many"])
def test_nothing_is_lost_and_nothing_requested_twice_wherever_it_crashes(
    database: Database, tmp_path: Path, examples: int
) -> None:
    run_state_machine_as_test(
        _machine(database, tmp_path),
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        ),
    )
