"""Sources that are referred to: fetched with limits, and refused with a reason."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from moto import mock_aws

from tests.workers.api.http.rig import MP3, TENANT, Api, running, s3_client
from workers.api.http.guard import Guard
from workers.api.http.references import INCOMING, References
from workers.api.store.engine import Database
from workers.api.store.models import Kind, Parcel
from workers.api.store.objects import Objects
from workers.common.errors import PoisonError, RetryableError, StageError
from workers.common.folder import FolderFiles, FolderJob

LIMIT = 1 << 20


class _Lessons(BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, tuple[int, dict[str, str], bytes]]] = {
        "/a.mp3": (200, {}, MP3),
        "/stream?id=5": (200, {}, MP3),
        "/a.mp4": (200, {}, MP3),
        "/page.mp3": (200, {"Content-Type": "text/html"}, b"<html>sign in first</html>"),
        "/empty.mp3": (200, {}, b""),
        "/large.mp3": (200, {}, MP3 + bytes(LIMIT)),
        "/packed.mp3": (200, {"Content-Encoding": "gzip"}, MP3),
        "/moved.mp3": (302, {"Location": "/a.mp3"}, b""),
        "/inside.mp3": (302, {"Location": "http://127.0.0.1:1/latest/meta-data"}, b""),
        "/odd.mp3": (302, {"Location": "file:///etc/passwd"}, b""),
        "/round.mp3": (302, {"Location": "/round.mp3"}, b""),
        "/gone.mp3": (404, {}, b""),
        "/secret.mp3": (403, {}, b""),
        "/busy.mp3": (503, {}, b""),
        "/often.mp3": (429, {}, b""),
    }

    def do_GET(self) -> None:
        if self.path in {"/endless.mp3", "/short.mp3"}:
            self._odd()
            return
        status, headers, body = self.answers[self.path]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _odd(self) -> None:
        self.send_response(200)
        if self.path == "/short.mp3":
            self.send_header("Content-Length", str(len(MP3) + 1))
        self.end_headers()
        self.wfile.write(MP3)
        try:
            while self.path == "/endless.mp3":
                self.wfile.write(bytes(1 << 16))
        except OSError:
            """The other side has had enough."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def lessons() -> Iterator[str]:
    """Yield the URL of a server of lessons."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Lessons) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://lessons.example.com:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A server of lessons."""
    with lessons() as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> FolderJob:
    """A job's folder."""
    return FolderFiles(tmp_path).job("job")


def references(site: str, **more: Any) -> References:
    """Return references that may lead to the site."""
    host = site.removeprefix("http://")
    guard = Guard(allow=frozenset({host}), resolve=lambda host, port: ["127.0.0.1"])
    return References(guard, None, None, LIMIT, **more)


@pytest.mark.parametrize(
    ("path", "name", "file"),
    [
        ("/a.mp3", "", "source.mp3"),
        ("/moved.mp3", "lesson one", "source.mp3"),
        ("/stream?id=5", "lesson one", "source.mp3"),
        ("/stream?id=5", "lesson.mp3", "source.mp3"),
    ],
)
def test_a_source_is_fetched(site: str, folder: FolderJob, path: str, name: str, file: str) -> None:
    source = references(site).fetch({"https": f"{site}{path}"}, name, folder)
    assert (source.name, source.size) == (file, len(MP3))
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == {file: MP3}


@pytest.mark.parametrize(
    ("path", "kind", "code"),
    [
        ("/a.mp4", PoisonError, "wrong_extension"),
        ("/page.mp3", PoisonError, "unsupported_type"),
        ("/empty.mp3", PoisonError, "empty_file"),
        ("/large.mp3", PoisonError, "too_large"),
        ("/endless.mp3", PoisonError, "too_large"),
        ("/packed.mp3", PoisonError, "packed"),
        ("/inside.mp3", PoisonError, "bad_url"),
        ("/odd.mp3", PoisonError, "bad_url"),
        ("/round.mp3", PoisonError, "bad_redirect"),
        ("/gone.mp3", PoisonError, "no_source"),
        ("/secret.mp3", PoisonError, "no_source"),
        ("/busy.mp3", RetryableError, "fetch_failed"),
        ("/often.mp3", RetryableError, "fetch_failed"),
        ("/short.mp3", RetryableError, "fetch_failed"),
    ],
)
def test_a_source_that_can_not_be_had_is_refused_with_a_reason(
    site: str, folder: FolderJob, path: str, kind: type[StageError], code: str
) -> None:
    with pytest.raises(kind) as refused:
        references(site).fetch({"https": f"{site}{path}"}, "lesson one", folder)
    assert (refused.value.code, bool(refused.value.hint)) == (code, True)
    assert not folder.path.exists() or list(folder.path.iterdir()) == []


