"""Results: recorded before they are acknowledged, whatever state the database is in."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from tests.workers.api.orchestrator.system import VISIBILITY_SECONDS, System, alive
from tests.workers.api.records import TENANT, attempts, job, submit
from thoth_infra.contract.queues import Stage
from workers.api.orchestrator import results
from workers.api.orchestrator.routine import Stopping
from workers.api.store import jobs, stages
from workers.api.store.models import JobState, Kind
from workers.common.messages import Status

AUDIO, SPEECH, TERMS = Stage


def test_the_same_result_twice_is_recorded_once(system: System) -> None:
    job_id = submit(system.database)
    system.dispatch()
    taken = system.receive(AUDIO)
    assert taken
    system.tell(taken[1])
    system.tell(taken[1])
    system.consume()
    assert system.results.bodies() == []
    assert attempts(system.database, job_id) == [
        ("audio-extraction", 1, "completed"),
        ("transcription", 1, "requested"),
    ]


def test_progress_reaches_the_job(system: System) -> None:
    job_id = submit(system.database)
    system.dispatch()
    system.work(AUDIO, Status.PROGRESS)
    assert (job(system.database, job_id).state, job(system.database, job_id).percent) == (JobState.RUNNING, 50)


@pytest.mark.parametrize("change", [{"version": 2}, {"unknown": 1}, {"job_id": "../x"}])
def test_what_is_no_result_is_left_for_the_dead_letter_queue(
    system: System, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    job_id = submit(system.database)
    body = {"version": 1, "job_id": job_id, "stage": "audio-extraction", "attempt": 1, "status": "completed"}
    system.results.send(json.dumps({**body, **change}))
    system.consume()
    assert len(system.results.bodies()) == 1
    assert attempts(system.database, job_id) == [("audio-extraction", 1, "requested")]
    (record,) = [record for record in caplog.records if record.message == "message refused"]
    assert next(iter(change)) in vars(record)["reason"]


class _Away:
    """A database that is away for some calls."""

    def __init__(self, system: System, calls: int) -> None:
        self._whole = system.database
        self.left = calls

    def write(self) -> Any:
        if self.left:
            self.left -= 1
            raise OperationalError("connect", {}, Exception("no server"))
        return self._whole.write()

    def read(self) -> Any:
        return self._whole.read()


def test_a_result_waits_for_the_database_without_using_up_deliveries(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submit(system.database)
    system.dispatch()
    taken = system.receive(AUDIO)
    assert taken
    system.tell(taken[1])
    away = _Away(system, 3)
    object.__setattr__(system.ports, "database", away)
    monkeypatch.setattr(results, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(results, "_HOLD_SECONDS", 1e-9)
    assert system.consumer.step(alive)
    assert away.left == 0
    assert attempts(system.database, job_id)[0] == ("audio-extraction", 1, "completed")
    assert system.results.bodies() == []


def test_a_result_that_waits_goes_back_when_the_orchestrator_stops(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(system.database)
    system.dispatch()
    taken = system.receive(AUDIO)
    assert taken
    system.tell(taken[1])
    object.__setattr__(system.ports, "database", _Away(system, 99))
    monkeypatch.setattr(results, "_LOOK_SECONDS", 0.0)

    def stopping() -> None:
        raise Stopping

    with pytest.raises(Stopping):
        system.consumer.step(stopping)
    object.__setattr__(system.ports, "database", system.database)
    system.clock.turn(timedelta(seconds=VISIBILITY_SECONDS))
    system.consume()
    assert system.results.bodies() == []


def test_a_result_that_cannot_be_recorded_comes_again(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    submit(system.database)
    system.dispatch()
    taken = system.receive(AUDIO)
    assert taken
    system.tell(taken[1])
    whole = stages.record
    monkeypatch.setattr(stages, "record", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        system.consumer.step(alive)
    monkeypatch.setattr(stages, "record", whole)
    assert len(system.results.bodies()) == 1
    system.clock.turn(timedelta(seconds=VISIBILITY_SECONDS))
    system.consume()
    assert system.results.bodies() == []


def test_a_worker_that_did_not_know_its_job_was_erased_leaves_nothing(system: System) -> None:
    job_id = submit(system.database)
    system.dispatch()
    taken = system.receive(AUDIO)
    assert taken
    with system.database.write() as session:
        jobs.erase(session, jobs.find(session, TENANT, job_id), at=system.clock())
    assert system.dispatcher(Kind.ERASE, system.eraser).step(alive)
    with system.files.job(job_id).writing("audio.wav") as path:
        path.write_bytes(b"sound")
    system.tell(taken[1])
    system.consume()
    assert list(system.jobs_dir.iterdir()) == []
    assert system.results.bodies() == []


def test_results_of_strangers_remove_no_folder(system: System) -> None:
    """A folder without a job may be an upload under way."""
    folder = system.files.job("0" * 26)
    with folder.writing("source.mp4") as path:
        path.write_bytes(b"x")
    job_id = submit(system.database)
    system.dispatch()
    taken = system.receive(AUDIO)
    assert taken and taken[1].job_id == job_id
    system.tell(taken[1].model_copy(update={"job_id": "0" * 26}))
    system.consume()
    assert folder.names() == {"source.mp4"}
