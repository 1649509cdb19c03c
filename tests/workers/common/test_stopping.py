"""Stopping at every moment: what is held is visible again at once, nothing is half done, and the end comes in time."""

from __future__ import annotations

import threading

import pytest

from tests.workers.common.rig import DEADLINE_SECONDS, Gate, MakeRig, Rig, Scribe, Steps, until
from workers.common import loop
from workers.common.errors import PoisonError, RetryableError
from workers.common.ports import Delivery


@pytest.fixture(autouse=True)
def hands_back_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "HAND_BACK_SECONDS", 0.1)


def _is_free(rig: Rig, job_id: str = "lesson") -> bool:
    with rig.files.job(job_id).lock(0):
        return True


def test_an_idle_worker_ends_and_takes_nothing_more(rig: Rig) -> None:
    scribe = Scribe()
    running = rig.run(scribe)
    until(lambda: any("ready" in line.message for line in rig.log()))
    running.stop()
    rig.send("lesson")

    assert running.error is None
    assert rig.queue.invisible() == 0
    assert not rig.heartbeat.exists()


def test_a_job_in_work_is_handed_back_at_its_next_checkpoint(rig: Rig) -> None:
    gate = Gate()
    running = rig.run(Scribe(gate.work))
    rig.send("lesson")
    until(lambda: gate.inside)
    running.stop()

    assert running.error is None
    assert rig.queue.invisible() == 0
    assert rig.results() == []
    assert _is_free(rig)
    assert rig.litter() == []

    with rig.working(Scribe()):
        until(rig.empty)
    assert len(rig.completed()) == 1


def test_a_long_poll_in_flight_is_not_waited_for_longer_than_the_stop_time_out(rig: Rig) -> None:
    polling, release = threading.Event(), threading.Event()

    def receive(_: float) -> Delivery | None:
        polling.set()
        assert release.wait(DEADLINE_SECONDS)
        return None

    rig.inbox.receive = receive
    running = rig.run(Scribe(), stop_seconds=6)
    assert polling.wait(DEADLINE_SECONDS)
    running.stop()

    assert not release.is_set()  # the poll has not returned, and the worker is gone
    release.set()
    until(lambda: not [thread for thread in threading.enumerate() if thread.name == "receiver"])


def test_a_message_that_arrives_while_stopping_is_handed_back(rig: Rig) -> None:
    polling, release = threading.Event(), threading.Event()
    receive = rig.queue.receive

    def slowly(seconds: float) -> Delivery | None:
        polling.set()
        assert release.wait(DEADLINE_SECONDS)
        return receive(seconds)

    rig.inbox.receive = slowly
    scribe = Scribe()
    running = rig.run(scribe)
    assert polling.wait(DEADLINE_SECONDS)
    rig.send("lesson")
    running.loop.stop()
    release.set()
    running.join()

    assert scribe.runs == []
    assert len(rig.queue.bodies()) == 1
    assert rig.queue.invisible() == 0


def test_a_message_that_arrived_just_before_the_stop_is_handed_back(rig: Rig) -> None:
    gate, steps, scribe = Gate(), Steps(10, None), Scribe()
    scribe.doing = gate.hang
    running = rig.run(scribe, protection=steps, prefetch=1)
    rig.send("first")
    until(lambda: gate.inside)
    until(lambda: running.loop._asked == 1)
    steps.held = threading.Event()
    held_at = steps.count
    until(lambda: steps.count > held_at, "that the loop is held up")
    rig.send("second")
    until(lambda: "second" in scribe.prepared)
    running.loop.stop()
    steps.held.set()
    until(lambda: rig.queue.invisible() == 0, "the hand-back of both")
    gate.open()
    running.join()
    assert scribe.runs == ["first"]


def test_a_handler_that_hangs_loses_its_message_to_others_and_may_still_finish(rig: Rig) -> None:
    gate = Gate()
    running = rig.run(Scribe(gate.hang))
    rig.send("lesson")
    until(lambda: gate.inside)
    running.loop.stop()
    until(lambda: rig.queue.invisible() == 0, "the hand-back")
    assert not running.ended

    taken = rig.queue.receive(0)  # by another worker, so that the receipt of the first is an old one
    assert taken and taken.receives == 2
    gate.open()
    running.join()
    assert running.error is None
    assert len(rig.completed()) == 1

    rig.queue.extend(taken, 0)
    second = Scribe()
    with rig.working(second):
        until(rig.empty)
    assert second.runs == []
    first, again = rig.completed()
    assert first == again


def test_a_handler_that_never_returns_does_not_hold_up_the_end(rig: Rig) -> None:
    gate = Gate()
    running = rig.run(Scribe(gate.hang), stop_seconds=6)
    rig.send("lesson")
    until(lambda: gate.inside)
    running.stop()

    assert rig.queue.invisible() == 0
    assert running.error is None
    gate.open()
    until(lambda: rig.completed(), "the late end")


