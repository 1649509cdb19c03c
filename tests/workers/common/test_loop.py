"""The loop: jobs that end well, once each, in turn."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from tests.workers.common.rig import ARTEFACT, Rig, Scribe, raising, until
from workers.common.errors import StageError
from workers.common.logs import JsonFormatter
from workers.common.messages import Status
from workers.common.ports import Job, Work


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
