"""Parcels are claimed by one at a time, and come again until they are marked."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy.exc import IntegrityError

from tests.workers.api.records import at, parcels, submit
from workers.api.store import outbox
from workers.api.store.engine import Database
from workers.api.store.models import Kind


def _claim(database: Database, seconds: float, *, limit: int = 10) -> list[str]:
    with database.write() as session:
        found = outbox.claim(session, Kind.REQUEST, at=at(seconds), lease_seconds=60, limit=limit)
    return [parcel.job_id for parcel in found]


def test_a_claimed_parcel_comes_again_when_its_lease_ends(database: Database) -> None:
    job_id = submit(database)
    assert _claim(database, 0) == [job_id]
    assert _claim(database, 59) == []
    assert _claim(database, 60) == [job_id]
    (parcel,) = parcels(database, Kind.REQUEST)
    assert parcel.tries == 2
    with database.write() as session:
        outbox.sent(session, parcel.id, at=at(61))
    assert _claim(database, 9999) == []


def test_the_oldest_leaves_first_and_no_more_than_asked_for(database: Database) -> None:
    made = [submit(database) for _ in range(5)]
    assert _claim(database, 0, limit=3) == made[:3]
    assert _claim(database, 0, limit=3) == made[3:]


def test_failures_wait_and_may_not_count(database: Database) -> None:
    submit(database)
    _claim(database, 0)
    (parcel,) = parcels(database, Kind.REQUEST)
    with database.write() as session:
        outbox.failed(session, parcel.id, "why", due_at=at(10), counts=False)
    (parcel,) = parcels(database, Kind.REQUEST)
    assert (parcel.tries, parcel.problem) == (0, "why")
    assert _claim(database, 9) == []
    assert len(_claim(database, 10)) == 1


def test_what_was_dropped_is_never_due(database: Database) -> None:
    submit(database)
    (parcel,) = parcels(database, Kind.REQUEST)
    with database.write() as session:
        assert outbox.waiting(session, Kind.REQUEST) == 1
        outbox.drop(session, parcel.id, "never", at=at())
        assert outbox.waiting(session, Kind.REQUEST) == 0
        assert not outbox.is_due(session, Kind.REQUEST, at=at(9999))
    assert _claim(database, 9999) == []


def test_a_key_is_there_once(database: Database) -> None:
    job_id = submit(database)
    with pytest.raises(IntegrityError), database.write() as session:
        outbox.add(session, Kind.REQUEST, f"{job_id}:audio-extraction:1", job_id=job_id, at=at())


def test_dispatchers_that_claim_together_share_without_overlap(database: Database) -> None:
    made = [submit(database) for _ in range(40)]
    taken: list[str] = []

    def work() -> None:
        for _ in range(20):
            taken.extend(_claim(database, 0, limit=2))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(made)
