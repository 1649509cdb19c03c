"""While it works: messages stay invisible, and the heart beats as long as everything turns."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from tests.workers.common.rig import DEADLINE_SECONDS, Gate, MakeRig, Rig, Scribe, Steps, until
from workers.common import loop
from workers.common.errors import RetryableError
from workers.common.ports import Delivery, Job, Work


def test_messages_stay_invisible_for_longer_than_the_time_out(make_rig: MakeRig) -> None:
    rig, gate = make_rig(visibility_seconds=1), Gate()
    extended: list[str] = []
    extend = rig.queue.extend

    def noting(delivery: Delivery, seconds: float) -> None:
        extended.append(delivery.id)
        extend(delivery, seconds)

    rig.inbox.extend = noting
    with rig.working(Scribe(gate.work), prefetch=1):
        rig.send("first", "second")
        # At a third of the time-out: seven times are more than twice the time-out.
        until(lambda: extended.count("m1") > 7 and extended.count("m2") > 7)
        assert rig.queue.invisible() == 2
        gate.open()
        until(rig.empty)
    assert [result.job_id for result in rig.completed()] == ["first", "second"]


def test_but_not_for_longer_than_a_job_may_take(make_rig: MakeRig) -> None:
    rig, gate = make_rig(visibility_seconds=1), Gate()
    with rig.working(Scribe(gate.hang), job_seconds=0.5):
        rig.send("lesson")
        until(lambda: gate.inside)
        until(lambda: rig.queue.invisible() == 0, "the end of the time-out")
        gate.open()
        until(lambda: rig.completed())
        rig.clock.turn(1)
        until(rig.empty)


def test_a_keeper_that_can_not_reach_the_queue_goes_on(make_rig: MakeRig) -> None:
    rig, gate = make_rig(visibility_seconds=3), Gate()
    failures = iter([ValueError("what no adapter should raise")])
    extended: list[str] = []
    extend = rig.queue.extend

    def flaky(delivery: Delivery, seconds: float) -> None:
        if failure := next(failures, None):
            raise failure
        extend(delivery, seconds)
        extended.append(delivery.id)

    rig.inbox.extend = flaky
    with rig.working(Scribe(gate.work)):
        rig.send("lesson")
        until(lambda: extended)
        gate.open()
        until(rig.empty)


def test_a_late_extension_does_not_undo_a_pause(make_rig: MakeRig) -> None:
    rig, gate = make_rig(visibility_seconds=1), Gate()
    extending, release = threading.Event(), threading.Event()
    extend = rig.queue.extend

    def slowly(delivery: Delivery, seconds: float) -> None:
        if not extending.is_set():
            extending.set()
            assert release.wait(DEADLINE_SECONDS)
        extend(delivery, seconds)
        extended.append(seconds)

    extended: list[float] = []
    left = threading.Event()

    def doing(*_: object) -> None:
        gate.hang()
        left.set()
        raise RetryableError("flaky", "not now")

    rig.inbox.extend = slowly
    rig.run(Scribe(doing))
    rig.send("lesson")
    assert extending.wait(DEADLINE_SECONDS)  # the keeper is about to prolong
    gate.open()
    assert left.wait(DEADLINE_SECONDS)
    time.sleep(0.2)  # time enough for a pause that does not wait for the keeper
    release.set()
    until(lambda: sorted(extended) == [1, 30])
    rig.clock.turn(25)
    assert rig.queue.invisible() == 1


def test_a_receiver_that_fails_over_one_message_takes_the_next(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    job = type(rig.files).job
    failures = iter([OSError("what nobody foresaw")])

    def flaky(self: object, job_id: str) -> object:
        if failure := next(failures, None):
            raise failure
        return job(rig.files, job_id)

    monkeypatch.setattr(type(rig.files), "job", flaky)
    with rig.working(Scribe()):
        rig.send("first", "second")
        until(lambda: rig.completed("second"))
        rig.clock.turn(rig.options.visibility_seconds)
        until(rig.empty)
    assert rig.completed("first")


def test_it_is_healthy_while_it_turns_and_not_when_the_handler_is_stuck(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, steps = Gate(), Steps(10, None)
    monkeypatch.setattr(loop, "_TICK_SECONDS", 0.01)
    with rig.working(Scribe(gate.hang), protection=steps, patience_seconds=0.5) as running:
        until(rig.heartbeat.exists)
        rig.send("lesson")
        until(running.loop._stuck, "that it is found stuck")
        rig.heartbeat.unlink()
        stuck_at = steps.count
        until(lambda: steps.count > stuck_at + 150)  # longer than the second between two heartbeats
        assert not rig.heartbeat.exists()
        gate.open()
        until(rig.heartbeat.exists, "that it is healthy again")
        until(rig.empty)


def test_it_is_not_healthy_when_nobody_receives_any_more(rig: Rig) -> None:
    polling, release = threading.Event(), threading.Event()

    def receive(_: float) -> Delivery | None:
        polling.set()
        release.wait(DEADLINE_SECONDS)
        return None

    rig.inbox.receive = receive
    with rig.working(Scribe(), patience_seconds=0.5) as running:
        assert polling.wait(DEADLINE_SECONDS)
        until(running.loop._stuck)
        release.set()
        until(lambda: not running.loop._stuck())


def test_checkpoints_are_signs_of_life(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_TICK_SECONDS", 0.01)
    looks, done = itertools.count(), threading.Event()

    def doing(_: Job, work: Work) -> None:
        while not done.wait(0.01):
            work.checkpoint()
            next(looks)

    with rig.working(Scribe(doing), patience_seconds=0.5):
        rig.send("lesson")
        until(lambda: next(looks) > 100)  # a second at least
        rig.heartbeat.unlink()
        until(rig.heartbeat.exists)
        done.set()
        until(rig.empty)
