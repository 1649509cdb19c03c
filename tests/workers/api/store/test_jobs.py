"""The course of a job, as rows and as messages that leave."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.workers.api.records import (
    TENANT,
    at,
    attempts,
    complete,
    job,
    parcels,
    requests,
    submit,
    tell,
)
from thoth_infra.contract.queues import Stage
from workers.api.store import jobs, outbox, stages
from workers.api.store.engine import Database
from workers.api.store.errors import Conflict, KeyTaken, NotFound
from workers.api.store.models import Job, JobState, Kind
from workers.common.messages import Status

AUDIO, SPEECH, TERMS = Stage


def _change(database: Database, job_id: str, change: Callable[..., None], seconds: float = 100) -> None:
    with database.write() as session:
        change(session, jobs.find(session, TENANT, job_id, lock=True), at=at(seconds))


def test_a_new_job_has_its_first_stage_requested(database: Database) -> None:
    job_id = submit(database, source="source.mkv", language="en")
    (request,) = requests(database, job_id)
    assert (request.stage, request.attempt, request.params) == (AUDIO, 1, {"source": "source.mkv"})
    assert (job(database, job_id).state, job(database, job_id).stage) == (JobState.QUEUED, AUDIO)


def test_stages_follow_each_other_to_the_end(database: Database) -> None:
    job_id = submit(database, language="en", webhook_url="https://example.com/hook")
    complete(database, job_id)
    found = job(database, job_id)
    assert (found.state, found.stage, found.percent, found.duration) == (JobState.COMPLETED, None, 100, 61)
    assert found.finished_at == at(60)
    assert found.transcript_version == 1
    assert [(r.stage, r.attempt) for r in requests(database, job_id)] == [(AUDIO, 1), (SPEECH, 1), (TERMS, 1)]
    assert requests(database, job_id)[1].params == {"language": "en", "glossary": []}
    assert len({r.trace_id for r in requests(database, job_id)}) == 1
    (hook,) = parcels(database, Kind.WEBHOOK)
    told = json.loads(hook.body)
    assert (told["id"], told["type"]) == (hook.key, "job.completed")
    assert told["data"] == {
        "id": job_id,
        "name": "lesson.mp4",
        "state": "completed",
        "language": "en",
        "duration": 61,
        "error": None,
    }
    assert len(parcels(database, Kind.ARCHIVE)) == 1


def test_repeated_results_change_nothing(database: Database) -> None:
    job_id = submit(database, webhook_url="https://example.com/hook")
    complete(database, job_id)
    before = job(database, job_id)
    for stage in Stage:
        for status in Status:
            assert not tell(database, job_id, stage, status, seconds=200)
    after = job(database, job_id)
    assert (after.revision, after.updated_at) == (before.revision, before.updated_at)
    assert len(requests(database, job_id)) == 3
    assert len(parcels(database, Kind.WEBHOOK)) == 1


def test_results_of_unknown_jobs_and_attempts_change_nothing(database: Database) -> None:
    job_id = submit(database)
    assert not tell(database, "0" * 26, AUDIO)
    assert not tell(database, job_id, AUDIO, attempt=2)
    assert not tell(database, job_id, SPEECH)
    assert attempts(database, job_id) == [("audio-extraction", 1, "requested")]


def test_progress_is_shown_and_only_of_the_stage_that_is_under_way(database: Database) -> None:
    job_id = submit(database)
    tell(database, job_id, AUDIO, Status.PROGRESS, metrics={"percent": 40.0})
    found = job(database, job_id)
    assert (found.state, found.percent) == (JobState.RUNNING, 40)
    tell(database, job_id, AUDIO)
    assert job(database, job_id).percent == 0
    assert not tell(database, job_id, AUDIO, Status.PROGRESS, metrics={"percent": 99.0})
    assert job(database, job_id).percent == 0
    tell(database, job_id, SPEECH, Status.PROGRESS, metrics={"percent": 900.0})
    assert job(database, job_id).percent == 100


def test_every_change_raises_the_revision(database: Database) -> None:
    job_id = submit(database)
    seen = [job(database, job_id).revision]
    for percent in (10.0, 20.0):
        tell(database, job_id, AUDIO, Status.PROGRESS, metrics={"percent": percent})
        seen.append(job(database, job_id).revision)
    complete(database, job_id)
    seen.append(job(database, job_id).revision)
    assert seen == sorted(set(seen))


def test_a_passing_failure_is_tried_again_within_the_budget(database: Database) -> None:
    job_id = submit(database, webhook_url="https://example.com/hook")
    for attempt in (1, 2):
        tell(database, job_id, AUDIO, Status.FAILED, attempt=attempt, retryable=True)
        assert job(database, job_id).state == JobState.QUEUED
    tell(database, job_id, AUDIO, Status.FAILED, attempt=3, retryable=True)
    found = job(database, job_id)
    assert (found.state, found.stage) == (JobState.FAILED, AUDIO)
    assert (found.error_code, found.error_message, found.error_hint) == ("broken", "it broke", "mend it")
    assert [r.attempt for r in requests(database, job_id)] == [1, 2, 3]
    (hook,) = parcels(database, Kind.WEBHOOK)
    assert json.loads(hook.body)["data"]["error"] == {"code": "broken", "message": "it broke", "hint": "mend it"}


def test_poison_fails_the_job_at_once(database: Database) -> None:
    job_id = submit(database)
    tell(database, job_id, AUDIO, Status.FAILED, retryable=False)
    assert job(database, job_id).state == JobState.FAILED
    assert len(requests(database, job_id)) == 1


def test_what_was_given_up_and_completes_after_all_counts(database: Database) -> None:
    job_id = submit(database)
    tell(database, job_id, AUDIO, Status.FAILED, retryable=True)
    tell(database, job_id, AUDIO, attempt=1)
    assert attempts(database, job_id) == [
        ("audio-extraction", 1, "completed"),
        ("audio-extraction", 2, "requested"),
        ("transcription", 1, "requested"),
    ]
    tell(database, job_id, AUDIO, attempt=2)
    assert len(requests(database, job_id)) == 3


def test_a_retry_goes_on_where_the_job_failed_with_a_new_budget(database: Database) -> None:
    job_id = submit(database)
    tell(database, job_id, AUDIO)
    tell(database, job_id, SPEECH, Status.FAILED)
    _change(database, job_id, jobs.retry)
    found = job(database, job_id)
    assert (found.state, found.error_code, found.finished_at) == (JobState.RUNNING, None, None)
    for attempt in (2, 3):
        tell(database, job_id, SPEECH, Status.FAILED, attempt=attempt, retryable=True)
    tell(database, job_id, SPEECH, attempt=4)
    tell(database, job_id, TERMS)
    assert job(database, job_id).state == JobState.COMPLETED


@pytest.mark.parametrize("last", [None, AUDIO, SPEECH])
def test_a_cancelled_job_requests_nothing_more_and_can_go_on(database: Database, last: Stage | None) -> None:
    job_id = submit(database)
    if last:
        complete(database, job_id, last=last)
    under_way = attempts(database, job_id)[-1]
    sent = len(requests(database, job_id)) - 1
    with database.write() as session:
        for parcel in parcels(database, Kind.REQUEST)[:sent]:
            outbox.sent(session, parcel.id, at=at())
    _change(database, job_id, jobs.cancel)
    assert job(database, job_id).state == JobState.CANCELLED
    # What had not left never leaves; a worker that had it before may still complete it.
    assert len(requests(database, job_id)) == sent
    tell(database, job_id, Stage(under_way[0]), attempt=1)
    assert job(database, job_id).state == JobState.CANCELLED
    assert len(requests(database, job_id)) == sent
    _change(database, job_id, jobs.retry)
    for stage in list(Stage)[list(Stage).index(Stage(under_way[0])) + 1 :]:
        tell(database, job_id, stage)
    assert job(database, job_id).state == JobState.COMPLETED


def test_a_cancelled_job_whose_stage_never_completed_asks_for_it_again(database: Database) -> None:
    job_id = submit(database)
    _change(database, job_id, jobs.cancel)
    _change(database, job_id, jobs.cancel)
    _change(database, job_id, jobs.retry)
    assert [(r.stage, r.attempt) for r in requests(database, job_id)] == [(AUDIO, 2)]


def test_only_jobs_in_the_right_state_can_be_changed(database: Database) -> None:
    job_id = submit(database)
    with pytest.raises(Conflict, match="not_ended"):
        _change(database, job_id, jobs.retry)
    complete(database, job_id)
    with pytest.raises(Conflict, match="completed"):
        _change(database, job_id, jobs.retry)
    with pytest.raises(Conflict, match="ended"):
        _change(database, job_id, jobs.cancel)


def test_a_referred_source_is_fetched_before_anything_is_requested(database: Database) -> None:
    job_id = submit(database, reference={"https": "https://example.com/a.mp4"})
    assert requests(database, job_id) == []
    (parcel,) = parcels(database, Kind.FETCH)
    assert json.loads(parcel.body) == {"https": "https://example.com/a.mp4"}
    with database.write() as session:
        found = session.get(Job, job_id)
        assert found
        jobs.fetched(session, found, "source.mp4", 99, at=at(5))
        jobs.fetched(session, found, "source.mov", 98, at=at(6))
    assert [r.params for r in requests(database, job_id)] == [{"source": "source.mp4"}]
    assert job(database, job_id).size == 99


def test_a_source_that_cannot_be_had_fails_the_job_and_a_retry_fetches_again(database: Database) -> None:
    job_id = submit(database, reference={"https": "https://example.com/a.mp4"})
    with database.write() as session:
        found = session.get(Job, job_id)
        assert found
        jobs.unfetched(session, found, "no_source", "gone", "look", at=at(5))
    assert (job(database, job_id).state, job(database, job_id).error_code) == (JobState.FAILED, "no_source")
    _change(database, job_id, jobs.retry)
    assert len(parcels(database, Kind.FETCH)) == 2
    assert job(database, job_id).state == JobState.QUEUED


def test_a_job_has_a_source_or_a_reference(database: Database) -> None:
    for fields in ({"source": None}, {"source": "source.mp4", "reference": {"https": "https://example.com"}}):
        with pytest.raises(ValueError, match="either"):
            submit(database, **fields)


def test_other_tenants_see_nothing(database: Database) -> None:
    job_id = submit(database)
    with database.read() as session:
        for tenant, wanted in (("other", job_id), (TENANT, "0" * 26)):
            with pytest.raises(NotFound):
                jobs.find(session, tenant, wanted)
        assert jobs.page(session, "other") == []


def test_an_idempotency_key_belongs_to_one_job_of_a_tenant(database: Database) -> None:
    job_id = submit(database, idempotency_key="k", fingerprint="f")
    with pytest.raises(KeyTaken):
        submit(database, idempotency_key="k", fingerprint="f")
    other = submit(database, tenant="other", idempotency_key="k", fingerprint="f")
    with database.read() as session:
        found = jobs.by_idempotency_key(session, TENANT, "k")
        assert found and (found.id, found.fingerprint) == (job_id, "f")
        assert len(jobs.page(session, TENANT)) == 1
    assert other != job_id


def test_pages_are_newest_first_and_complete(database: Database) -> None:
    made = [submit(database) for _ in range(7)]
    tell(database, made[3], AUDIO, Status.FAILED)
    _erase(database, made[5])
    seen: list[str] = []
    with database.read() as session:
        while page := jobs.page(session, TENANT, limit=2, after=seen[-1] if seen else None):
            seen += [found.id for found in page]
        assert [j.id for j in jobs.page(session, TENANT, state=JobState.FAILED)] == [made[3]]
    assert seen == sorted(set(made) - {made[5]}, reverse=True)


def _erase(database: Database, job_id: str) -> None:
    with database.write() as session:
        jobs.erase(session, jobs.find(session, TENANT, job_id, lock=True), key_id="key", at=at(100))


def test_an_erased_job_is_hidden_at_once_and_nothing_of_it_leaves_but_its_erasure(database: Database) -> None:
    job_id = submit(database, webhook_url="https://example.com/hook")
    tell(database, job_id, AUDIO, Status.FAILED)
    _erase(database, job_id)
    with database.read() as session, pytest.raises(NotFound):
        jobs.find(session, TENANT, job_id)
    assert [p.kind for kind in Kind for p in parcels(database, kind)] == [Kind.ERASE]
    assert not tell(database, job_id, AUDIO)


def test_names_and_errors_that_no_database_takes_are_kept_legible(database: Database) -> None:
    job_id = submit(database, name="a\0b\ud800.mp4")
    assert job(database, job_id).name == "a b .mp4"
    tell(database, job_id, AUDIO, Status.FAILED, code="bad\0code")
    assert job(database, job_id).error_code == "bad code"


def test_an_attempt_of_which_nothing_is_heard_is_tried_again_within_the_budget(database: Database) -> None:
    job_id = submit(database)
    for _ in range(3):
        with database.write() as session:
            found = session.get(Job, job_id)
            assert found
            row = jobs.attempts(session, job_id)[-1]
            stages.lose(session, found, row, at=at(7200))
    found = job(database, job_id)
    assert (found.state, found.error_code) == (JobState.FAILED, "timed_out")
    assert [r.attempt for r in requests(database, job_id)] == [1, 2, 3]
