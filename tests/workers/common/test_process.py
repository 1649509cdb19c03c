"""A worker as a process, with real signals, over the emulated SQS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.conftest import REGION, AsAccount
from tests.workers.common.rig import until
from tests.workers.common.test_health import age, check
from tests.workers.common.waiting_worker import ARTEFACT, GO, HALF, WHOLE
from thoth_infra.contract.queues import Stage
from thoth_infra.contract.services import MUSIC_TERMS
from thoth_infra.emulator.access import Emulator
from workers.common.folder import FolderFiles, FolderJob
from workers.common.health import LIMIT_SECONDS, path_of
from workers.common.messages import Request, Result, now
from workers.common.ports import Delivery
from workers.common.sqs import SqsInbox, SqsOutbox

VISIBILITY_SECONDS = 3
PROJECT = Path(__file__).resolve().parents[3]


@dataclass
class Estate:
    """Three queues and a folder, as the rendered task definition would name them."""

    sqs: Any
    root: Path
    environment: dict[str, str]

    def url(self, name: str) -> str:
        return self.environment[f"{name}_URL"]

    def send(self) -> None:
        asked = Request(job_id="lesson", stage=Stage.MUSIC_TERMS, trace_id="t", requested_at=now())
        SqsOutbox(self.sqs, self.url("QUEUE")).send(asked.model_dump_json())

    def take(self) -> Delivery | None:
        """Return the message if it is visible now."""
        return SqsInbox(self.sqs, self.url("QUEUE")).receive(0)

    def results(self) -> list[Result]:
        found = self.sqs.receive_message(QueueUrl=self.url("RESULTS_QUEUE"), MaxNumberOfMessages=10)
        return [Result.model_validate_json(message["Body"]) for message in found.get("Messages", [])]

    @property
    def job(self) -> FolderJob:
        return FolderFiles(self.root / "jobs").job("lesson")

    @property
    def heartbeat(self) -> Path:
        return self.root / path_of(MUSIC_TERMS.name).name

    def halves(self) -> list[Path]:
        """Return the temporary files in which half of the artefact is."""
        return [path for path in self.job.path.glob(".part-*") if path.read_bytes() == HALF]


@pytest.fixture
def estate(emulator: Emulator, aws: AsAccount, account: str, tmp_path: Path) -> Estate:
    sqs = aws("sqs")
    visibility = {"VisibilityTimeout": str(VISIBILITY_SECONDS)}
    own = {
        f"{name}_URL": sqs.create_queue(QueueName=name.lower(), Attributes=visibility)["QueueUrl"]
        for name in ("QUEUE", "DEAD_LETTER_QUEUE", "RESULTS_QUEUE")
    }
    (tmp_path / "jobs").mkdir()
    reach = emulator.variables(account_id=account, region=REGION)
    contract = {
        "THOTH_ENVIRONMENT": "test",
        "LOG_LEVEL": "INFO",
        "METRIC_NAMESPACE": "Thoth",
        "JOBS_DIR": str(tmp_path / "jobs"),
        "SERVICE_NAME": MUSIC_TERMS.name,
        "VISIBILITY_TIMEOUT_SECONDS": str(VISIBILITY_SECONDS),
        "JOB_TIMEOUT_SECONDS": "600",
        "STOP_TIMEOUT_SECONDS": "60",
        "TMPDIR": str(tmp_path),
    }
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    given = {**kept, **{name: value for name, value in reach.items() if value}, **contract, **own}
    return Estate(sqs, tmp_path, given)


Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(estate: Estate) -> Iterator[Start]:
    """Start a worker, which is killed with the test; its standard output goes to ``worker.log``."""
    running: list[subprocess.Popen[bytes]] = []
    with (estate.root / "worker.log").open("wb") as log:

        def begin() -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", "tests.workers.common.waiting_worker"]
            worker = subprocess.Popen(command, env=estate.environment, cwd=PROJECT, stdout=log, stderr=log)
            running.append(worker)
            return worker

        yield begin
        for worker in running:
            worker.kill()
            worker.wait()


@contextmanager
def half_done(estate: Estate, start: Start) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that has written half of its artefact."""
    worker = start()
    estate.send()
    until(estate.halves, "half an artefact")
    yield worker


def completes(estate: Estate, start: Start) -> None:
    """Let another worker do the job, and look at the end of it."""
    (estate.root / "jobs" / GO).touch()
    worker = start()
    until(lambda: estate.job.names() >= {ARTEFACT, "manifest.json"}, "the artefact")
    worker.send_signal(signal.SIGTERM)
    estate.send()  # ends a long poll that may be in flight
    assert worker.wait(60) == 0
    assert [(result.status, result.artefacts) for result in estate.results()] == [("completed", (ARTEFACT,))]
    assert estate.job.local(ARTEFACT).read_bytes() == WHOLE
    late = estate.take()
    assert late, "what came while it was stopping is visible at once"
    assert sorted(path.name for path in estate.job.path.iterdir()) == ["manifest.json", ARTEFACT]
    assert not estate.heartbeat.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_hands_the_message_back_and_ends_well(estate: Estate, start: Start, number: int) -> None:
    with half_done(estate, start) as worker:
        worker.send_signal(number)
        worker.send_signal(number)
        assert worker.wait(60) == 0

    taken = estate.take()
    assert taken and taken.receives == 2
    SqsInbox(estate.sqs, estate.url("QUEUE")).extend(taken, 0)
    assert list(estate.job.path.iterdir()) == []
    assert estate.results() == []
    lines = [json.loads(line) for line in (estate.root / "worker.log").read_text().splitlines()]
    assert {line["message"] for line in lines} >= {"ready", "begun", "stopping", "stopped"}
    assert [(line["job_id"], line["trace_id"]) for line in lines if line["message"] == "begun"] == [("lesson", "t")]

    completes(estate, start)


def test_a_kill_leaves_no_half_artefact_and_the_next_worker_cleans_up(estate: Estate, start: Start) -> None:
    with half_done(estate, start) as worker:
        worker.kill()
        worker.wait()

    assert estate.job.names() == frozenset()
    assert len(estate.halves()) == 1
    with estate.job.lock(0):
        pass  # the kernel has let go of it
    completes(estate, start)


def test_a_frozen_worker_is_not_healthy(estate: Estate, start: Start) -> None:
    worker = start()
    until(estate.heartbeat.exists, "the first heartbeat")
    assert check(estate.root, MUSIC_TERMS.name).returncode == 0

    worker.send_signal(signal.SIGSTOP)
    until(lambda: _state(worker.pid) == "T", "that it is frozen")
    age(estate.heartbeat, LIMIT_SECONDS + 1)
    unhealthy = check(estate.root, MUSIC_TERMS.name)
    assert (unhealthy.returncode, "has not turned" in unhealthy.stderr) == (1, True)

    worker.send_signal(signal.SIGCONT)
    until(lambda: check(estate.root, MUSIC_TERMS.name).returncode == 0, "that it is healthy again")


def _state(pid: int) -> str:
    """Return the process's state, as ps prints it."""
    asked = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout[:1]
