"""Transcripts, keys, audit, glossary, uploads: what the store keeps beside the jobs."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.workers.api.records import TENANT, at, complete, job, parcels, requests, submit, tell
from thoth_infra.contract.queues import Stage
from workers.api.store import audit, glossary, jobs, keys, outbox, transcripts, uploads
from workers.api.store.engine import Database
from workers.api.store.errors import Conflict, NotFound, VersionMismatch
from workers.api.store.models import ApiKey, JobState, Kind, Upload
from workers.common.messages import Status
from workers.music_terms import files, source
from workers.music_terms.glossary import Category, Glossary, Term

AUDIO, SPEECH, TERMS = Stage


def _save(database: Database, job_id: str, expected: int, content: str) -> int:
    with database.write() as session:
        found = jobs.find(session, TENANT, job_id, lock=True)
        return transcripts.save(
            session, found, expected=expected, original="the model's", content=content, key_id="key", at=at(100)
        )


def _content(database: Database, job_id: str, version: int | None = None) -> str | None:
    with database.read() as session:
        return transcripts.content(session, jobs.find(session, TENANT, job_id), version)


def test_corrections_are_versions_and_the_terms_are_looked_for_anew(database: Database) -> None:
    job_id = submit(database, webhook_url="https://example.com/hook")
    complete(database, job_id)
    assert _content(database, job_id) is None
    assert _save(database, job_id, 1, "second") == 2
    found = job(database, job_id)
    assert (found.state, found.stage, found.finished_at) == (JobState.RUNNING, TERMS, None)
    assert [(r.stage, r.attempt) for r in requests(database, job_id)][-1] == (TERMS, 2)
    assert _save(database, job_id, 2, "third") == 3
    assert [_content(database, job_id, n) for n in (1, 2, 3, None)] == ["the model's", "second", "third", "third"]
    tell(database, job_id, TERMS, attempt=2)
    assert job(database, job_id).state == JobState.RUNNING
    tell(database, job_id, TERMS, attempt=3)
    assert job(database, job_id).state == JobState.COMPLETED
    assert len({p.key for p in parcels(database, Kind.WEBHOOK)}) == 2
    assert len(parcels(database, Kind.ARCHIVE)) == 2


def test_two_people_cannot_correct_the_same_version(database: Database) -> None:
    job_id = submit(database)
    complete(database, job_id)
    _save(database, job_id, 1, "second")
    with pytest.raises(VersionMismatch) as refused:
        _save(database, job_id, 1, "lost")
    assert refused.value.current == 2
    assert _content(database, job_id) == "second"


def test_there_is_nothing_to_correct_before_the_transcript_is_there(database: Database) -> None:
    job_id = submit(database)
    with pytest.raises(Conflict, match="no_transcript"):
        _save(database, job_id, 0, "x")
    with pytest.raises(NotFound, match="no_transcript"):
        _content(database, job_id)
    complete(database, job_id, last=SPEECH)
    assert _content(database, job_id) is None
    for version in (2, -1):
        with pytest.raises(NotFound, match="no_such_version"):
            _content(database, job_id, version)


def test_a_cancelled_job_is_not_corrected(database: Database) -> None:
    job_id = submit(database)
    complete(database, job_id, last=SPEECH)
    with database.write() as session:
        jobs.cancel(session, jobs.find(session, TENANT, job_id), at=at(100))
    with pytest.raises(Conflict, match="cancelled"):
        _save(database, job_id, 1, "x")


def test_a_failed_job_with_a_transcript_can_be_corrected(database: Database) -> None:
    job_id = submit(database)
    complete(database, job_id, last=SPEECH)
    tell(database, job_id, TERMS, Status.FAILED)
    assert _save(database, job_id, 1, "x") == 2
    tell(database, job_id, TERMS, attempt=2)
    assert job(database, job_id).state == JobState.COMPLETED


def test_a_key_opens_until_it_ends_or_is_revoked(database: Database) -> None:
    with database.write() as session:
        key, secret = keys.create(session, TENANT, ["jobs:read", "jobs:read"], expires_at=at(60), at=at())
    assert keys.SECRET.fullmatch(secret)
    with database.write() as session:
        found = keys.find(session, secret, at=at(59))
        assert found and (found.id, found.tenant, found.scopes) == (key.id, TENANT, ["jobs:read"])
        assert keys.find(session, secret, at=at(60)) is None
        assert keys.find(session, secret[:-1] + ("a" if secret[-1] != "a" else "b"), at=at()) is None
        assert keys.find(session, "", at=at()) is None
        keys.revoke(session, key.id, at=at(1))
        assert keys.find(session, secret, at=at(2)) is None
        keys.revoke(session, key.id, at=at(5))
        with pytest.raises(NotFound):
            keys.revoke(session, "0" * 26, at=at())
    with database.read() as session:
        (row,) = keys.every(session)
        assert row.revoked_at == at(1)


def test_the_secret_of_a_key_is_nowhere_in_the_database(database: Database) -> None:
    with database.write() as session:
        _, secret = keys.create(session, TENANT, ["admin"], at=at())
    with database.read() as session:
        row = session.execute(select(ApiKey.__table__)).one()
    assert secret not in repr(row) and secret.removeprefix("thoth_") not in repr(row)


@pytest.mark.parametrize(("tenant", "scopes"), [("", ["admin"]), (TENANT, []), (TENANT, ["everything"])])
def test_a_key_without_sense_is_not_made(database: Database, tenant: str, scopes: list[keys.Scope]) -> None:
    with database.write() as session, pytest.raises(ValueError, match="scopes"):
        keys.create(session, tenant, scopes, at=at())


def test_the_audit_trail_is_paged_and_keeps_tombstones(database: Database) -> None:
    with database.write() as session:
        for number in range(5):
            audit.record(session, action="GET /api/jobs", at=at(number), tenant=TENANT, status=200, address="::1")
        audit.record(session, action="GET /api/jobs", at=at(), tenant="other")
        audit.bury(session, tenant=TENANT, job_id="a" * 26, key_id="k", cause="asked", at=at(9))
    with database.read() as session:
        first = audit.page(session, TENANT, limit=4)
        rest = audit.page(session, TENANT, limit=4, before=first[-1].id)
        assert [row.at for row in (*first, *rest)] == [at(9), at(4), at(3), at(2), at(1), at(0)]
        assert (first[0].action, first[0].job_id, first[0].key_id) == ("erased:asked", "a" * 26, "k")
        assert audit.is_buried(session, "a" * 26)
        assert not audit.is_buried(session, "b" * 26)
        assert audit.buried(session, since=at(9)) == ["a" * 26]
        assert audit.buried(session, since=at(10)) == []


def _glossary(*names: str) -> Glossary:
    return Glossary(
        name="ours",
        version=1,
        categories=(Category(id="c", name="C", description="d"),),
        terms=tuple(Term(id=f"t-{n}", category="c", canonical=x, definition="d") for n, x in enumerate(names)),
    )


def test_the_glossary_is_the_packaged_one_until_another_is_saved(database: Database, jobs_dir: Path) -> None:
    packaged = files.packaged()
    with database.read() as session:
        assert glossary.current(session) == packaged
        assert glossary.prompt(session) == []
    assert not glossary.publish(database, jobs_dir)
    with database.write() as session:
        saved = glossary.save(session, _glossary("barre"), expected=packaged.version, key_id="k", at=at())
    assert saved.version == packaged.version + 1
    with database.read() as session:
        assert glossary.current(session) == saved
    assert glossary.publish(database, jobs_dir)
    assert not glossary.publish(database, jobs_dir)
    assert files.read(source.NAME, (jobs_dir / source.NAME).read_bytes()) == saved
    assert [path.name for path in jobs_dir.iterdir()] == [source.NAME]
    with database.write() as session, pytest.raises(VersionMismatch) as refused:
        glossary.save(session, _glossary("capo"), expected=packaged.version, key_id="k", at=at())
    assert refused.value.current == saved.version


def test_a_glossary_file_that_somebody_broke_is_written_anew(database: Database, jobs_dir: Path) -> None:
    with database.write() as session:
        version = files.packaged().version
        saved = glossary.save(session, _glossary("barre"), expected=version, key_id=None, at=at())
    (jobs_dir / source.NAME).write_bytes(b"\xff\xfe")
    assert glossary.publish(database, jobs_dir)
    assert files.read(source.NAME, (jobs_dir / source.NAME).read_bytes()) == saved


def test_of_many_who_save_at_once_one_wins(database: Database) -> None:
    version, won, lost = files.packaged().version, [], []

    def save(name: str) -> None:
        try:
            with database.write() as session:
                won.append(glossary.save(session, _glossary(name), expected=version, key_id=None, at=at()))
        except VersionMismatch as error:
            lost.append(error.current)

    threads = [threading.Thread(target=save, args=(f"term{n}",)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert lost == [version + 1] * 4
    with database.read() as session:
        assert glossary.current(session) == won[0]


def test_the_model_is_told_the_terms_of_the_saved_glossary(database: Database) -> None:
    with database.write() as session:
        names = ["x" * 81, *(f"term{n}" for n in range(100))]
        glossary.save(session, _glossary(*names), expected=files.packaged().version, key_id=None, at=at())
    job_id = submit(database)
    complete(database, job_id, last=AUDIO)
    assert requests(database, job_id)[1].params == {"glossary": [f"term{n}" for n in range(60)]}


def _begin(database: Database, **fields: object) -> str:
    new = uploads.NewUpload(TENANT, "a\0.mp4", 100, 10, "source.mp4", params={"language": "en"}, **fields)  # type: ignore[arg-type]
    with database.write() as session:
        return uploads.create(session, new, at=at()).id


def test_an_upload_in_parts_becomes_a_job_of_the_same_id_once(database: Database) -> None:
    upload_id = _begin(database)
    with database.write() as session:
        upload = uploads.find(session, TENANT, upload_id, lock=True)
        for number, size in ((2, 40), (1, 60), (2, 41)):
            uploads.arrived(session, upload, number, size, "d" * 64)
    with database.read() as session:
        assert [(p.number, p.size) for p in uploads.parts(session, upload_id)] == [(1, 60), (2, 41)]
        assert uploads.received(session, upload_id) == 101
    for _ in range(2):
        with database.write() as session:
            upload = uploads.find(session, TENANT, upload_id, lock=True)
            made = uploads.complete(session, upload, at=at(5))
            assert (made.id, made.name, made.language, made.source) == (upload_id, "a .mp4", "en", "source.mp4")
    assert len(requests(database, upload_id)) == 1
    with database.write() as session:
        upload = uploads.find(session, TENANT, upload_id)
        with pytest.raises(Conflict):
            uploads.arrived(session, upload, 3, 1, "d" * 64)
        with pytest.raises(NotFound):
            uploads.find(session, "other", upload_id)


def test_an_upload_to_the_bucket_is_fetched(database: Database) -> None:
    upload_id = _begin(database, s3_upload_id="u")
    with database.write() as session:
        upload = uploads.find(session, TENANT, upload_id, lock=True)
        uploads.complete(session, upload, reference={"s3": "s3://media/x"}, at=at(5))
    (parcel,) = parcels(database, Kind.FETCH)
    assert json.loads(parcel.body) == {"s3": "s3://media/x"}


def test_uploads_that_never_ended_are_found_and_forgotten(database: Database) -> None:
    old, done = _begin(database), _begin(database)
    with database.write() as session:
        uploads.complete(session, uploads.find(session, TENANT, done), at=at(1))
        assert [u.id for u in uploads.stale(session, before=at(1))] == [old]
        assert uploads.stale(session, before=at(0)) == []
        for upload_id in (old, done):
            uploads.forget(session, upload_id)
    with database.read() as session:
        assert session.scalars(select(Upload.id)).all() == [done]


def test_times_come_back_in_utc_and_have_a_zone(database: Database) -> None:
    job_id = submit(database)
    abroad = datetime(2026, 3, 1, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    with database.write() as session:
        jobs.cancel(session, jobs.find(session, TENANT, job_id), at=abroad)
    found = job(database, job_id).finished_at
    assert found == at() and found.utcoffset() == timedelta(0)
    with pytest.raises(Exception, match="without a zone"), database.write() as session:
        outbox.claim(session, Kind.REQUEST, at=datetime(2026, 3, 1), lease_seconds=1)
