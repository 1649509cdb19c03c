"""Jobs over HTTP: submitted, repeated, listed, followed, tried again, cancelled, erased; and their recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.workers.api.http.rig import MP3, Api, running
from thoth_infra.contract.queues import Stage
from workers.api.http import sniff
from workers.api.http.services import Limits
from workers.api.store.engine import Database
from workers.api.store.models import JobState, Kind, Parcel
from workers.audio_extraction import handler

Key = dict[str, str]
FILE = {"file": ("My first lesson.MP3", MP3, "audio/mpeg")}


def test_a_recording_is_submitted_and_its_first_stage_requested(api: Api, key: Key) -> None:
    wishes = {"language": "de", "webhook_url": "https://example.com/hook", "name": "Übung <1>"}
    answer = api.client.post("/api/jobs", headers=key, files=FILE, data=wishes)
    assert answer.status_code == 201
    job = answer.json()
    assert answer.headers["Location"] == f"/api/jobs/{job['id']}"
    assert (job["name"], job["language"], job["state"], job["size"]) == ("Übung <1>", "de", "queued", len(MP3))
    assert job["stage"] == "audio-extraction" and job["error"] is None and job["transcript_version"] == 0
    assert api.client.get(answer.headers["Location"], headers=key).json() == job
    folder = api.services.jobs_dir / job["id"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"source.mp3": MP3}
    with api.services.database.read() as session:
        (parcel,) = session.query(Parcel).all()
        assert parcel.kind == Kind.REQUEST and json.loads(parcel.body)["params"] == {"source": "source.mp3"}


def test_a_form_whose_file_comes_last_or_first_is_the_same(api: Api, key: Key) -> None:
    parts: list[Any] = [("language", (None, "en")), ("file", ("a.mp3", MP3)), ("name", (None, "A"))]
    for order in (parts, parts[::-1]):
        job = api.client.post("/api/jobs", headers=key, files=order).json()
        assert (job["language"], job["name"]) == ("en", "A")


def test_names_are_for_display_only(api: Api, key: Key) -> None:
    for name in (
        "../../etc/passwd.mp3",
        "..\\..\\a.mp3",
        "/etc/a.mp3",
        "a\u0000\r\nb.mp3",
        "<script>alert(1)</script>.mp3",
    ):
        answer = api.client.post("/api/jobs", headers=key, files={"file": (name, MP3)})
        assert answer.status_code == 201, name
        job = answer.json()
        assert {path.name for path in (api.services.jobs_dir / job["id"]).iterdir()} == {"source.mp3"}
        assert job["name"].isprintable() and job["name"].endswith(".mp3")
    assert {path.parent for path in api.services.jobs_dir.iterdir()} == {api.services.jobs_dir}


def test_the_same_submission_makes_one_job(api: Api, key: Key) -> None:
    header = {**key, "Idempotency-Key": "lesson-1"}
    first, second = (api.client.post("/api/jobs", headers=header, files=FILE, data={"language": "en"}) for _ in "ab")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert [path.name for path in api.services.jobs_dir.iterdir()] == [first.json()["id"]]
    other = {"file": ("My first lesson.MP3", MP3 + b"!")}
    for files, data in ((other, {"language": "en"}), (FILE, {"language": "de"}), (FILE, {})):
        reused = api.client.post("/api/jobs", headers=header, files=files, data=data)
        assert (reused.status_code, reused.json()["code"]) == (409, "idempotency_key_reused")
    assert [path.name for path in api.services.jobs_dir.iterdir()] == [first.json()["id"]]
    stranger = {**api.key(tenant="elsewhere"), "Idempotency-Key": "lesson-1"}
    assert api.client.post("/api/jobs", headers=stranger, files=FILE).status_code == 201
    api.client.delete(f"/api/jobs/{first.json()['id']}", headers=key)
    gone = api.client.post("/api/jobs", headers=header, files=FILE, data={"language": "en"})
    assert (gone.status_code, gone.json()["code"]) == (409, "job_deleted")


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("a.exe", MP3, 415, "unsupported_type"),
        ("a", MP3, 415, "unsupported_type"),
        ("mp3", MP3, 415, "unsupported_type"),
        ("a.mp3.html", MP3, 415, "unsupported_type"),
        ("a.m3u8", b"#EXTM3U\n", 415, "unsupported_type"),
        ("a.mp4", MP3, 415, "wrong_extension"),
        ("a.mp3", b"RIFF\0\0\0\0WAVEfmt ", 415, "wrong_extension"),
        ("a.mp3", b"<html><script>alert(1)</script>", 415, "unsupported_type"),
        ("a.mp4", b"MZ" + bytes(5000), 415, "unsupported_type"),
        ("a.mp4", b"\x7fELF" + bytes(5000), 415, "unsupported_type"),
        ("a.mp3", b"%PDF-1.7\n", 415, "unsupported_type"),
        ("a.wav", b"RIFF\0\0\0\0AVI LIST", 415, "unsupported_type"),
        ("a.mp4", b"#EXTM3U\nfile:///etc/passwd", 415, "unsupported_type"),
        ("a.mp4", b"ffconcat version 1.0\nfile /etc/passwd", 415, "unsupported_type"),
        ("a.webm", b"PK\x03\x04" + bytes(100), 415, "unsupported_type"),
        ("a.mp3", b"", 422, "empty_file"),
    ],
)
def test_what_is_no_recording_is_refused(api: Api, key: Key, name: str, content: bytes, status: int, code: str) -> None:
    answer = api.client.post("/api/jobs", headers=key, files={"file": (name, content)})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["hint"] and answer.headers["Content-Type"] == "application/problem+json"
    assert list(api.services.jobs_dir.iterdir()) == []
    assert api.client.get("/api/jobs", headers=key).json()["jobs"] == []


@pytest.mark.parametrize(
    ("extension", "head"),
    [
        ("mp4", b"\0\0\0\x20ftypisom"),
        ("m4a", b"\0\0\0\x20ftypM4A "),
        ("mov", b"\0\0\0\x08wide\0\0\0\0mdat"),
        ("mkv", b"\x1a\x45\xdf\xa3\x93"),
        ("webm", b"\x1a\x45\xdf\xa3\x9f"),
        ("mpeg", b"\0\0\x01\xba\x44"),
        ("mpg", b"\0\0\x01\xb3\x44"),
        ("mpeg", (b"G" + bytes(187)) * 4),
        ("mp3", b"ID3\x04\0\0\0\0\x02\x01"),
        ("mp3", b"\xff\xfb\x90\x64"),
        ("wav", b"RIFF\x24\0\0\0WAVEfmt "),
        ("wav", b"RF64\xff\xff\xff\xffWAVEds64"),
        ("flac", b"fLaC\0\0\0\x22"),
        ("flac", b"ID3\x04\0\0\0\0\0\x02\0\0fLaC"),
        ("ogg", b"OggS\0\x02"),
    ],
)
def test_every_kind_of_recording_is_taken(api: Api, key: Key, extension: str, head: bytes) -> None:
    content = head + bytes(8000)
    answer = api.client.post("/api/jobs", headers=key, files={"file": (f"a.{extension.upper()}", content)})
    assert answer.status_code == 201, answer.text
    (source,) = (api.services.jobs_dir / answer.json()["id"]).iterdir()
    assert source.read_bytes() == content
    played = api.client.get(f"/api/jobs/{answer.json()['id']}/media", headers=key)
    assert played.content == content and played.headers["Content-Type"].startswith(("audio/", "video/"))


def test_what_is_taken_is_what_the_first_stage_takes() -> None:
    assert set(sniff.EXTENSIONS) == set(handler.EXTENSIONS)


def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(database: Database, jobs_dir: Path) -> None:
    with running(database, jobs_dir, limits=Limits(upload_bytes=3 << 20)) as api:
        key = api.key()
        for content in (MP3 + bytes(3 << 20), MP3 + bytes(8 << 20)):
            answer = api.client.post("/api/jobs", headers=key, files={"file": ("a.mp3", content)})
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        begun = api.client.post("/api/uploads", headers=key, json={"name": "a.mp3", "size": (3 << 20) + 1})
        assert (begun.status_code, begun.json()["code"]) == (413, "too_large")
        assert list(jobs_dir.iterdir()) == []


BOUNDARY = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n' + MP3


@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        ("multipart/form-data", PART, 422, "bad_form"),
        (BOUNDARY, b"", 422, "bad_form"),
        (BOUNDARY, b"nothing of a form", 422, "bad_form"),
        (BOUNDARY, PART, 422, "bad_form"),
        (BOUNDARY, PART + b"\r\n--x", 422, "bad_form"),
        (BOUNDARY, b"--x\r\nX: " + b"y" * 9000, 422, "bad_form"),
        (BOUNDARY, b'--x\r\nContent-Disposition: form-data; name="language"\r\n\r\nen\r\n--x--\r\n', 422, "no_file"),
        (BOUNDARY, PART + b"\r\n" + PART + b"\r\n--x--\r\n", 422, "one_file"),
        (BOUNDARY, PART.replace(b'"file"', b'"other"') + b"\r\n--x--\r\n", 422, "one_file"),
        ("application/json", b"{", 422, "bad_json"),
        ("application/json", b"[" * 60_000, 422, "bad_json"),
        ("application/json", b'"\\ud800"', 422, "bad_json"),
        ("application/json", b"\xff\xfe", 422, "bad_json"),
        ("application/json", b"[]", 422, "invalid_request"),
        ("application/json", b"{}", 422, "invalid_request"),
        ("application/json", b'{"source": {"https": "https://example.com", "s3": "s3://a/b"}}', 422, "invalid_request"),
        ("application/json", b'{"source": {"file": "/etc/passwd"}}', 422, "invalid_request"),
        ("application/json", b'{"source": {"s3": "s3://media/jobs/x/source.mp3"}}', 422, "refused_object"),
        ("text/plain", b"x", 415, "unsupported_media_type"),
        ("", b"x", 415, "unsupported_media_type"),
    ],
)
def test_a_bad_submission_is_refused(api: Api, key: Key, kind: str, body: bytes, status: int, code: str) -> None:
    answer = api.client.post("/api/jobs", headers={**key, "Content-Type": kind}, content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert list(api.services.jobs_dir.iterdir()) == []


@pytest.mark.parametrize(
    "data",
    [
        {"language": "english"},
        {"language": "e1"},
        {"webhook_url": "https://localhost/"},
        {"extra": "x"},
        {"name": "n" * 256},
    ],
)
def test_bad_fields_are_refused_and_leave_nothing(api: Api, key: Key, data: dict[str, str]) -> None:
    answer = api.client.post("/api/jobs", headers=key, files=FILE, data=data)
    assert answer.status_code == 422
    assert list(api.services.jobs_dir.iterdir()) == []


def test_jobs_are_listed_newest_first_page_by_page(api: Api, key: Key) -> None:
    ids = [api.job(name=f"{number}.mp3") for number in range(7)]
    api.job(tenant="elsewhere")
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = api.client.get(
            "/api/jobs", headers=key, params={"limit": 3} | ({"cursor": cursor} if cursor else {})
        ).json()
        seen += [job["id"] for job in page["jobs"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert (seen, pages) == (ids[::-1], 3)
    # A page stays where it is, however many jobs come meanwhile.
    first = api.client.get("/api/jobs", headers=key, params={"limit": 2}).json()
    api.job()
    second = api.client.get("/api/jobs", headers=key, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [job["id"] for job in second["jobs"]] == ids[::-1][2:4]


def test_jobs_are_listed_by_state(api: Api, key: Key) -> None:
    queued, failed, done = api.job(), api.failed(), api.completed()
    for state, wanted in (("queued", [queued]), ("failed", [failed]), ("completed", [done]), ("cancelled", [])):
        answer = api.client.get("/api/jobs", headers=key, params={"status": state})
        assert [job["id"] for job in answer.json()["jobs"]] == wanted
    (job,) = api.client.get("/api/jobs", headers=key, params={"status": "failed"}).json()["jobs"]
    assert job["error"] == {"code": "no_audio", "message": "there is no sound", "hint": "add some"}


@pytest.mark.parametrize(
    "params", [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"cursor": "../"}, {"status": "deleting"}]
)
def test_bad_questions_are_refused(api: Api, key: Key, params: dict[str, Any]) -> None:
    answer = api.client.get("/api/jobs", headers=key, params=params)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_stages_are_told_with_their_times(api: Api, key: Key) -> None:
    stages = api.client.get(f"/api/jobs/{api.completed()}/stages", headers=key).json()["stages"]
    assert [(each["stage"], each["attempt"], each["state"]) for each in stages] == [(s, 1, "completed") for s in Stage]
    assert all(each["seconds"] == 1.5 and each["started_at"] and each["finished_at"] for each in stages)
    (failed,) = api.client.get(f"/api/jobs/{api.failed()}/stages", headers=key).json()["stages"]
    assert failed["error"]["code"] == "no_audio"


def test_a_failed_job_is_tried_again(api: Api, key: Key) -> None:
    job_id = api.failed()
    answer = api.client.post(f"/api/jobs/{job_id}/retry", headers=key)
    assert (answer.status_code, answer.json()["state"], answer.json()["error"]) == (200, "queued", None)
    again = api.client.post(f"/api/jobs/{job_id}/retry", headers=key)
    assert (again.status_code, again.json()["code"]) == (409, "not_ended")


def test_a_job_is_cancelled(api: Api, key: Key) -> None:
    job_id = api.job()
    for _ in "ab":
        answer = api.client.post(f"/api/jobs/{job_id}/cancel", headers=key)
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    done = api.client.post(f"/api/jobs/{api.completed()}/cancel", headers=key)
    assert (done.status_code, done.json()["code"]) == (409, "ended")


def test_a_deleted_job_is_hidden_at_once_and_will_be_erased(api: Api, key: Key) -> None:
    job_id = api.completed()
    assert api.client.delete(f"/api/jobs/{job_id}", headers=key).status_code == 202
    assert api.client.delete(f"/api/jobs/{job_id}", headers=key).status_code == 404
    for path in ("", "/stages", "/events", "/media", "/terms", "/transcript.json"):
        assert api.client.get(f"/api/jobs/{job_id}{path}", headers=key).status_code == 404, path
    assert api.client.get("/api/jobs", headers=key).json()["jobs"] == []
    with api.services.database.read() as session:
        row = api.row(job_id)
        assert row is not None and row.state == JobState.DELETING
        assert Kind.ERASE in {parcel.kind for parcel in session.query(Parcel).filter_by(job_id=job_id)}
