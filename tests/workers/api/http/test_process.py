"""The API as the container starts it: migrations, health, stop, the orchestrator inside; and nothing secret said."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.workers.api.http.process import PATIENCE_SECONDS, PROJECT, Process, processes, work
from tests.workers.api.http.rig import MP3
from tests.workers.api.orchestrator.aws import SECRETS
from thoth_infra.emulator import Emulator
from workers.api.store import migrate
from workers.api.store.engine import Database
from workers.api.store.models import GlossaryVersion
from workers.common.messages import now

UPLOAD_BYTES = 2 << 30
RESIDENT_MIB = 150


@pytest.fixture
def api(aws: Emulator, database: Database, tmp_path: Path) -> Iterator[Process]:
    """The API's process over records of each kind."""
    aws.reset()
    with processes(aws, database.url, tmp_path) as found:
        yield found


@contextmanager
def without_tables(url: URL) -> Iterator[None]:
    """Take the tables away; other tests find them again although the API did not make them."""
    database = Database(url)
    try:
        migrate.downgrade(database)
        yield
    finally:
        migrate.upgrade(database)
        database.close()


def test_it_migrates_serves_and_stops(api: Process) -> None:
    with without_tables(api.url):
        api.start()
    key = api.key("jobs:read", "jobs:write")
    with api.client(**key) as client:
        assert client.get("/readyz").json() == {"status": "ok"}
        assert client.get("/api/me").json()["tenant"] == "conservatory"
        job = client.post("/api/jobs", files={"file": ("a.mp3", MP3)}).json()
        assert "Server" not in client.get("/healthz").headers
    assert api.asked("workers.api.health") == (0, "")
    assert api.end() == 0
    status, output = api.asked("workers.api.health")
    assert (status, "does not answer" in output) == (1, True)
    api.start()
    with api.client(**key) as client:
        assert client.get(f"/api/jobs/{job['id']}").json()["name"] == "a.mp3"
        assert client.get(f"/api/jobs/{job['id']}/media").content == MP3
    assert api.end(signal.SIGINT) == 0


@pytest.mark.slow
def test_with_a_database_file_it_orchestrates_too(aws: Emulator, tmp_path: Path) -> None:
    aws.reset()
    with processes(aws, URL.create("sqlite", database=str(tmp_path / "thoth.sqlite3")), tmp_path) as api:
        api.start()
        with api.client(**api.key("jobs:read", "jobs:write")) as client:
            job_id = client.post("/api/jobs", files={"file": ("a.mp3", MP3)}).json()["id"]
            with client.stream("GET", f"/api/jobs/{job_id}/events") as stream:
                work(api, job_id)
                states = [json.loads(line[6:])["state"] for line in stream.iter_lines() if line.startswith("data: ")]
            assert (states[0], states[-1]) == ("queued", "completed")
            assert client.get(f"/api/jobs/{job_id}/transcript.txt").text.startswith("Play a barre chord.")
        assert api.end() == 0


def test_it_stops_though_somebody_follows_a_job(api: Process) -> None:
    api.start()
    with api.client(**api.key("jobs:read", "jobs:write")) as client:
        job_id = client.post("/api/jobs", files={"file": ("a.mp3", MP3)}).json()["id"]
        with client.stream("GET", f"/api/jobs/{job_id}/events") as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("id: ")
            assert api.end() == 0
    assert not [line for line in api.lines() if line["level"] in {"ERROR", "CRITICAL"}]


def test_no_line_that_it_logs_holds_a_secret(api: Process, database: Database) -> None:
    api.start()
    key = api.key("jobs:read", "jobs:write", "glossary:read")
    wrong = "thoth_" + "z" * 24
    with api.client(**key) as client:
        job_id = client.post("/api/jobs", files={"file": ("a.mp3", MP3)}).json()["id"]
        signed = client.post(f"/api/jobs/{job_id}/media-token").json()
        for path in (signed["url"], f"/api/jobs/{job_id}?token={signed['token']}", f"/api/{signed['token']}"):
            client.get(path)
        client.get("/api/me", headers={"Authorization": f"Bearer {wrong}"})
        client.post("/api/jobs", content=key["Authorization"], headers={"Content-Type": "application/json"})
        client.post("/api/jobs", json={"source": {"https": f"https://u:{wrong}@example.com/"}})
        # An error of its own, with a traceback.
        with database.write() as session:
            session.add(GlossaryVersion(version=99, content="{", prompt=[], created_at=now()))
        assert client.get("/api/glossary").status_code == 500
    api.jobs_dir.rename(api.folder / "away")
    with api.client(**key) as client:
        client.get("/readyz")
    assert api.end() == 0
    assert {"ready", "stopped"} <= {line["message"] for line in api.lines()}
    assert [line for line in api.lines() if "ValidationError" in line.get("exception", "")]
    text = api.log.read_text()
    for secret in (*api.secrets, *SECRETS.values(), signed["token"], wrong):
        assert secret not in text


def test_settings_that_are_missing_are_named(api: Process) -> None:
    process = api.run("workers.api", APP_KEY="", PORT="http")
    assert process.wait(PATIENCE_SECONDS) == 2
    text = api.log.read_text()
    assert "APP_KEY" in text and "PORT" in text and SECRETS["WEBHOOK_KEY"] not in text


def test_a_port_that_is_taken_ends_it(api: Process) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", api.port))  # noqa: S104 - as the API does
        taken.listen()
        process = api.run("workers.api")
        assert process.wait(PATIENCE_SECONDS) == 1
    assert any("address already in use" in line["message"] for line in api.lines())


@pytest.mark.slow
def test_two_gigabytes_are_uploaded_in_little_memory(aws: Emulator, tmp_path: Path) -> None:
    aws.reset()
    with processes(aws, URL.create("sqlite", database=str(tmp_path / "thoth.sqlite3")), tmp_path) as api:
        api.start()
        assert api.process
        key = api.key("jobs:read", "jobs:write")
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n' + MP3
        tail = b"\r\n--x--\r\n"
        block = bytes(range(256)) * 4096

        def body() -> Iterator[bytes]:
            yield head
            for _ in range(UPLOAD_BYTES // len(block)):
                yield block
            yield tail

        with api.client(**key, **{"Content-Type": "multipart/form-data; boundary=x"}) as client:
            job = client.post("/api/jobs", content=body(), timeout=600).json()
            assert job["size"] == UPLOAD_BYTES + len(MP3)
            received = 0
            with client.stream("GET", f"/api/jobs/{job['id']}/media") as stream:
                for piece in stream.iter_raw():
                    received += len(piece)
            assert received == job["size"]
        status = Path(f"/proc/{api.process.pid}/status").read_text()
        (peak,) = (int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
        print(f"{UPLOAD_BYTES >> 20:,} MiB uploaded and read again; at most {peak:.0f} MiB resident")  # noqa: T201
        assert peak <= RESIDENT_MIB
        assert api.end() == 0


def test_the_image_needs_nothing_of_the_stages() -> None:
    code = "import sys, workers.api.__main__; print(*{name.partition('.')[0] for name in sys.modules})"
    found = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True, capture_output=True, text=True)
    loaded = set(found.stdout.split())
    assert "fastapi" in loaded
    assert not loaded & {"spacy", "faster_whisper", "ctranslate2", "numpy", "torch", "av", "tests", "jinja2"}
