"""Recordings in ranges, from the folder and from the archive, by key and by token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from tests.workers.api.http.rig import APP_KEY, MP3, TENANT, Api, running, s3_client
from workers.api.http.media import Range, wanted
from workers.api.http.problems import Problem
from workers.api.http.tokens import LIFE_SECONDS, MediaTokens
from workers.api.store.engine import Database
from workers.api.store.models import Job
from workers.api.store.objects import Objects
from workers.common.messages import now

SIZE = len(MP3)


@pytest.fixture(params=["folder", "archive"])
def kept(request: pytest.FixtureRequest, database: Database, jobs_dir: Path) -> Iterator[tuple[Api, str]]:
    """An API, and a completed job whose files are in its folder, or in the archive only."""
    with mock_aws():
        s3: Any = s3_client("eu-central-1")
        for bucket in ("media", "archive"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        objects = Objects(s3, "media", "archive")
        with running(database, jobs_dir, objects=objects) as api:
            job_id = api.completed(name='Übung; "1.mp3')
            if request.param == "archive":
                folder = api.services.files.job(job_id)
                for name in folder.names():
                    objects.keep(job_id, folder.local(name))
                    folder.remove(name)
                folder.path.rmdir()
                with database.write() as session:
                    job = session.get(Job, job_id)
                    assert job is not None
                    job.archived_at = job.files_removed_at = now()
            yield api, job_id


# Header, status, and what of the file is answered.
RANGES = (
    (None, 200, 0, SIZE),
    ("bytes=0-", 206, 0, SIZE),
    ("bytes=0-0", 206, 0, 1),
    ("bytes=100-199", 206, 100, 200),
    ("bytes=100-", 206, 100, SIZE),
    ("bytes=-1", 206, SIZE - 1, SIZE),
    ("bytes=-999999999", 206, 0, SIZE),
    (f"bytes={SIZE - 1}-{SIZE + 500}", 206, SIZE - 1, SIZE),
    ("BYTES = 5 - 6", 206, 5, 7),
    ("bytes=7-3", 200, 0, SIZE),
    ("bytes=-", 200, 0, SIZE),
    ("bytes=a-b", 200, 0, SIZE),
    ("bytes=0-1,5-6", 200, 0, SIZE),
    ("pages=1-2", 200, 0, SIZE),
    ("bytes=99999999999999999999-", 200, 0, SIZE),
)


def test_ranges_are_answered(kept: tuple[Api, str]) -> None:
    api, job_id = kept
    key = api.key()
    for header, status, start, end in RANGES:
        answer = api.client.get(f"/api/jobs/{job_id}/media", headers={**key, **({"Range": header} if header else {})})
        assert (header, answer.status_code, answer.content) == (header, status, MP3[start:end])
        assert answer.headers["Content-Length"] == str(end - start)
        assert answer.headers.get("Content-Range") == (f"bytes {start}-{end - 1}/{SIZE}" if status == 206 else None)
        assert answer.headers["Accept-Ranges"] == "bytes" and answer.headers["Content-Type"] == "audio/mpeg"
        assert answer.headers["Content-Disposition"] == "inline; filename*=UTF-8''%C3%9Cbung%3B%20%221.mp3"


def test_ranges_beyond_the_end_are_refused(kept: tuple[Api, str]) -> None:
    api, job_id = kept
    key = api.key()
    for header in (f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0"):
        answer = api.client.get(f"/api/jobs/{job_id}/media", headers={**key, "Range": header})
        assert (header, answer.status_code, answer.json()["code"]) == (header, 416, "range_not_satisfiable")
        assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


def test_a_range_of_something_else_is_the_whole(kept: tuple[Api, str]) -> None:
    api, job_id = kept
    path, key = f"/api/jobs/{job_id}/media", api.key()
    tag = api.client.get(path, headers=key).headers["ETag"]
    for known, status in ((tag, 206), ('"other"', 200)):
        answer = api.client.get(path, headers={**key, "Range": "bytes=0-1", "If-Range": known})
        assert answer.status_code == status


def test_documents_are_read_wherever_they_are(kept: tuple[Api, str]) -> None:
    api, job_id = kept
    key = api.key()
    assert api.client.get(f"/api/jobs/{job_id}/transcript.json", headers=key).json()["job_id"] == job_id
    assert "barre chord" in api.client.get(f"/api/jobs/{job_id}/terms", headers=key).text


def test_what_is_nowhere_any_more_is_not_found(api: Api, key: dict[str, str]) -> None:
    job_id = api.completed()
    folder = api.services.files.job(job_id)
    for name in folder.names():
        folder.remove(name)
    for path in ("media", "terms", "transcript.json"):
        assert api.client.get(f"/api/jobs/{job_id}/{path}", headers=key).status_code == 404


@given(st.integers(0, 50), st.one_of(st.none(), st.integers(0, 60)), st.one_of(st.none(), st.integers(0, 60)))
def test_a_range_is_what_the_standard_says(size: int, first: int | None, last: int | None) -> None:
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    whole = list(range(size))
    if first is None:
        right = None if last is None else whole[max(size - last, 0) :]
    else:
        right = None if last is not None and last < first else whole[first : size if last is None else last + 1]
    if right == []:
        with pytest.raises(Problem) as refused:
            wanted(header, size)
        assert refused.value.status == 416
    else:
        found = wanted(header, size)
        assert (None if found is None else whole[found.start : found.end]) == right
        assert found is None or isinstance(found, Range)


@given(st.text(max_size=40), st.integers(1, 1000))
def test_no_header_breaks_it(header: str, size: int) -> None:
    try:
        found = wanted(header, size)
    except Problem as error:
        assert error.status == 416
    else:
        assert found is None or 0 <= found.start < found.end <= size


def test_a_token_opens_one_jobs_media_and_nothing_else(api: Api, key: dict[str, str]) -> None:
    job_id, other = api.completed(), api.completed()
    signed = api.client.post(f"/api/jobs/{job_id}/media-token", headers=key).json()
    assert api.client.get(signed["url"]).content == MP3
    assert api.client.get(signed["url"], headers={"Range": "bytes=0-2"}).content == MP3[:3]
    token = {"token": signed["token"]}
    assert api.client.get(f"/api/jobs/{other}/media", params=token).status_code == 401
    for path in ("", "/transcript.json", "/terms", "/events", "/stages"):
        assert api.client.get(f"/api/jobs/{job_id}{path}", params=token).status_code == 401, path
    row = api.audit()[-1]
    assert (row.tenant, row.key_id, row.status) == (None, None, 401)
    (played,) = {(row.tenant, row.key_id, row.job_id) for row in api.audit() if row.status == 206}
    assert played == (TENANT, None, job_id)


def test_forged_and_old_tokens_open_nothing(api: Api, key: dict[str, str]) -> None:
    job_id = api.completed()
    token = api.client.post(f"/api/jobs/{job_id}/media-token", headers=key).json()["token"]
    expiry, _, mac = token.partition(".")
    old, _ = MediaTokens(APP_KEY.encode(), clock=lambda: float(expiry) - 2 * LIFE_SECONDS).sign(job_id)
    foreign, _ = MediaTokens(b"another key").sign(job_id)
    bad = [old, foreign, f"{int(expiry) + 1}.{mac}", f"{expiry}.{mac[:-1]}", f"{expiry}.", mac, "", ".", f"-1.{mac}"]
    bad += [f"{expiry}.{mac}x", f"{'9' * 40}.{mac}", "١.x", f"{expiry}.é"]
    for each in bad:
        answer = api.client.get(f"/api/jobs/{job_id}/media", params={"token": each})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised"), each


def test_a_token_ends_with_its_job(api: Api, key: dict[str, str]) -> None:
    job_id = api.completed()
    url = api.client.post(f"/api/jobs/{job_id}/media-token", headers=key).json()["url"]
    api.client.delete(f"/api/jobs/{job_id}", headers=key)
    assert api.client.get(url).status_code == 404
