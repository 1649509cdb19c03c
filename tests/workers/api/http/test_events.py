"""Event streams over a real connection: each change is told, and the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.workers.api.http.rig import Api, listening, running
from thoth_infra.contract.queues import Stage
from workers.api.http.throttle import Throttle
from workers.api.store.engine import Database
from workers.common.messages import Status

Event = tuple[str, Any]


def events_of(lines: Iterator[str]) -> Iterator[Event]:
    """Yield the events of a stream, comments left out."""
    event: dict[str, str] = {}
    for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value
        elif not line and event:
            yield event["event"], json.loads(event["data"])
            event = {}


@pytest.fixture
def served(database: Database, jobs_dir: Path) -> Iterator[tuple[Api, httpx2.Client]]:
    """An API that listens, and a client of it; the limit is two streams."""
    with (
        running(database, jobs_dir, stream_seconds=60.0, throttle=Throttle(streams=2)) as api,
        listening(api.client.app) as url,
        httpx2.Client(base_url=url, headers=api.key(), timeout=30) as client,
    ):
        yield api, client


def test_an_ended_job_is_told_once(served: tuple[Api, httpx2.Client]) -> None:
    api, client = served
    job_id = api.completed()
    answer = client.get(f"/api/jobs/{job_id}/events")
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    assert list(events_of(iter(answer.text.splitlines()))) == [("job", client.get(f"/api/jobs/{job_id}").json())]


def test_a_job_is_followed_until_it_has_ended(served: tuple[Api, httpx2.Client]) -> None:
    api, client = served
    job_id = api.job()
    course = []
    with client.stream("GET", f"/api/jobs/{job_id}/events") as stream:
        events = events_of(stream.iter_lines())
        for stage, status in (
            (Stage.AUDIO_EXTRACTION, Status.PROGRESS),
            *((stage, Status.COMPLETED) for stage in Stage),
        ):
            course.append(next(events)[1])
            api.result(job_id, stage, status, metrics={"percent": 40.0})
        course += [job for _, job in events]
    assert [(job["state"], job["stage"], job["percent"]) for job in course] == [
        ("queued", "audio-extraction", 0.0),
        ("running", "audio-extraction", 40.0),
        ("running", "transcription", 0.0),
        ("running", "music-terms", 0.0),
        ("completed", None, 100.0),
    ]
    assert course[-1] == client.get(f"/api/jobs/{job_id}").json()


def test_a_stream_tells_that_its_job_is_gone(served: tuple[Api, httpx2.Client]) -> None:
    api, client = served
    job_id = api.job()
    with client.stream("GET", f"/api/jobs/{job_id}/events") as stream:
        events = events_of(stream.iter_lines())
        assert next(events)[0] == "job"
        assert client.delete(f"/api/jobs/{job_id}").status_code == 202
        assert list(events) == [("gone", {})]


def test_a_key_has_so_many_streams_and_closed_ones_do_not_count(served: tuple[Api, httpx2.Client]) -> None:
    api, client = served
    path = f"/api/jobs/{api.job()}/events"
    with client.stream("GET", path) as one, client.stream("GET", path) as two:
        open_ones = [events_of(each.iter_lines()) for each in (one, two)]
        assert [next(each)[0] for each in open_ones] == ["job", "job"]
        third = client.get(path)
        assert (third.status_code, third.json()["code"]) == (429, "too_many_streams")
        assert third.headers["Retry-After"]
    done = f"/api/jobs/{api.completed()}/events"
    while client.get(done).status_code == 429:
        """The server learns of the closed connections soon after."""
    assert client.get(done).status_code == 200


def test_a_stream_ends_after_a_while_for_the_client_to_ask_anew(database: Database, jobs_dir: Path) -> None:
    with running(database, jobs_dir, stream_seconds=0.0) as api:
        answer = api.client.get(f"/api/jobs/{api.job()}/events", headers=api.key())
        assert [name for name, _ in events_of(iter(answer.text.splitlines()))] == ["job"]
