"""What is stuck goes on, and what is too old goes away."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.workers.api.orchestrator.system import STAGE_SECONDS, VISIBILITY_SECONDS, System, alive
from tests.workers.api.records import TENANT, at, attempts, complete, job, parcels, submit, tell
from thoth_infra.contract.queues import Stage
from workers.api.orchestrator import keeper
from workers.api.orchestrator.carriers import Archives
from workers.api.store import audit, glossary, jobs, transcripts, uploads
from workers.api.store.errors import NotFound
from workers.api.store.models import Attempt, Job, JobState, Kind
from workers.common.messages import Status
from workers.common.ports import QueueError
from workers.music_terms import files

AUDIO, SPEECH, TERMS = Stage
LONG = timedelta(seconds=STAGE_SECONDS + 1)
DAY = timedelta(days=1)


def _drop(system: System, stage: Stage) -> None:
    """Lose a message: its worker was killed in the last delivery."""
    taken = system.receive(stage)
    assert taken
    system.stages[stage].delete(taken[0])


def test_a_lost_request_is_made_anew_and_a_job_that_loses_them_all_fails(system: System) -> None:
    job_id = submit(system.database, webhook_url="https://example.com/hook")
    for attempt in (1, 2, 3):
        system.dispatch()
        _drop(system, AUDIO)
        system.reconcile()
        assert attempts(system.database, job_id)[-1] == ("audio-extraction", attempt, "requested")
        system.clock.turn(LONG)
        system.reconcile()
    found = job(system.database, job_id)
    assert (found.state, found.error_code) == (JobState.FAILED, "timed_out")
    assert "601 seconds" in str(found.error_message)
    assert len(parcels(system.database, Kind.WEBHOOK)) == 1


def test_a_job_that_waits_in_a_long_queue_is_not_lost(system: System) -> None:
    job_id = submit(system.database)
    system.dispatch()
    for _ in range(50):
        system.clock.turn(timedelta(hours=1))
        system.reconcile()
    assert attempts(system.database, job_id) == [("audio-extraction", 1, "requested")]


def test_a_request_that_the_queue_has_forgotten_after_days_is_made_anew(system: System) -> None:
    job_id = submit(system.database)
    system.dispatch()
    _drop(system, AUDIO)
    # Other jobs keep the queue from being empty.
    system.stages[AUDIO].send("{}")
    system.clock.turn(timedelta(days=4, seconds=1))
    system.reconcile()
    assert attempts(system.database, job_id)[-1][1] == 2


def test_a_silent_worker_is_waited_for_as_long_as_it_may_have_the_message(system: System) -> None:
    job_id = submit(system.database)
    system.dispatch()
    system.work(AUDIO, Status.PROGRESS)
    for _ in range(4):
        system.clock.turn(timedelta(seconds=STAGE_SECONDS))
        system.reconcile()
    assert attempts(system.database, job_id) == [("audio-extraction", 1, "running")]
    system.clock.turn(timedelta(seconds=1))
    system.reconcile()
    assert attempts(system.database, job_id) == [
        ("audio-extraction", 1, "failed"),
        ("audio-extraction", 2, "requested"),
    ]


def test_what_has_not_left_is_not_lost(system: System) -> None:
    job_id = submit(system.database)
    system.clock.turn(10 * LONG)
    system.reconcile()
    assert attempts(system.database, job_id) == [("audio-extraction", 1, "requested")]


def test_a_queue_that_cannot_be_asked_is_not_taken_for_an_empty_one(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submit(system.database)
    system.dispatch()

    def away() -> int:
        raise QueueError("away")

    monkeypatch.setattr(system.stages[AUDIO], "depth", away)
    system.clock.turn(LONG)
    system.reconcile()
    assert attempts(system.database, job_id) == [("audio-extraction", 1, "requested")]


def test_a_job_that_waits_for_nothing_goes_on(system: System) -> None:
    job_id = submit(system.database)
    with system.database.write() as session:
        # As a release that knew fewer stages may have left it.
        session.execute(update(Attempt).values(state="completed", heard_at=at()))
        session.execute(update(Job).values(updated_at=at()))
    system.clock.turn(timedelta(hours=1))
    system.reconcile()
    assert attempts(system.database, job_id)[-1] == ("transcription", 1, "requested")


def test_the_glossary_file_follows_the_records(system: System) -> None:
    packaged = files.packaged()
    with system.database.write() as session:
        saved = glossary.save(session, packaged, expected=packaged.version, key_id=None, at=at())
    system.reconcile()
    assert files.read("glossary.json", (system.jobs_dir / "glossary.json").read_bytes()) == saved


def test_work_is_done_at_the_start_and_then_only_when_it_is_due(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    for name in ("go_on", "find_lost", "clear"):
        monkeypatch.setattr(type(system.keeper), name, lambda *_, name=name: done.append(name))
    system.keeper.step(alive)
    assert done == ["go_on", "clear"]
    # What was sent before the queues were asked has to be recorded first, also what a killed orchestrator had in hand.
    system.consume()
    system.keeper.step(alive)
    assert done == ["go_on", "clear"]
    system.clock.turn(timedelta(seconds=VISIBILITY_SECONDS))
    system.consume()
    for _ in range(3):
        system.keeper.step(alive)
    assert done == ["go_on", "clear", "find_lost"]


def test_a_result_that_waits_unread_is_no_loss(system: System) -> None:
    """After hours without an orchestrator the queues are empty, and the results full."""
    job_id = submit(system.database)
    system.dispatch()
    taken = system.receive(AUDIO)
    assert taken
    system.tell(taken[1])
    system.stages[AUDIO].delete(taken[0])
    system.clock.turn(10 * LONG)
    # An orchestrator that dies with the result in hand hides it from the next one for a while.
    assert system.results.receive(0)
    for _ in range(3):
        system.keeper.step(alive)
        system.consume()
        assert attempts(system.database, job_id) == [("audio-extraction", 1, "requested")]
    system.clock.turn(timedelta(seconds=VISIBILITY_SECONDS))
    system.consume()
    system.keeper.step(alive)
    assert attempts(system.database, job_id) == [
        ("audio-extraction", 1, "completed"),
        ("transcription", 1, "requested"),
    ]


def _finished(system: System) -> str:
    job_id = submit(system.database)
    with system.files.job(job_id).writing("source.mp4") as path:
        path.write_bytes(b"lesson")
    complete(system.database, job_id)
    return job_id


def _archive(system: System) -> None:
    with system.database.write() as session:
        session.execute(update(Job).where(Job.state == JobState.COMPLETED).values(archived_at=system.clock()))


def test_jobs_expire_with_everything(system: System) -> None:
    job_id = _finished(system)
    running = submit(system.database)
    system.clock.turn(90 * DAY)
    system.keeper.clear(alive)
    assert job(system.database, job_id).state == JobState.COMPLETED
    system.clock.turn(DAY)
    system.keeper.clear(alive)
    assert system.dispatcher(Kind.ERASE, system.eraser).step(alive)
    with system.database.read() as session:
        with pytest.raises(NotFound):
            jobs.find(session, TENANT, job_id)
        (stone,) = audit.page(session, TENANT)
        assert (stone.action, stone.job_id, stone.key_id) == ("erased:retention", job_id, None)
        assert jobs.find(session, TENANT, running)
    assert list(system.jobs_dir.iterdir()) == []


def test_folders_go_before_their_jobs_once_they_are_archived(system: System) -> None:
    kept, failed = _finished(system), submit(system.database)
    with system.files.job(failed).writing("source.mp4") as path:
        path.write_bytes(b"x")
    tell(system.database, failed, AUDIO, Status.FAILED)
    system.clock.turn(8 * DAY)
    system.keeper.clear(alive)
    assert [path.name for path in system.jobs_dir.iterdir()] == [kept]
    _archive(system)
    system.keeper.clear(alive)
    assert list(system.jobs_dir.iterdir()) == []
    assert job(system.database, kept).files_removed_at == system.clock()
    assert job(system.database, kept).state == JobState.COMPLETED


def test_a_job_that_was_corrected_after_its_folder_went_loses_the_new_one_too(system: System) -> None:
    job_id = _finished(system)
    _archive(system)
    system.clock.turn(8 * DAY)
    system.keeper.clear(alive)
    system.clock.turn(timedelta(hours=1))
    with system.database.write() as session:
        found = jobs.find(session, TENANT, job_id, lock=True)
        transcripts.save(session, found, expected=1, original="{}", content="{}", key_id=None, at=system.clock())
    tell(system.database, job_id, TERMS, attempt=2, seconds=system.clock.seconds)
    with system.files.job(job_id).writing("terms.json") as path:
        path.write_bytes(b"x")
    _archive(system)
    system.keeper.clear(alive)
    assert (system.jobs_dir / job_id).exists()
    system.clock.turn(8 * DAY)
    system.keeper.clear(alive)
    assert not (system.jobs_dir / job_id).exists()


def test_an_archive_that_there_is_none_of_keeps_the_folder(system: System) -> None:
    job_id = _finished(system)
    system.dispatcher(Kind.ARCHIVE, Archives(system.ports, system.eraser)).step(alive)
    system.clock.turn(30 * DAY)
    system.keeper.clear(alive)
    assert (system.jobs_dir / job_id / "source.mp4").exists()


def test_uploads_that_never_ended_go_and_others_stay(system: System) -> None:
    made = []
    for days in (0, 6):
        system.clock.seconds = days * 86400.0
        with system.database.write() as session:
            new = uploads.NewUpload(TENANT, "a.mp4", 10, 10, "source.mp4")
            made.append(uploads.create(session, new, at=system.clock()).id)
        (system.jobs_dir / made[-1]).mkdir()
        (system.jobs_dir / made[-1] / ".upload").write_bytes(b"x")
    system.clock.turn(2 * DAY)
    system.keeper.clear(alive)
    assert [path.name for path in system.jobs_dir.iterdir()] == made[1:]
    with system.database.read() as session:
        assert uploads.find(session, TENANT, made[1])
        with pytest.raises(NotFound):
            uploads.find(session, TENANT, made[0])


def _age(path: Path, system: System, days: float) -> None:
    stamp = (system.clock() - timedelta(days=days)).timestamp()
    os.utime(path, (stamp, stamp))


def test_folders_that_a_crash_left_go_when_they_are_old(system: System) -> None:
    young, old, known = "0" * 26, "1" * 26, submit(system.database)
    for name, days in ((young, 6.0), (old, 8.0), (known, 8.0), ("lost+found", 99.0)):
        (system.jobs_dir / name).mkdir()
        _age(system.jobs_dir / name, system, days)
    (system.jobs_dir / "glossary.json").write_text("{}")
    system.keeper.clear(alive)
    assert {path.name for path in system.jobs_dir.iterdir()} == {young, known, "lost+found", "glossary.json"}


def _accesses(system: System, *days: float) -> None:
    with system.database.write() as session:
        for age in days:
            at = system.clock() - timedelta(days=age)
            audit.record(session, action=f"GET after {age:g} days", at=at, tenant=TENANT)


def test_accesses_are_forgotten_once_they_are_old_enough(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_ROWS", 2)
    _accesses(system, 400, 181, 200, 180.5, 179.9, 1, 0, 999)
    system.keeper.clear(alive)
    with system.database.read() as session:
        assert {row.action for row in audit.page(session, TENANT)} == {
            "GET after 179.9 days", "GET after 1 days", "GET after 0 days",
        }  # fmt: skip


def test_a_short_audit_trail_keeps_the_tombstones_that_are_needed(system: System) -> None:
    job_id = _finished(system)
    system.keeper.policy = replace(system.keeper.policy, audit_days=1)
    with system.database.write() as session:
        jobs.erase(session, jobs.find(session, TENANT, job_id), at=system.clock())
    system.dispatcher(Kind.ERASE, system.eraser).step(alive)
    system.clock.turn(timedelta(hours=25))
    system.keeper.clear(alive)
    with system.database.read() as session:
        assert audit.is_buried(session, job_id)
    system.clock.turn(timedelta(hours=2))
    system.keeper.clear(alive)
    with system.database.read() as session:
        assert not audit.is_buried(session, job_id)


def test_traces_that_appear_after_an_erasure_are_found(system: System) -> None:
    job_id = _finished(system)
    with system.database.write() as session:
        jobs.erase(session, jobs.find(session, TENANT, job_id), at=system.clock())
    system.dispatcher(Kind.ERASE, system.eraser).step(alive)
    with system.files.job(job_id).writing("audio.wav") as path:
        path.write_bytes(b"late")
    system.clock.turn(timedelta(hours=2))
    system.keeper.clear(alive)
    assert list(system.jobs_dir.iterdir()) == []
