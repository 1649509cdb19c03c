"""Queues that fail for a while, and jobs that another worker holds: nothing is lost, nothing done twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.workers.common.rig import MakeRig, Rig, Scribe, poison, until
from workers.common import stage
from workers.common.folder import FolderJob
from workers.common.memory import MemoryQueue
from workers.common.ports import Delivery, QueueError


class Failing(MemoryQueue):
    """An outbox whose first sends fail."""

    failures = 0

    def send(self, body: str, attributes: Mapping[str, str] | None = None) -> None:
        if self.failures:
            self.failures -= 1
            raise QueueError("500 Internal Server Error")
        super().send(body, attributes)


def test_a_result_that_can_not_be_sent_is_sent_later_and_nothing_is_done_twice(make_rig: MakeRig) -> None:
    rig = make_rig(visibility_seconds=100_000)  # it is not what brings the message back
    rig.outbox = rig._results = outbox = Failing(clock=rig.clock)
    outbox.failures = 2
    scribe = Scribe()

    with rig.working(scribe):
        rig.send("lesson")

        def told() -> bool:
            rig.clock.turn(0.2)
            return rig.empty()

        until(told)

    assert scribe.runs == ["lesson"]
    assert [result.status for result in rig.results()] == ["completed"]


def test_a_failure_that_can_not_be_told_is_told_later(rig: Rig) -> None:
    rig.outbox = rig._results = outbox = Failing(clock=rig.clock)
    outbox.failures = 1

    with rig.working(Scribe(poison)):
        rig.send("lesson")

        def told() -> bool:
            rig.clock.turn(0.2)
            return rig.empty()

        until(told)

    assert [result.status for result in rig.results()] == ["failed"]
    assert {found["code"] for found in rig.dead.attributes()} == {"bad_sound"}


def test_progress_that_can_not_be_sent_does_not_matter(rig: Rig) -> None:
    rig.outbox = rig._results = outbox = Failing(clock=rig.clock)
    outbox.failures = 1
    with rig.working(Scribe(lambda _, work: work.progress(1))):
        rig.send("lesson")
        until(rig.empty)
    assert [result.status for result in rig.results()] == ["completed"]


@pytest.mark.parametrize("error", [QueueError("500"), KeyError("what no adapter should raise")], ids=repr)
def test_a_queue_that_fails_for_a_while_is_waited_for(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0.001)
    failures = iter([error] * 5)
    receive = rig.queue.receive

    def flaky(wait_seconds: float) -> Delivery | None:
        if failure := next(failures, None):
            raise failure
        return receive(wait_seconds)

    rig.inbox.receive = flaky
    with rig.working(Scribe()):
        rig.send("lesson")
        until(rig.empty)

    assert len(rig.completed()) == 1
    assert [vars(line)["again_in"] for line in rig.log() if "could not be read" in line.message] == [1, 2, 4, 8, 16]


def test_a_dead_letter_queue_that_fails_leaves_the_message_where_it_is(rig: Rig) -> None:
    rig.dead = dead = Failing(clock=rig.clock)
    dead.failures = 1
    with rig.working(Scribe()):
        rig.queue.send("no request")
        rig.send("lesson")
        until(lambda: rig.completed())
        rig.clock.turn(rig.options.visibility_seconds)
        until(rig.empty)
    assert dead.bodies() == ["no request"]


def test_whoever_finds_a_job_busy_tries_again_and_the_pauses_grow(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "LOCK_PATIENCE_SECONDS", 0.0)
    scribe = Scribe()
    with rig.files.job("lesson").lock(0), rig.working(scribe):
        rig.send("lesson")
        for tries, pause in ((1, 15), (2, 30), (3, 60)):
            until(lambda tries=tries: len(rig.pauses()) == tries)  # type: ignore[misc]
            assert rig.pauses()[-1] == pause
            rig.clock.turn(pause)
        until(lambda: len(rig.pauses()) == 4)
    assert scribe.runs == []
    rig.clock.turn(120)

    with rig.working(scribe):
        until(rig.empty)
    assert scribe.runs == ["lesson"]
    assert not rig.dead.bodies()


def test_the_last_delivery_waits_for_a_busy_job(make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue would bury it when it comes again, although whoever holds the job may be dead."""
    monkeypatch.setattr(stage, "LOCK_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(stage, "_LOCK_STEP_SECONDS", 0.01)
    tries: list[float] = []
    lock = FolderJob.lock

    def counting(self: FolderJob, patience_seconds: float) -> Any:
        tries.append(patience_seconds)
        return lock(self, patience_seconds)

    rig, scribe = make_rig(max_receives=1), Scribe()
    with rig.working(scribe):
        with rig.files.job("lesson").lock(0):
            monkeypatch.setattr(FolderJob, "lock", counting)
            rig.send("lesson")
            until(lambda: len(tries) > 3)
            assert rig.queue.invisible() == 1
        until(rig.empty)

    assert scribe.runs == ["lesson"]
    assert len(rig.completed()) == 1
    assert not rig.dead.bodies()
