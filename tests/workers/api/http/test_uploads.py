"""Uploads in parts: in any order, again after a break, through this API or straight to S3."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx2
import pytest
from moto.server import ThreadedMotoServer

from tests.workers.api.http.rig import MP3, Api, listening, running
from workers.api.http.services import Limits
from workers.api.store.engine import Database
from workers.api.store.models import JobState, Kind, Parcel
from workers.api.store.objects import Objects

Key = dict[str, str]
PART = 1000
PARTS = -(-len(MP3) // PART)
S3_PART = 5 << 20


@pytest.fixture
def api(database: Database, jobs_dir: Path) -> Iterator[Api]:
    """An API that cuts files small."""
    with running(database, jobs_dir, limits=Limits(part_bytes=PART)) as found:
        yield found


def begin(api: Api, key: Key, **more: Any) -> dict[str, Any]:
    """Begin an upload of the recording."""
    answer = api.client.post("/api/uploads", headers=key, json={"name": "a.mp3", "size": len(MP3), **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def piece(number: int, content: bytes = MP3) -> bytes:
    """Return a part."""
    return content[(number - 1) * PART : number * PART]


def send(api: Api, key: Key, upload: str, number: int, content: bytes | None = None) -> Any:
    """Send a part."""
    body = piece(number) if content is None else content
    return api.client.put(f"/api/uploads/{upload}/parts/{number}", headers=key, content=body)


def test_parts_in_any_order_become_a_job(api: Api, key: Key) -> None:
    begun = begin(api, key, language="de", webhook_url="https://example.com/hook", name="Übung.mp3")
    assert (begun["part_size"], begun["parts"], begun["received"], begun["urls"]) == (PART, PARTS, [], {})
    path, order = f"/api/uploads/{begun['id']}", [7, 2, 11, 1, 3, 10, 4, 9, 5, 8, 6]
    for sent, number in enumerate(order, 1):
        answer = send(api, key, begun["id"], number)
        assert answer.json() == {
            "number": number,
            "size": len(piece(number)),
            "sha256": hashlib.sha256(piece(number)).hexdigest(),
        }
        assert api.client.get(path, headers=key).json()["received"] == sorted(order[:sent])
    first, second = (api.client.post(f"{path}/complete", headers=key) for _ in "ab")
    assert (first.status_code, first.json()) == (201, second.json())
    job = first.json()
    assert (job["id"], job["name"], job["language"], job["size"]) == (begun["id"], "Übung.mp3", "de", len(MP3))
    assert api.client.get(first.headers["Location"], headers=key).json() == job
    assert {p.name: p.read_bytes() for p in (api.services.jobs_dir / job["id"]).iterdir()} == {"source.mp3": MP3}
    row = api.row(job["id"])
    assert row is not None and row.webhook_url == "https://example.com/hook"
    assert api.client.get(path, headers=key).json()["received"] == sorted(order)
    late = send(api, key, begun["id"], 1)
    assert (late.status_code, late.json()["code"]) == (409, "completed")
    assert (api.services.jobs_dir / job["id"] / "source.mp3").read_bytes() == MP3
    kept = api.client.delete(path, headers=key)
    assert (kept.status_code, kept.json()["code"]) == (409, "completed")


def test_a_missing_part_is_named(api: Api, key: Key) -> None:
    begun = begin(api, key)
    for number in set(range(1, PARTS + 1)) - {3, 5}:
        send(api, key, begun["id"], number)
    answer = api.client.post(f"/api/uploads/{begun['id']}/complete", headers=key)
    assert (answer.status_code, answer.json()["code"]) == (409, "parts_missing")
    assert "2 of 11 parts have not arrived, part 3 is the first" in answer.json()["detail"]
    assert api.client.get("/api/jobs", headers=key).json()["jobs"] == []


def test_a_part_that_broke_off_is_sent_again(api: Api) -> None:
    key = api.key()
    begun = begin(api, key)
    with listening(api.client.app) as url:
        place = urlsplit(url)
        with socket.create_connection((place.hostname, place.port)) as connection:
            head = f"PUT /api/uploads/{begun['id']}/parts/1 HTTP/1.1\r\nHost: x\r\nContent-Length: {PART}\r\n"
            connection.sendall(f"{head}Authorization: {key['Authorization']}\r\n\r\n".encode() + b"x" * 400)
        client = httpx2.Client(base_url=url, headers=key)
        with client:
            path = f"/api/uploads/{begun['id']}"
            assert client.get(path).json()["received"] == []
            for number in range(1, PARTS + 1):
                assert client.put(f"{path}/parts/{number}", content=piece(number)).status_code == 200
            job = client.post(f"{path}/complete").json()
            assert client.get(f"/api/jobs/{job['id']}/media").content == MP3


def test_a_form_that_broke_off_leaves_nothing(api: Api) -> None:
    key = api.key()
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n' + MP3
    head = (
        "POST /api/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\nContent-Type: multipart/form-data; boundary=x"
    )
    with listening(api.client.app) as url:
        place = urlsplit(url)
        with socket.create_connection((place.hostname, place.port)) as connection:
            connection.sendall(f"{head}\r\nAuthorization: {key['Authorization']}\r\n\r\n".encode())
            connection.sendall(form + bytes(400_000))
            while not list(api.services.jobs_dir.rglob(".part-*")):
                """It is on its way to the disk."""
    # The server has ended with the block, and with it whatever it was doing.
    assert list(api.services.jobs_dir.rglob("*")) == []
    assert api.client.get("/api/jobs", headers=key).json()["jobs"] == []


def test_an_upload_goes_on_in_another_process(database: Database, jobs_dir: Path) -> None:
    limits = Limits(part_bytes=PART)
    with running(database, jobs_dir, limits=limits) as before:
        key = before.key()
        begun = begin(before, key)
        send(before, key, begun["id"], 1)
    with running(database, jobs_dir, limits=Limits(part_bytes=7 * PART)) as after:
        state = after.client.get(f"/api/uploads/{begun['id']}", headers=key).json()
        assert (state["received"], state["part_size"]) == ([1], PART)
        for number in range(2, PARTS + 1):
            send(after, key, begun["id"], number)
        job = after.client.post(f"/api/uploads/{begun['id']}/complete", headers=key).json()
        assert after.client.get(f"/api/jobs/{job['id']}/media", headers=key).content == MP3


@pytest.mark.parametrize(
    ("number", "content", "code"),
    [
        (1, b"x" * (PART - 1), "wrong_part_size"),
        (1, b"x" * (PART + 1), "wrong_part_size"),
        (1, b"", "wrong_part_size"),
        (PARTS, b"x" * PART, "wrong_part_size"),
        (PARTS + 1, b"x" * PART, "no_such_part"),
        (0, b"x", "invalid_request"),
        (99999, b"x", "invalid_request"),
    ],
)
def test_a_part_of_another_size_is_refused(api: Api, key: Key, number: int, content: bytes, code: str) -> None:
    begun = begin(api, key)
    answer = send(api, key, begun["id"], number, content)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert api.client.get(f"/api/uploads/{begun['id']}", headers=key).json()["received"] == []


def test_what_is_no_recording_does_not_become_a_job(api: Api, key: Key) -> None:
    evil = b"#!/bin/sh\n" + bytes(2 * PART)
    begun = begin(api, key, size=len(evil))
    for number in (1, 2, 3):
        assert send(api, key, begun["id"], number, piece(number, evil)).status_code == 200
    answer = api.client.post(f"/api/uploads/{begun['id']}/complete", headers=key)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_type")
    assert api.client.get("/api/jobs", headers=key).json()["jobs"] == []


@pytest.mark.parametrize(
    ("wishes", "status", "code"),
    [
        ({"name": "a.exe"}, 415, "unsupported_type"),
        ({"name": "a"}, 415, "unsupported_type"),
        ({"size": 0}, 422, "invalid_request"),
        ({"size": -1}, 422, "invalid_request"),
        ({"size": 11 << 30}, 413, "too_large"),
        ({"name": ""}, 422, "invalid_request"),
        ({"language": "Deutsch"}, 422, "invalid_request"),
        ({"webhook_url": "https://127.0.0.1/"}, 422, "refused_address"),
        ({"more": 1}, 422, "invalid_request"),
        ({"direct": True}, 422, "no_bucket"),
    ],
)
def test_bad_uploads_are_not_begun(api: Api, key: Key, wishes: dict[str, Any], status: int, code: str) -> None:
    answer = api.client.post("/api/uploads", headers=key, json={"name": "a.mp3", "size": 10, **wishes})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_forgotten_upload_leaves_nothing(api: Api, key: Key) -> None:
    begun = begin(api, key)
    send(api, key, begun["id"], 1)
    path = f"/api/uploads/{begun['id']}"
    assert api.client.delete(path, headers=key).status_code == 204
    assert list(api.services.jobs_dir.iterdir()) == []
    assert [api.client.request(m, path, headers=key).status_code for m in ("GET", "DELETE")] == [404, 404]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 on this host, with the buckets."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        # What other tests have left: the emulation's memory is the process's.
        httpx2.post(f"http://{host}:{port}/moto-api/reset")
        client = boto3.client("s3", region_name="us-east-1", endpoint_url=f"http://{host}:{port}")
        for bucket in ("media", "archive"):
            client.create_bucket(Bucket=bucket)
        yield client
    finally:
        server.stop()


def test_parts_go_straight_to_s3(database: Database, jobs_dir: Path, s3: Any) -> None:
    content = MP3 + bytes(S3_PART)
    objects, limits = Objects(s3, "media", "archive"), Limits(part_bytes=S3_PART)
    with running(database, jobs_dir, objects=objects, limits=limits) as api:
        key = api.key()
        begun = begin(api, key, size=len(content), direct=True)
        path = f"/api/uploads/{begun['id']}"
        assert sorted(begun["urls"]) == ["1", "2"] and begun["received"] == []
        refused = api.client.put(f"{path}/parts/1", headers=key, content=b"x")
        assert (refused.status_code, refused.json()["code"]) == (409, "direct_upload")
        for number, url in begun["urls"].items():
            at = (int(number) - 1) * S3_PART
            assert httpx2.put(url, content=content[at : at + S3_PART]).status_code == 200
            state = api.client.get(path, headers=key).json()
            assert state["received"] == list(range(1, int(number) + 1))
            assert number not in state["urls"]
        job = api.client.post(f"{path}/complete", headers=key).json()
        assert (job["state"], job["size"]) == (JobState.QUEUED, len(content))
        assert api.client.post(f"{path}/complete", headers=key).json() == job
        with database.read() as session:
            (parcel,) = session.query(Parcel).all()
            assert parcel.kind == Kind.FETCH
        folder = api.services.files.job(job["id"])
        source = api.services.references.fetch({"s3": f"s3://media/jobs/{job['id']}/source.mp3"}, "a.mp3", folder)
        assert (source.name, folder.local("source.mp3").read_bytes()) == ("source.mp3", content)


def test_a_forgotten_direct_upload_leaves_nothing_in_s3(database: Database, jobs_dir: Path, s3: Any) -> None:
    with running(database, jobs_dir, objects=Objects(s3, "media", "archive")) as api:
        key = api.key()
        begun = begin(api, key, direct=True)
        assert len(s3.list_multipart_uploads(Bucket="media").get("Uploads", [])) == 1
        assert api.client.delete(f"/api/uploads/{begun['id']}", headers=key).status_code == 204
        assert s3.list_multipart_uploads(Bucket="media").get("Uploads", []) == []


def test_what_is_no_recording_is_removed_from_s3(database: Database, jobs_dir: Path, s3: Any) -> None:
    with running(database, jobs_dir, objects=Objects(s3, "media", "archive")) as api:
        key = api.key()
        begun = begin(api, key, size=9, direct=True)
        assert httpx2.put(begun["urls"]["1"], content=b"#!/bin/sh").status_code == 200
        answer = api.client.post(f"/api/uploads/{begun['id']}/complete", headers=key)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_type")
        assert s3.list_objects_v2(Bucket="media")["KeyCount"] == 0
