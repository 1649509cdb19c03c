"""The orchestrator as the container starts it: over SQS and S3, told to stop, killed, and started again."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.workers.api.orchestrator.aws import SECRETS, Account
from tests.workers.api.orchestrator.process import PATIENCE_SECONDS, Process, Workers, until
from tests.workers.api.orchestrator.system import Fetches, Posts
from tests.workers.api.records import attempts, job, submit, tell
from thoth_infra.contract.queues import Stage
from workers.api.http.guard import Guard
from workers.api.orchestrator.compose import orchestrator_of, policy_of
from workers.api.orchestrator.orchestrator import Orchestrator
from workers.api.orchestrator.ports import Policy, Ports, SqsStageQueue
from workers.api.settings import OrchestratorSettings, read_orchestrator
from workers.api.store.engine import Database
from workers.api.store.models import JobState
from workers.common.folder import FolderFiles
from workers.common.health import Heartbeat, path_of
from workers.common.messages import Status, now
from workers.common.ports import QueueError
from workers.common.sqs import SqsInbox


@pytest.fixture
def process(account: Account, postgres_records: Database, tmp_path: Path, jobs_dir: Path) -> Iterator[Process]:
    """The process, killed in the end."""
    made = Process(account, postgres_records.url, tmp_path, jobs_dir)
    yield made
    for each in made.running:
        each.kill()
        each.wait()


def _all(database: Database, ids: list[str], state: JobState) -> bool:
    return all(job(database, job_id).state == state for job_id in ids)


@pytest.mark.slow
def test_jobs_come_to_their_end_though_the_orchestrator_is_killed_again_and_again(
    process: Process, postgres_records: Database
) -> None:
    ids = [submit(postgres_records, made_at=now()) for _ in range(15)]
    workers = Workers(process.account, process.jobs_dir)
    with workers.working():
        for seen in (5, 15, 25):
            current = process.start()
            until(lambda seen=seen: len(workers.done) >= seen, f"{seen} stages")  # type: ignore[misc]
            current.send_signal(signal.SIGKILL)
            current.wait()
        process.start()
        until(lambda: _all(postgres_records, ids, JobState.COMPLETED), "every job")
        until(lambda: all(job(postgres_records, job_id).archived_at for job_id in ids), "the archive")
    for job_id in ids:
        assert attempts(postgres_records, job_id) == [(stage.value, 1, "completed") for stage in Stage]
    assert len(process.account.keys("archive")) == 3 * len(ids)


def test_told_to_stop_it_ends_and_says_so(process: Process, postgres_records: Database) -> None:
    submit(postgres_records, made_at=now())
    current = process.start()
    health = process.folder / path_of("orchestrator").name
    until(lambda: health.exists() and process.said("requested") == 1, "the first request")
    current.send_signal(signal.SIGTERM)
    current.send_signal(signal.SIGTERM)
    assert current.wait(PATIENCE_SECONDS) == 0
    assert not health.exists()
    assert next(line["message"] for line in process.lines()) == "ready"
    (stopped,) = [line for line in process.lines() if line["message"] == "stopped"]
    assert stopped["clean"] is True
    assert {line["service"] for line in process.lines()} == {"orchestrator"}


@pytest.mark.slow
def test_it_waits_for_a_database_that_is_not_there_yet(process: Process) -> None:
    current = process.start(DATABASE_PORT="1")
    until(lambda: process.log.exists() and process.said("waiting for the database") > 1, "two tries")
    current.send_signal(signal.SIGTERM)
    assert current.wait(PATIENCE_SECONDS) == 0
    assert not any(secret in process.log.read_text() for secret in SECRETS.values())


def test_it_names_every_variable_that_is_missing(process: Process) -> None:
    assert process.start(RESULTS_QUEUE_URL="", WEBHOOK_KEY="short").wait(PATIENCE_SECONDS) == 2
    said = process.log.read_text()
    assert "RESULTS_QUEUE_URL" in said and "WEBHOOK_KEY" in said
    assert "short" not in said.replace("at least", "")


@pytest.mark.slow
def test_no_secret_is_in_what_it_logs(process: Process, postgres_records: Database) -> None:
    ids = [submit(postgres_records, made_at=now(), webhook_url="https://169.254.169.254/") for _ in range(2)]
    process.start(LOG_LEVEL="DEBUG")
    with Workers(process.account, process.jobs_dir).working():
        until(lambda: _all(postgres_records, ids, JobState.COMPLETED), "every job")
        until(lambda: process.said("given up") == 2, "the refused webhooks")
    text = process.log.read_text()
    assert not any(secret in text for secret in SECRETS.values())


@pytest.fixture
def settings(
    account: Account, postgres_like: URL, jobs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> OrchestratorSettings:
    """The settings of an orchestrator within this process."""
    for name, value in account.credentials().items():
        monkeypatch.setenv(name, value)
    return read_orchestrator(account.variables(postgres_like, jobs_dir))


@pytest.fixture
def postgres_like() -> URL:
    """Where the settings say that the records are; the tests hand over their own."""
    return URL.create("postgresql+psycopg", username="u", host="nowhere", port=5432, database="d")


def test_within_another_process_it_starts_and_stops(
    settings: OrchestratorSettings, account: Account, database: Database, jobs_dir: Path, tmp_path: Path
) -> None:
    ids = [submit(database, made_at=now()) for _ in range(5)]
    heartbeat = Heartbeat(tmp_path / "health")
    policy = policy_of(settings)
    assert policy.stage_seconds == {Stage.AUDIO_EXTRACTION: 3600, Stage.TRANSCRIPTION: 14400, Stage.MUSIC_TERMS: 900}
    orchestrator = orchestrator_of(settings, database, guard=Guard(), heartbeat=heartbeat)
    orchestrator.start()
    with Workers(account, jobs_dir).working():
        until(lambda: _all(database, ids, JobState.COMPLETED), "every job")
    until(heartbeat.path.exists, "the heartbeat")
    assert orchestrator.problem() is None
    assert orchestrator.stop(30)
    assert not heartbeat.path.exists()
    late = submit(database, made_at=now())
    assert attempts(database, late) == [("audio-extraction", 1, "requested")]


@pytest.mark.slow
def test_a_routine_that_is_stuck_ends_the_heartbeat(
    account: Account, database: Database, jobs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    class Stuck(Posts):
        """Never returns."""

        def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
            release.wait()
            return super().__call__(url, headers, body)

    monkeypatch.setattr("workers.api.orchestrator.orchestrator.PATIENCE_SECONDS", 2.0)
    ports = Ports(
        database=database,
        results=SqsInbox(account.sqs, account.urls["results"]),
        stages={stage: SqsStageQueue(account.sqs, account.urls[stage.value]) for stage in Stage},
        files=FolderFiles(jobs_dir),
        fetch=Fetches(),
        post=Stuck(),
    )
    policy = Policy(dict.fromkeys(Stage, 60.0), 90, 7, 180, wait_seconds=0, poll_seconds=0.05)
    heartbeat = Heartbeat(tmp_path / "health")
    orchestrator = Orchestrator(ports, policy, b"k" * 32, heartbeat)
    orchestrator.start()
    try:
        until(heartbeat.path.exists, "the heartbeat")
        job_id = submit(database, made_at=now(), webhook_url="https://example.com/hook")
        tell(database, job_id, Stage.AUDIO_EXTRACTION, Status.FAILED)
        until(lambda: "webhook" in (orchestrator.problem() or ""), "the stuck routine")
        before = heartbeat.path.stat().st_mtime_ns
        time.sleep(2.5)
        assert heartbeat.path.stat().st_mtime_ns == before
    finally:
        release.set()
        assert orchestrator.stop(30)


def test_a_stage_queue_counts_what_waits_and_what_is_in_hand(account: Account) -> None:
    queue = SqsStageQueue(account.sqs, account.urls["transcription"])
    assert queue.depth() == 0
    for number in range(3):
        queue.send(str(number))
    account.sqs.receive_message(QueueUrl=account.urls["transcription"])
    assert queue.depth() == 3
    with pytest.raises(QueueError):
        SqsStageQueue(account.sqs, account.urls["transcription"] + "-gone").depth()
