"""How jobs end that do not end well, and what is told of it."""

from __future__ import annotations

import errno
import json
import logging
from typing import Any

import pytest

from tests.workers.common.rig import Gate, MakeRig, Rig, Scribe, poison, raising, request, until
from workers.common.errors import HostError, RetryableError
from workers.common.messages import Status


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
            until(lambda tries=tries: rig.pauses() == [30, 60][:tries])  # type: ignore[misc]
            rig.clock.turn(pause - 5)
            assert rig.queue.invisible() == 1
            rig.clock.turn(5)
        until(rig.empty)

    assert scribe.runs == ["lesson"] * 3
    assert [result.status for result in rig.results()] == ["completed"]
    assert not rig.dead.bodies()


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
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
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
