"""The loop: what it does with jobs that end well, end badly, or are not jobs at all."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.workers.common.rig import ARTEFACT, Gate, Rig, Scribe, request, until
from workers.common import stage
from workers.common.errors import HostError, PoisonError, RetryableError, StageError
from workers.common.folder import FolderJob
from workers.common.logs import JsonFormatter
from workers.common.memory import MemoryQueue
from workers.common.messages import Status
from workers.common.ports import Delivery, Job, QueueError, Work

MakeRig = Callable[..., Rig]


def raising(error: BaseException) -> Any:
    def doing(*_: object) -> None:
        raise error

    return doing


def poison(*_: object) -> None:
    raise PoisonError("bad_sound", "there is none", "send some")


def test_a_job_is_done_and_told(rig: Rig) -> None:
    with rig.working(Scribe(metrics={"words": 3}), hourly_cost=3600.0):
        rig.send("lesson")
        until(rig.empty)

    (result,) = rig.results()
    assert (result.job_id, result.stage, result.status, result.attempt) == ("lesson", rig.options.stage, "completed", 1)
    assert result.artefacts == (ARTEFACT,)
    assert set(result.metrics) == {"words", "seconds", "audio_seconds", "cost"}
    assert result.metrics["words"] == 3
    assert result.error is None
    assert rig.text() == "words of lesson"
    assert rig.litter() == []
    names = {name for line in rig.stream.getvalue().splitlines() for name in json.loads(line)}
    assert {"JobsCompleted", "StageSeconds", "QueueSeconds", "RealTimeFactor", "CostPerAudioMinute"} <= names


def test_jobs_are_done_in_turn(rig: Rig) -> None:
    jobs = [f"job{number}" for number in range(30)]
    rig.send(*jobs)
    scribe = Scribe()

    with rig.working(scribe, prefetch=1):
        until(rig.empty)

    assert scribe.runs == jobs
    assert [result.job_id for result in rig.completed()] == jobs


def test_the_same_message_twice_is_one_run_and_two_equal_results(rig: Rig) -> None:
    rig.send("lesson")
    rig.queue.send(rig.queue.bodies()[0])
    scribe = Scribe(metrics={"words": 3})

    with rig.working(scribe):
        until(rig.empty)

    assert scribe.runs == ["lesson"]
    first, second = rig.results()
    assert first == second
    assert len([line for line in rig.stream.getvalue().splitlines() if json.loads(line).get("JobsCompleted")]) == 1


def test_a_higher_attempt_does_it_anew(rig: Rig) -> None:
    rig.send("lesson")
    rig.send("lesson", attempt=2)
    rig.send("lesson", attempt=1)  # late: what is there is newer
    scribe = Scribe()

    with rig.working(scribe):
        until(rig.empty)

    assert scribe.runs == ["lesson", "lesson"]
    assert [result.attempt for result in rig.completed()] == [1, 2, 1]


@pytest.mark.parametrize("harm", ["removed", "changed"])
def test_a_stage_whose_artefact_is_not_whole_is_done_again(rig: Rig, harm: str) -> None:
    scribe = Scribe()
    with rig.working(scribe):
        rig.send("lesson")
        until(rig.empty)
        path = rig.files.job("lesson").local(ARTEFACT)
        path.unlink() if harm == "removed" else path.write_text("words of LESSON")
        rig.send("lesson")
        until(lambda: len(rig.completed()) == 2)

    assert scribe.runs == ["lesson", "lesson"]
    assert rig.text() == "words of lesson"


def test_two_workers_and_doubled_messages_are_one_run_of_each_job(rig: Rig) -> None:
    jobs = [f"job{number}" for number in range(20)]
    for job in jobs:
        rig.send(job, job)
    scribe = Scribe()

    with rig.working(scribe, prefetch=1), rig.working(scribe), rig.working(scribe):

        def done() -> bool:
            rig.clock.turn(0.2)  # so that those who found a job busy try again
            return rig.empty()

        until(done)

    assert sorted(scribe.runs) == sorted(jobs)
    for job in jobs:
        first, second = rig.completed(job)
        assert first == second
    assert rig.litter() == []
    assert not rig.dead.bodies()


def test_what_may_work_later_comes_again_after_growing_pauses(rig: Rig) -> None:
    failures = iter([RetryableError("flaky", "not now"), RetryableError("flaky", "not now")])

    def doing(*_: object) -> None:
        if error := next(failures, None):
            raise error

    scribe = Scribe(doing)
    with rig.working(scribe):
        rig.send("lesson")
        for tries, pause in ((1, 30), (2, 60)):
            until(lambda tries=tries: len(scribe.runs) == tries and rig.queue.invisible())  # type: ignore[misc]
            until(lambda tries=tries: _again_in(rig) == [30, 60][:tries])  # type: ignore[misc]
            rig.clock.turn(pause - 5)
            assert rig.queue.invisible() == 1
            rig.clock.turn(5)
        until(rig.empty)

    assert scribe.runs == ["lesson"] * 3
    assert [result.status for result in rig.results()] == ["completed"]
    assert not rig.dead.bodies()


def _again_in(rig: Rig) -> list[int]:
    return [vars(line)["again_in"] for line in rig.log() if "again_in" in vars(line)]


def test_in_its_last_delivery_it_is_buried_with_the_reason(make_rig: MakeRig) -> None:
    rig = make_rig(max_receives=2)
    error = RetryableError("flaky", "not now", "wait for better weather")

    with rig.working(Scribe(raising(error))):
        rig.send("lesson")
        body = rig.queue.bodies()[0]

        def buried() -> bool:
            rig.clock.turn(1)
            return rig.empty()

        until(buried)

    assert rig.dead.bodies() == [body]
    reasons = {"code": "flaky", "reason": "not now", "hint": "wait for better weather", "service": "transcription"}
    assert rig.dead.attributes() == [reasons]
    (result,) = rig.results()
    assert result.status is Status.FAILED
    assert result.error
    assert result.error.model_dump() == {
        "code": "flaky", "message": "not now", "hint": "wait for better weather", "retryable": True,
    }  # fmt: skip


@pytest.mark.parametrize("where", ["preparing", "doing"])
def test_poison_is_buried_at_once(rig: Rig, where: str) -> None:
    with rig.working(Scribe(**{where: poison})):  # type: ignore[arg-type]
        rig.send("lesson")
        until(rig.empty)

    assert [found["code"] for found in rig.dead.attributes()] == ["bad_sound"]
    (result,) = rig.results()
    assert result.error and (result.error.code, result.error.retryable) == ("bad_sound", False)
    (line,) = rig.stream.getvalue().splitlines()
    assert json.loads(line)["JobsFailed"] == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"version": 2}, "unknown_version"),
        ({"version": 10**3000}, "unknown_version"),
        ({"surprise": 1}, "bad_message"),
        ({"job_id": "../../etc"}, "bad_message"),
        ({"stage": "music-terms"}, "wrong_stage"),
    ],
)
def test_what_is_no_request_is_buried_with_a_line_in_the_log(rig: Rig, change: dict[str, Any], code: str) -> None:
    body = json.dumps({**request().model_dump(mode="json"), **change})
    scribe = Scribe()

    with rig.working(scribe):
        rig.queue.send(body)
        rig.send("next")  # it does not stand in the way
        until(rig.empty)

    assert scribe.runs == ["next"]
    assert rig.dead.bodies() == [body]
    (found,) = rig.dead.attributes()
    assert found["code"] == code
    assert [r.job_id for r in rig.results()] == ["next"]
    (line,) = [line for line in rig.log() if line.levelno >= logging.ERROR]
    assert vars(line)["code"] == code
    assert vars(line)["reason"] == found["reason"]
    assert len(found["reason"]) < 2000


def test_an_unknown_version_says_which_and_what_to_do(rig: Rig) -> None:
    with rig.working(Scribe()):
        rig.queue.send(json.dumps({**request().model_dump(mode="json"), "version": 7}))
        until(rig.empty)

    (found,) = rig.dead.attributes()
    assert "version 7" in found["reason"] and "version 1" in found["reason"]
    assert "deploy" in found["hint"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "full"), "disk_full"),
        (OSError(errno.EDQUOT, "quota"), "disk_full"),
        (OSError(errno.EIO, "broken"), "storage_error"),
        (OSError(errno.ESTALE, "stale"), "storage_error"),
        (OSError(errno.ENOLCK, "no lock"), "no_lock"),
        (MemoryError(), "out_of_memory"),
        (KeyError("glossary"), "unexpected"),
        (PermissionError(errno.EACCES, "no"), "unexpected"),
        (ValueError("a name that is not UTF-8: \udcff"), "unexpected"),
        (RetryableError("gpu_busy", "later"), "gpu_busy"),
    ],
    ids=repr,
)
def test_errors_that_nobody_foresaw_are_never_poison(make_rig: MakeRig, error: Exception, code: str) -> None:
    rig = make_rig(max_receives=2)

    with rig.working(Scribe(raising(error))) as running:
        rig.send("lesson")
        until(lambda: rig.queue.invisible())

        def buried() -> bool:
            rig.clock.turn(1)
            return rig.empty()

        until(buried)
        assert not running.ended

    assert [found["code"] for found in rig.dead.attributes()] == [code]
    (result,) = rig.failed()
    assert result.error and (result.error.code, result.error.retryable) == (code, True)


def test_figures_that_no_json_can_hold_do_not_cost_the_result(rig: Rig) -> None:
    scribe = Scribe(
        metrics={"loudness": float("-inf"), "share": float("nan"), "words": 3},
        doing=lambda _, work: work.progress(float("nan")),
    )
    with rig.working(scribe):
        rig.send("lesson", "lesson")
        until(rig.empty)

    assert scribe.runs == ["lesson"]
    assert [{"loudness", "share", "words"} & set(result.metrics) for result in rig.completed()] == [{"words"}] * 2
    assert [result.metrics for result in rig.results(status=Status.PROGRESS)] == [{"percent": 0}]


def test_a_worker_whose_host_has_failed_hands_back_and_ends(rig: Rig) -> None:
    rig.send("first", "second")
    failure = HostError("gpu_lost", "the GPU has fallen off the bus", "replace the instance")
    running = rig.run(Scribe(raising(failure)), prefetch=1)
    running.join()

    assert running.error is failure
    assert rig.queue.invisible() == 0
    assert rig.results() == []

    with rig.working(Scribe()):
        until(rig.empty)
    assert sorted(result.job_id for result in rig.completed()) == ["first", "second"]


def test_a_job_that_takes_too_long_is_ended_at_a_checkpoint(make_rig: MakeRig) -> None:
    rig, gate = make_rig(max_receives=1), Gate()
    with rig.working(Scribe(gate.work), job_seconds=0.1):
        rig.send("lesson")
        until(rig.empty)

    (result,) = rig.failed()
    assert result.error and (result.error.code, result.error.retryable) == ("timed_out", True)
    assert "job_seconds" in result.error.hint


def test_progress_is_told_but_not_all_the_time(rig: Rig) -> None:
    def doing(_: Job, work: Work) -> None:
        for percent in (-1, 50, 101):
            work.progress(percent)

    with rig.working(Scribe(doing)):
        rig.send("lesson")
        until(rig.empty)

    progress, completed = rig.results()
    assert (progress.status, progress.metrics) == ("progress", {"percent": 0})
    assert completed.status == "completed"


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
            until(lambda tries=tries: len(_again_in(rig)) == tries)  # type: ignore[misc]
            assert _again_in(rig)[-1] == pause
            rig.clock.turn(pause)
        until(lambda: len(_again_in(rig)) == 4)
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


@pytest.mark.parametrize("error", [StageError("no_model", "none"), ZeroDivisionError("by zero")], ids=repr)
def test_who_can_not_start_says_why_and_takes_no_message(rig: Rig, error: Exception) -> None:
    rig.send("lesson")
    running = rig.run(Scribe(starting=raising(error)))
    running.join()

    assert isinstance(running.error, StageError)
    assert running.error.code == ("no_model" if isinstance(error, StageError) else "unexpected")
    assert rig.queue.invisible() == 0
    assert not rig.heartbeat.exists()


def test_lines_of_the_handler_carry_job_and_trace(rig: Rig) -> None:
    log = logging.getLogger("workers.test")
    seen: list[dict[str, Any]] = []

    def note(*_: object) -> None:
        record = log.makeRecord(log.name, logging.INFO, "f", 1, "here", (), None)
        seen.append(json.loads(JsonFormatter("s").format(record)))

    with rig.working(Scribe(note, note)):
        rig.send("one")
        until(rig.empty)
        rig.send("two")
        until(rig.empty)

    assert [(line["job_id"], line["trace_id"]) for line in seen] == [
        ("one", "trace-one"), ("one", "trace-one"), ("two", "trace-two"), ("two", "trace-two"),
    ]  # fmt: skip
