"""After an erasure nothing of a job is found: no row, no file, no version of any object."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import select

from tests.workers.api.orchestrator.aws import Account
from tests.workers.api.orchestrator.system import System, alive
from tests.workers.api.records import TENANT, at, complete, job, submit, tell
from thoth_infra.contract.queues import Stage
from workers.api.orchestrator.carriers import Archives
from workers.api.orchestrator.dispatch import Dispatcher
from workers.api.orchestrator.routine import Stopping
from workers.api.store import audit, jobs, transcripts, uploads
from workers.api.store.engine import Database
from workers.api.store.models import Base, Job, JobState, Kind
from workers.api.store.objects import Objects
from workers.common.messages import Status

FILES = {"source.mp4", "audio.wav", "audio.json", "transcript.json", "terms.json", "manifest.json"}


@pytest.fixture
def system(database: Database, jobs_dir: Path, account: Account) -> System:
    """A system with buckets."""
    return System(database, jobs_dir, Objects(account.s3, "media", "archive"))


def _archiving(system: System) -> Dispatcher:
    return system.dispatcher(Kind.ARCHIVE, Archives(system.ports, system.eraser))


def _erase(system: System, job_id: str) -> None:
    with system.database.write() as session:
        jobs.erase(session, jobs.find(session, TENANT, job_id, lock=True), key_id="k" * 26, at=system.clock())


def _finished(system: System, **fields: Any) -> str:
    job_id = submit(system.database, **fields)
    for name in FILES:
        with system.files.job(job_id).writing(name) as path:
            path.write_text(name)
    complete(system.database, job_id, seconds=0)
    return job_id


def _rows(system: System, job_id: str) -> dict[str, int]:
    """Return how many rows of each table name the job in any column."""
    found: dict[str, int] = {}
    with system.database.read() as session:
        for table in Base.metadata.sorted_tables:
            rows = [row for row in session.execute(select(table)).mappings() if job_id in repr(dict(row))]
            found |= {table.name: len(rows)} if rows else {}
    return found


def test_finished_jobs_are_archived_without_what_can_be_made_anew(system: System, account: Account) -> None:
    job_id = _finished(system)
    assert _archiving(system).step(alive)
    assert account.keys("archive") == {f"jobs/{job_id}/{name}" for name in FILES - {"audio.wav"}}
    assert job(system.database, job_id).archived_at == system.clock()
    objects = system.objects
    assert objects and objects.kept(job_id, "terms.json") == b"terms.json"
    assert objects.kept(job_id, "nothing.json") is None
    assert objects.stream(job_id, "nothing.json") is None
    ranged = objects.stream(job_id, "source.mp4", "bytes=2-4")
    assert ranged and ranged["Body"].read() == b"urc"


def test_after_an_erasure_nothing_of_the_job_is_found(system: System, account: Account) -> None:
    job_id = _finished(system, name="secret name.mp4", webhook_url="https://example.com/hook")
    other = _finished(system)
    _archiving(system).step(alive)
    _archiving(system).step(alive)
    with system.database.write() as session:
        found = jobs.find(session, TENANT, job_id, lock=True)
        transcripts.save(session, found, expected=1, original="{}", content="{}", key_id=None, at=at())
    # Two versions of an object, one that was deleted, and an upload beside the archive.
    for _ in range(2):
        account.s3.put_object(Bucket="archive", Key=f"jobs/{job_id}/terms.json", Body=b"again")
    account.s3.delete_object(Bucket="archive", Key=f"jobs/{job_id}/terms.json")
    account.s3.put_object(Bucket="media", Key=f"jobs/{job_id}/source.mp4", Body=b"upload")
    before = account.keys("archive")
    assert _rows(system, job_id).keys() >= {"jobs", "attempts", "outbox", "transcripts"}
    _erase(system, job_id)
    assert system.dispatcher(Kind.ERASE, system.eraser).step(alive)
    assert _rows(system, job_id) == {"audit": 1}
    assert not (system.jobs_dir / job_id).exists()
    assert system.objects and system.objects.left(job_id) == []
    with system.database.read() as session:
        (stone,) = audit.page(session, TENANT)
    assert (stone.action, stone.job_id, stone.key_id) == ("erased:asked", job_id, "k" * 26)
    # And nothing of another job is touched.
    assert {key for key in before if other in key} == account.keys("archive")
    assert (system.jobs_dir / other).is_dir() and job(system.database, other).state == JobState.COMPLETED


def test_a_job_whose_id_begins_like_another_is_another(system: System, account: Account) -> None:
    account.s3.put_object(Bucket="media", Key="jobs/abcd/x", Body=b"")
    assert system.objects and system.objects.erase("abc") == 0
    assert account.keys("media") == {"jobs/abcd/x"}


def test_an_erasure_that_fails_half_way_is_done_again(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = _finished(system)
    _archiving(system).step(alive)
    _erase(system, job_id)
    assert system.objects
    whole, calls = system.objects.s3.delete_object, 0

    def failing(**arguments: str) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise ClientError({"Error": {"Code": "SlowDown"}}, "DeleteObject")
        return whole(**arguments)

    monkeypatch.setattr(system.objects.s3, "delete_object", failing)
    dispatcher = system.dispatcher(Kind.ERASE, system.eraser)
    dispatcher.step(alive)
    # Until everything else is gone the row stays, or nobody would know what there is to erase.
    assert job(system.database, job_id).state == JobState.DELETING
    system.clock.seconds += 60
    dispatcher.step(alive)
    assert system.objects.left(job_id) == []
    assert _rows(system, job_id) == {"audit": 1}


def test_a_job_that_is_erased_while_it_is_archived_leaves_no_object(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = _finished(system)
    whole = Objects.keep

    def keep(objects: Objects, wanted: str, path: Path, *rest: object) -> None:
        if path.name == "source.mp4":
            # Held open by this carrier, as a file that is being read is.
            content = path.read_bytes()
            _erase(system, job_id)
            system.dispatcher(Kind.ERASE, system.eraser).step(alive)
            path.parent.mkdir()
            path.write_bytes(content)
        whole(objects, wanted, path)

    monkeypatch.setattr(Objects, "keep", keep)
    _archiving(system).step(alive)
    assert system.objects and system.objects.left(job_id) == []
    assert not (system.jobs_dir / job_id).exists()
    assert _rows(system, job_id) == {"audit": 1}


def test_a_stop_ends_the_archiving_of_a_large_file_and_the_next_start_goes_on(system: System) -> None:
    job_id = _finished(system)
    with system.files.job(job_id).writing("source.mp4") as path, path.open("wb") as file:
        file.truncate(40 << 20)
    calls = 0

    def stopping() -> None:
        nonlocal calls
        calls += 1
        if calls > 12:
            raise Stopping

    with pytest.raises(Stopping):
        _archiving(system).step(stopping)
    assert job(system.database, job_id).archived_at is None
    assert _archiving(system).step(alive)
    assert job(system.database, job_id).archived_at is not None


def test_an_upload_that_never_ended_leaves_no_part_in_the_bucket(system: System, account: Account) -> None:
    assert system.objects
    with system.database.write() as session:
        new = uploads.NewUpload(TENANT, "a.mp4", 10, 10, "source.mp4")
        key = system.objects.key(new.id, new.source)
        begun = account.s3.create_multipart_upload(Bucket="media", Key=key)
        uploads.create(session, replace(new, s3_upload_id=begun["UploadId"]), at=at())
    account.s3.upload_part(Bucket="media", Key=key, UploadId=begun["UploadId"], PartNumber=1, Body=b"x")
    system.clock.seconds += 8 * 86400
    system.keeper.clear(alive)
    assert "Uploads" not in account.s3.list_multipart_uploads(Bucket="media")
    # An upload that somebody else has ended is no reason to fail.
    system.objects.abort(new.id, new.source, begun["UploadId"])


def test_a_failed_job_is_not_archived(system: System, account: Account) -> None:
    job_id = submit(system.database)
    tell(system.database, job_id, Stage.AUDIO_EXTRACTION, Status.FAILED, seconds=0)
    assert not _archiving(system).step(alive)
    assert account.keys("archive") == set()
    with system.database.read() as session:
        assert session.get(Job, job_id)
