"""The API's process as the container starts it, for tests."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import URL

from tests.ports import free_port
from tests.workers.api.http.rig import transcript
from tests.workers.api.orchestrator.aws import Account
from thoth_infra.contract.queues import Stage
from thoth_infra.contract.services import API, API_ALONE
from thoth_infra.emulator import Emulator
from workers.api import health
from workers.common.folder import FolderFiles
from workers.common.messages import Request, Result, Status

PROJECT = Path(__file__).resolve().parents[4]
PATIENCE_SECONDS = 60.0


@dataclass
class Process:
    """The API's process, with exactly the variables of the contract."""

    account: Account
    url: URL
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    secrets: list[str] = field(default_factory=list)
    launcher: tuple[str, ...] = ()
    """What runs the API's modules instead of Python itself: ``LENIENT`` and hosts."""

    @property
    def jobs_dir(self) -> Path:
        """Where the job folders are."""
        return self.folder / "jobs"

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.folder / "api.log"

    def variables(self) -> dict[str, str]:
        """Return what it is given."""
        known = {
            **self.account.variables(self.url, self.jobs_dir),
            "SERVICE_NAME": "api",
            "LOG_LEVEL": "DEBUG",
            "PORT": str(self.port),
            "PUBLIC_URL": "https://thoth.example",
            **{f"{stage.name}_TIMEOUT_SECONDS": "600" for stage in Stage},
        }
        service = API
        if self.url.get_backend_name() == "sqlite":
            service = API_ALONE
            known["DATABASE_PATH"] = str(self.url.database)
        return {variable.name: known[variable.name] for variable in service.variables}

    def run(self, *module: str, **changes: str) -> subprocess.Popen[bytes]:
        """Start a module of the image; the API's own output goes to the log, that of others can be read."""
        basics = {name: os.environ[name] for name in ("PATH", "HOME", "COVERAGE_PROCESS_START") if name in os.environ}
        environment = {**basics, **self.account.credentials(), **self.variables(), **changes}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *(self.launcher if module == ("workers.api",) else ()), *module],
                cwd=PROJECT,
                env={name: value for name, value in environment.items() if value},
                stdin=subprocess.DEVNULL,
                stdout=log if module == ("workers.api",) else subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )

    def asked(self, *module: str) -> tuple[int, str]:
        """Run a module to its end; return exit status and output."""
        with self.run(*module) as process:
            output, _ = process.communicate(timeout=PATIENCE_SECONDS)
            return process.returncode, output.decode()

    def start(self, **changes: str) -> None:
        """Start the API, and wait until it is ready."""
        self.process = self.run("workers.api", **changes)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while health.problem(self.port):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Tell it to stop; return its exit status."""
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def key(self, *scopes: str) -> dict[str, str]:
        """Make a key the way an operator does."""
        wanted = [part for scope in scopes for part in ("--scope", scope)]
        _, output = self.asked("workers.api.keys", "create", "--tenant", "conservatory", *wanted)
        (secret,) = re.findall(r"thoth_[a-z2-7]{24}", output)
        self.secrets.append(secret)
        return {"Authorization": f"Bearer {secret}"}

    def client(self, **headers: str) -> httpx2.Client:
        """Return a client of it."""
        return httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=60)

    def lines(self) -> list[dict[str, Any]]:
        """Return what it has logged: every line is JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@contextmanager
def processes(aws: Emulator, url: URL, folder: Path) -> Iterator[Process]:
    """Yield a process that is not started yet; it ends with the block."""
    found = Process(Account(aws), url, folder, free_port())
    found.jobs_dir.mkdir(exist_ok=True)
    try:
        yield found
    finally:
        if found.process and found.process.poll() is None:
            found.process.kill()
            found.process.wait()


def work(api: Process, job_id: str) -> None:
    """Do what the workers would."""
    sqs, urls = api.account.sqs, api.account.urls
    for stage in Stage:
        (message,) = sqs.receive_message(QueueUrl=urls[stage.value], WaitTimeSeconds=20)["Messages"]
        request = Request.model_validate_json(message["Body"])
        assert request.job_id == job_id
        with FolderFiles(api.jobs_dir).job(job_id).writing("transcript.json") as path:
            path.write_text(transcript(job_id).model_dump_json())
        result = Result.of(request, Status.COMPLETED, metrics={"seconds": 1.0, "audio_seconds": 12.0})
        sqs.send_message(QueueUrl=urls["results"], MessageBody=result.model_dump_json())