@pytest.mark.parametrize("error", [RetryableError("flaky", "too late"), PoisonError("bad_sound", "too late")], ids=repr)
def test_a_job_that_fails_after_it_was_handed_back_says_nothing(make_rig: MakeRig, error: Exception) -> None:
    rig, gate = make_rig(max_receives=2), Gate()

    def doing(*_: object) -> None:
        gate.hang()
        raise error

    running = rig.run(Scribe(doing))
    rig.send("lesson")
    until(lambda: gate.inside)
    running.loop.stop()
    until(lambda: rig.queue.invisible() == 0, "the hand-back")
    gate.open()
    running.join()

    assert rig.results() == []
    assert rig.dead.bodies() == []
    assert rig.queue.invisible() == 0  # and no pause was put on it
    with rig.working(Scribe()):
        until(rig.empty)
    assert len(rig.completed()) == 1


def test_the_next_job_is_prepared_while_the_first_works_and_both_are_handed_back(rig: Rig) -> None:
    gate = Gate()
    scribe = Scribe(gate.work)
    running = rig.run(scribe, prefetch=1)
    rig.send("first", "second", "third")
    until(lambda: len(scribe.prepared) == 2)
    assert scribe.runs == ["first"]
    assert rig.queue.invisible() == 2  # the third one is left to others
    running.stop()

    assert scribe.prepared == ["first", "second"]
    assert scribe.runs == ["first"]
    assert rig.queue.invisible() == 0
    with rig.working(Scribe()):
        until(rig.empty)
    assert len(rig.completed()) == 3


def test_a_job_that_is_still_being_prepared_is_handed_back_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "HAND_BACK_SECONDS", 2 * DEADLINE_SECONDS)  # not only when patience ends
    gate = Gate()
    scribe = Scribe(preparing=gate.hang)
    running = rig.run(scribe)
    rig.send("lesson")
    until(lambda: gate.inside)
    running.stop()

    assert scribe.runs == []
    assert rig.queue.invisible() == 0
    gate.open()


def test_stopped_while_waiting_for_a_busy_job(rig: Rig) -> None:
    scribe = Scribe()
    with rig.files.job("lesson").lock(0):
        running = rig.run(scribe)
        rig.send("lesson")
        until(lambda: any("begun" in line.message for line in rig.log()))
        running.stop()
    assert scribe.runs == []
    assert rig.queue.invisible() == 0


@pytest.mark.parametrize("looks", [True, False], ids=["checkpoints", "hangs"])
def test_stopped_while_starting(rig: Rig, looks: bool) -> None:
    gate = Gate()
    running = rig.run(Scribe(starting=(lambda work: gate.work(None, work)) if looks else gate.hang))
    until(lambda: gate.inside and rig.heartbeat.exists())
    rig.send("lesson")
    running.stop()

    assert running.error is None
    assert rig.queue.invisible() == 0
    assert not rig.heartbeat.exists()
    gate.open()


def test_stopped_before_it_has_begun(rig: Rig) -> None:
    gate = Gate()
    scribe = Scribe(starting=gate.hang)
    running = rig.run(scribe)
    rig.send("lesson")
    until(lambda: gate.inside)
    running.loop.stop()
    gate.open()  # the start ends well, and nothing is begun all the same
    running.join()
    assert running.error is None
    assert scribe.runs == []
    assert rig.queue.invisible() == 0


@pytest.mark.parametrize("hangs", [False, True], ids=["checkpoints", "hangs"])
def test_the_last_delivery_is_not_handed_back_without_a_word(make_rig: MakeRig, hangs: bool) -> None:
    """The queue would bury it when it comes again, and the orchestrator would wait for ever."""
    rig, gate = make_rig(max_receives=1), Gate()
    running = rig.run(Scribe(gate.hang if hangs else gate.work), stop_seconds=6)
    rig.send("lesson")
    until(lambda: gate.inside)
    running.stop()

    (result,) = rig.results()
    assert result.error and (result.error.code, result.error.retryable) == ("interrupted", True)
    assert [found["code"] for found in rig.dead.attributes()] == ["interrupted"]
    assert rig.empty()
    gate.open()
    until(lambda: not [thread for thread in threading.enumerate() if thread.name == "work"])


def test_told_twice_is_told_once(rig: Rig) -> None:
    """A second signal interrupts the first one's handler anywhere, also where it holds a lock."""
    event = threading.Event()
    running = rig.run(Scribe())
    until(lambda: any("ready" in line.message for line in rig.log()))

    class Interrupted(threading.Event):
        def set(self) -> None:
            running.loop.stop()  # the second signal, within the first one's set()
            event.set()
            super().set()

    interrupted = Interrupted()
    original, running.loop._stopping = running.loop._stopping, interrupted
    running.loop.stop()
    original.set()
    assert event.is_set()
    running.join()
