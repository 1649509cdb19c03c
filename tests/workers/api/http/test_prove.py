"""``python -m workers.api.prove`` and ``upgrade``, as a deployment runs them, against a running API."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, select

from tests.workers.api.http.process import PATIENCE_SECONDS, Process, processes, work
from thoth_infra.contract.queues import Stage
from thoth_infra.emulator import Emulator
from workers.api.prove import LESSON, TENANT
from workers.api.store import migrate
from workers.api.store.engine import Database
from workers.api.store.models import ApiKey, Job, JobState
from workers.common.messages import Failure, Request, Result, Status

PROVE = "workers.api.prove"


@pytest.fixture
def api(aws: Emulator, tmp_path: Path) -> Iterator[Process]:
    """An API that orchestrates too; the workers are ours."""
    aws.reset()
    with processes(aws, URL.create("sqlite", database=str(tmp_path / "thoth.sqlite3")), tmp_path) as found:
        yield found


def proof(api: Process, *options: str) -> subprocess.Popen[bytes]:
    return api.run(PROVE, *options, PUBLIC_URL=f"http://127.0.0.1:{api.port}")


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, output.decode()


def nothing_is_left(api: Process) -> None:
    database = Database(api.url)
    with database.read() as session:
        (key,) = session.scalars(select(ApiKey)).all()
        assert (key.tenant, bool(key.revoked_at)) == (TENANT, True)
        # The orchestrator erases what is marked.
        assert {job.state for job in session.scalars(select(Job))} <= {JobState.DELETING}
    database.close()


def test_a_lesson_that_comes_through_is_told_and_erased(api: Process) -> None:
    api.start()
    process = proof(api)
    (message,) = api.account.sqs.receive_message(
        QueueUrl=api.account.urls[Stage.AUDIO_EXTRACTION.value], WaitTimeSeconds=20, VisibilityTimeout=0
    )["Messages"]
    job_id = Request.model_validate_json(message["Body"]).job_id
    (source,) = (api.jobs_dir / job_id).glob("source*")
    assert source.read_bytes() == LESSON.read_bytes()
    work(api, job_id)
    code, output = ended(process)
    assert code == 0, output
    assert output.splitlines()[-1].startswith("Play a barre chord."), output
    nothing_is_left(api)


@pytest.mark.slow
def test_a_lesson_that_fails_ends_it_with_the_reason(api: Process) -> None:
    api.start()
    process = proof(api)
    sqs, urls = api.account.sqs, api.account.urls
    (message,) = sqs.receive_message(QueueUrl=urls[Stage.AUDIO_EXTRACTION.value], WaitTimeSeconds=20)["Messages"]
    request = Request.model_validate_json(message["Body"])
    error = Failure(code="no_audio", message="the file has no sound", hint="send another", retryable=False)
    result = Result.of(request, Status.FAILED, error=error)
    sqs.send_message(QueueUrl=urls["results"], MessageBody=result.model_dump_json())
    code, output = ended(process)
    assert code == 1
    assert "not proved: the lesson is failed: no_audio: the file has no sound" in output
    nothing_is_left(api)


@pytest.mark.slow
def test_a_lesson_that_nobody_works_on_is_not_waited_for_for_ever(api: Process) -> None:
    api.start()
    code, output = ended(proof(api, "--patience", "1"))
    assert code == 1
    assert re.search(r"not proved: the lesson is still (queued|running)\b.* after 1 s", output), output
    nothing_is_left(api)


@pytest.mark.slow
def test_an_api_that_does_not_answer_is_told(api: Process) -> None:
    assert api.asked("workers.api.upgrade")[0] == 0
    code, output = ended(proof(api))
    assert (code, "not proved: " in output) == (1, True), output
    nothing_is_left(api)


def test_settings_that_are_missing_end_both(api: Process) -> None:
    for module in (PROVE, "workers.api.upgrade"):
        code, output = ended(api.run(module, APP_KEY=""))
        assert (code, "APP_KEY" in output) == (2, True), output


def test_upgrade_brings_the_tables_up_to_date_once_and_again(api: Process) -> None:
    for _ in range(2):
        code, output = api.asked("workers.api.upgrade")
        assert (code, "tables are up to date" in output) == (0, True), output
        database = Database(api.url)
        assert migrate.differences(database) == []
        database.close()


def test_tables_that_can_not_be_upgraded_end_it(api: Process, tmp_path: Path) -> None:
    code, output = ended(api.run("workers.api.upgrade", DATABASE_PATH=str(tmp_path)))
    assert (code, "could not be brought up to date" in output) == (1, True), output
