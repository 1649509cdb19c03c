"""The service as a whole: its documents, headers, health, trail, and behaviour when what it needs is away."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate
from sqlalchemy import URL

from tests.workers.api.http.rig import MP3, TENANT, Api, running
from workers.api.http.audit import Access, Trail
from workers.api.http.headers import CONTENT_SECURITY_POLICY
from workers.api.store.engine import Database
from workers.common.messages import now

Key = dict[str, str]
PROBLEM = {"type", "title", "status", "code", "detail", "hint", "problems"}


def test_the_document_is_openapi(api: Api) -> None:
    document = api.client.get("/openapi.json").json()
    validate(document)
    assert document["servers"] == [{"url": "https://thoth.example"}]
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["description"], path
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert set(answer["content"]) == {"application/problem+json"}, (path, status)


def test_the_documentation_shows_every_operation_and_needs_no_other_host(api: Api) -> None:
    page = api.client.get("/docs").text
    document = api.client.get("/openapi.json").json()
    for path in document["paths"]:
        assert f"<code>{path}</code>" in page
    for name in document["components"]["schemas"]:
        assert f'<details id="{name}">' in page
    assert "<script" not in page and "style=" not in page
    assert set(re.findall(r'(?:src|href)="([^"#]*)"', page)) == {"/docs/style.css", "/openapi.json"}


@pytest.mark.parametrize("path", ["/api/me", "/api/jobs/x", "/healthz", "/docs", "/nowhere", "/openapi.json"])
def test_every_answer_tells_browsers_what_they_may_do(api: Api, key: Key, path: str) -> None:
    headers = api.client.get(path, headers=key).headers
    assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY and "http" not in CONTENT_SECURITY_POLICY
    assert (headers["X-Content-Type-Options"], headers["X-Frame-Options"]) == ("nosniff", "DENY")
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in headers
    if path.startswith("/api/"):
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/api/jobs/", 404),
        ("PATCH", "/api/jobs", 405),
        ("TRACE", "/api/me", 405),
        ("GET", "/api/jobs/" + "a" * 5000, 422),
        ("GET", "/api/jobs/%00", 422),
        ("GET", "/api/jobs/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/api/jobs/x/transcript.json%00", 422),
    ],
)
def test_what_is_not_there_is_a_problem_too(api: Api, key: Key, method: str, path: str, status: int) -> None:
    answer = api.client.request(method, path, headers=key)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.json()) == PROBLEM and answer.json()["status"] == status


@pytest.mark.parametrize(
    "path",
    ["/page/../settings.py", "/page/%2e%2e/settings.py", "/page/..%2fsettings.py", "/page//etc/passwd", "/page/"],
)
def test_the_pages_files_are_all_that_is_served(api: Api, path: str) -> None:
    answer = api.client.get(path)
    assert answer.status_code == 404 and "database" not in answer.text


def test_the_page_is_served(api: Api, tmp_path: Path) -> None:
    answer = api.client.get("/")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Cache-Control"] == "no-cache"
    for path in re.findall(r'(?:src|href)="(/page/[^"]+)"', answer.text):
        part = api.client.get(path)
        assert part.status_code == 200, path
        assert part.headers["Cache-Control"] == "no-cache"
        again = api.client.get(path, headers={"If-None-Match": part.headers["ETag"]})
        assert (again.status_code, again.headers["Cache-Control"]) == (304, "no-cache")


def test_the_trail_has_every_access_and_no_content(api: Api, key: Key) -> None:
    job_id = api.completed(name="secret name.mp3")
    before = len(api.audit())
    signed = api.client.post(f"/api/jobs/{job_id}/media-token", headers=key).json()
    api.client.get(signed["url"])
    api.client.get(f"/api/jobs/{job_id}/transcript.json?version=1", headers=key)
    api.client.get(f"/api/jobs/{job_id}", headers=api.key(tenant="elsewhere"))
    api.client.get(f"/api/jobs/{job_id}")
    api.client.get("/api/jobs/..;x", headers=key)
    made = api.client.post("/api/jobs", headers=key, files={"file": ("a.mp3", MP3)}).json()
    api.client.delete(f"/api/jobs/{made['id']}", headers=key)
    api.client.get("/healthz")
    rows = api.audit()[before:]
    assert [(row.action, row.job_id, row.status, row.tenant) for row in rows] == [
        ("POST /api/jobs/{job_id}/media-token", job_id, 200, TENANT),
        ("GET /api/jobs/{job_id}/media", job_id, 200, TENANT),
        ("GET /api/jobs/{job_id}/transcript.{form}", job_id, 200, TENANT),
        ("GET /api/jobs/{job_id}", job_id, 404, "elsewhere"),
        ("GET /api/jobs/{job_id}", job_id, 401, None),
        ("GET /api/jobs/{job_id}", None, 422, TENANT),
        ("POST /api/jobs", made["id"], 201, TENANT),
        ("DELETE /api/jobs/{job_id}", made["id"], 202, TENANT),
    ]
    assert {row.address for row in rows} == {"testclient"}
    assert all((row.key_id is not None) == (row.tenant is not None) for row in rows if row.action[-5:] != "media")
    text = " ".join(str(vars(row)) for row in rows)
    assert "secret name" not in text and signed["token"] not in text
    assert not [secret for secret in api.secrets if secret in text]


def test_a_change_is_on_record_before_it_is_answered(api: Api, key: Key) -> None:
    job_id = api.job()
    api.client.post(f"/api/jobs/{job_id}/cancel", headers=key)
    with api.services.database.read() as session:
        from workers.api.store import audit

        newest = audit.page(session, TENANT, limit=1)
        assert [(row.action, row.status) for row in newest] == [("POST /api/jobs/{job_id}/cancel", 200)]


def test_the_trail_waits_for_a_database_that_is_away(database: Database, tmp_path: Path) -> None:
    away = Database(URL.create("sqlite+pysqlite", database=str(tmp_path / "none.sqlite3")))
    trail = Trail(away)
    access = Access("GET /api/me", now(), TENANT, None, None, 200, "here")
    for _ in range(3):
        trail.note(access)
    trail.flush()
    trail._database = database
    trail.flush()
    with database.read() as session:
        from workers.api.store import audit

        assert len(audit.page(session, TENANT)) == 3
    away.close()


def test_health_is_the_process_and_readiness_what_it_needs(database: Database, jobs_dir: Path) -> None:
    stuck: list[str] = []
    with running(database, jobs_dir, problem=lambda: stuck[0] if stuck else None) as api:
        assert [api.client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]
        assert list(jobs_dir.iterdir()) == []
        jobs_dir.rmdir()
        jobs_dir.write_text("a file where the folder was")
        full = api.client.get("/readyz")
        assert (full.status_code, full.json()["code"]) == (503, "folder_not_writable")
        assert api.client.get("/healthz").status_code == 200
        stuck.append("the routine results has shown no life for 400 seconds")
        ill = api.client.get("/healthz")
        assert (ill.status_code, ill.json()["detail"]) == (503, stuck[0])


def test_a_database_that_is_away_is_told_and_nothing_of_it(jobs_dir: Path) -> None:
    url = URL.create("postgresql+psycopg", username="u", password="hunter2", host="127.0.0.1", port=9, database="d")
    away = Database(url)
    with running(away, jobs_dir) as api:
        for path in ("/api/me", "/api/jobs", "/readyz"):
            answer = api.client.get(path, headers={"Authorization": "Bearer thoth_" + "a" * 24})
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unreachable")
            assert answer.headers["Retry-After"]
            assert "hunter2" not in answer.text and "127.0.0.1" not in answer.text
        assert api.client.get("/healthz").status_code == 200
        api.services.trail._waiting.clear()
    away.close()


def test_a_full_disk_is_told(api: Api, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workers.api.http.incoming.Incoming.take", full)
    answer = api.client.post("/api/jobs", headers=key, files={"file": ("a.mp3", MP3)})
    assert (answer.status_code, answer.json()["code"]) == (503, "disk_full")
    assert list(api.services.jobs_dir.iterdir()) == []


def test_an_error_of_ours_tells_nothing_of_itself(api: Api, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the inside of things")

    monkeypatch.setattr("workers.api.store.jobs.page", broken)
    api.client._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    answer = api.client.get("/api/jobs", headers=key)
    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")
    assert "inside" not in answer.text
    assert api.audit()[-1].status == 500
