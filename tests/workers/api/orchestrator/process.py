"""The orchestrator's process as the container starts it, and workers of every stage, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from tests.workers.api.orchestrator.aws import Account
from thoth_infra.contract.queues import Stage
from workers.common.messages import Request, Result, Status

PROJECT = Path(__file__).resolve().parents[4]
PATIENCE_SECONDS = 60.0


def until(true: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.05)


@dataclass
class Workers:
    """Workers of every stage, which write a file and complete what they are asked for."""

    account: Account
    jobs_dir: Path
    done: list[tuple[str, Stage, int]] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work while the block runs."""
        threads = [threading.Thread(target=self._run, args=(stage,)) for stage in Stage]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join()

    def _run(self, stage: Stage) -> None:
        sqs, urls = self.account.sqs, self.account.urls
        while not self._stopping.is_set():
            answer = sqs.receive_message(QueueUrl=urls[stage.value], WaitTimeSeconds=1)
            for message in answer.get("Messages", ()):
                request = Request.model_validate_json(message["Body"])
                for result in self.work(request):
                    sqs.send_message(QueueUrl=urls["results"], MessageBody=result.model_dump_json())
                sqs.delete_message(QueueUrl=urls[stage.value], ReceiptHandle=message["ReceiptHandle"])

    def work(self, request: Request) -> Iterator[Result]:
        """Write a file, and yield what is told about it."""
        (self.jobs_dir / request.job_id).mkdir(exist_ok=True)
        (self.jobs_dir / request.job_id / f"{request.stage}.json").write_text("{}")
        self.done.append((request.job_id, request.stage, request.attempt))
        yield Result.of(request, Status.COMPLETED, metrics={"seconds": 1.0, "audio_seconds": 9.0})


@dataclass
class Process:
    """The orchestrator's process."""

    account: Account
    url: URL
    folder: Path
    jobs_dir: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    launcher: tuple[str, ...] = ()
    """What runs the module instead of Python itself: ``LENIENT`` and hosts."""

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.folder / "orchestrator.log"

    def start(self, **changes: str) -> subprocess.Popen[bytes]:
        """Start it, with exactly the variables of the contract."""
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "COVERAGE_PROCESS_START") if name in os.environ},
            **self.account.credentials(),
            "TMPDIR": str(self.folder),
            **self.account.variables(self.url, self.jobs_dir),
            **changes,
        }
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *self.launcher, "workers.api.orchestrator"],
                cwd=PROJECT,
                env={name: value for name, value in environment.items() if value},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.running.append(process)
        return process

    def lines(self) -> list[dict[str, Any]]:
        """Return what it has logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def said(self, message: str) -> int:
        """Return how often it has said something."""
        return sum(line["message"] == message for line in self.lines())