def test_a_host_without_an_address_is_tried_again(site: str, folder: FolderJob) -> None:
    nowhere = References(Guard(resolve=lambda host, port: []), None, None, LIMIT)
    with pytest.raises(RetryableError) as failed:
        nowhere.fetch({"https": "https://example.com/a.mp3"}, "", folder)
    assert failed.value.code == "unknown_host"


def test_a_source_that_takes_too_long_is_given_up(site: str, folder: FolderJob) -> None:
    clock = iter(float(number) for number in range(1000))
    slow = references(site, seconds=2.0, clock=lambda: next(clock))
    with pytest.raises(PoisonError) as refused:
        slow.fetch({"https": f"{site}/endless.mp3"}, "", folder)
    assert refused.value.code == "fetch_too_slow"
    assert list(folder.path.iterdir()) == [] if folder.path.exists() else True


def test_whoever_fetches_can_be_told_to_stop(site: str, folder: FolderJob) -> None:
    class Stop(Exception):
        """It shall not go on."""

    def alive() -> None:
        raise Stop

    with pytest.raises(Stop):
        references(site).fetch({"https": f"{site}/a.mp3"}, "", folder, alive)
    assert not folder.path.exists()


@pytest.fixture
def stored(database: Database, jobs_dir: Path) -> Iterator[Api]:
    """An API over buckets, whose resolver finds every host to be public."""
    with mock_aws():
        s3: Any = s3_client("us-east-1")
        for bucket in ("media", "archive"):
            s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key=f"{INCOMING}{TENANT}/a.mp3", Body=MP3)
            s3.put_object(Bucket=bucket, Key="jobs/01jd0x8q9w3f5k7m2n4p6r8t0v/source.mp3", Body=MP3)
        guard = Guard(resolve=lambda host, port: ["93.184.216.34"])
        with running(database, jobs_dir, objects=Objects(s3, "media", "archive"), guard=guard) as found:
            yield found


def test_a_reference_becomes_a_job_that_is_fetched(stored: Api) -> None:
    key = {**stored.key(), "Idempotency-Key": "one"}
    places = {
        "s3": f"s3://media/{INCOMING}{TENANT}/a.mp3",
        "https": "https://example.com/lessons/%C3%9Cbung%201.mp3?sign=x",
    }
    names = {"s3": "a.mp3", "https": "Übung 1.mp3"}
    for kind, place in places.items():
        header = {**key, "Idempotency-Key": kind}
        first, second = (stored.client.post("/api/jobs", headers=header, json={"source": {kind: place}}) for _ in "ab")
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json() == second.json()
        assert (first.json()["name"], first.json()["size"]) == (names[kind], None)
        other = stored.client.post("/api/jobs", headers=header, json={"source": {kind: place}, "language": "en"})
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
        media = stored.client.get(f"/api/jobs/{first.json()['id']}/media", headers=key)
        assert media.status_code == 404
    with stored.services.database.read() as session:
        assert {parcel.kind for parcel in session.query(Parcel)} == {Kind.FETCH}


@pytest.mark.parametrize(
    "place",
    [
        "s3://archive/jobs/incoming/conservatory/a.mp3",
        "s3://media/jobs/01jd0x8q9w3f5k7m2n4p6r8t0v/source.mp3",
        "s3://media/jobs/incoming/elsewhere/a.mp3",
        "s3://media/jobs/incoming/conservatory2/a.mp3",
        "s3://media/jobs/incoming/conservatory/../elsewhere/a.mp3",
        "s3://media/jobs/incoming/",
        "s3://media/a.mp3",
        "s3://other/jobs/incoming/conservatory/a.mp3",
        "s3://media/",
        "s3://",
        "s3:media",
        "https://media.s3.amazonaws.com/a.mp3",
    ],
)
def test_objects_of_others_are_refused(stored: Api, place: str) -> None:
    answer = stored.client.post("/api/jobs", headers=stored.key(), json={"source": {"s3": place}})
    assert (answer.status_code, answer.json()["code"] in {"refused_object", "invalid_request"}) == (422, True)


def test_an_object_is_fetched(stored: Api, folder: FolderJob) -> None:
    references = stored.services.references
    source = references.fetch({"s3": f"s3://media/{INCOMING}{TENANT}/a.mp3"}, "", folder)
    assert folder.local(source.name).read_bytes() == MP3
    with pytest.raises(PoisonError) as refused:
        references.fetch({"s3": f"s3://media/{INCOMING}{TENANT}/b.mp3"}, "", folder)
    assert refused.value.code == "no_object"
