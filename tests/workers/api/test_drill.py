"""The drill: hundreds of jobs while API, orchestrator and Postgres are killed, and each is done once.

For three minutes one of the three dies every few seconds and is started again; workers repeat themselves and break off;
the receiver of webhooks fails at times. `make drill-api` runs it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from tests.workers.api import postgres
from tests.workers.api.http.process import Process as Api
from tests.workers.api.http.process import processes
from tests.workers.api.http.rig import MP3
from tests.workers.api.lenient import LENIENT
from tests.workers.api.orchestrator.aws import SECRETS
from tests.workers.api.orchestrator.process import Process as Orchestrator
from tests.workers.api.orchestrator.process import Workers
from thoth_infra.contract.queues import Stage
from thoth_infra.emulator import Emulator
from workers.api.store.engine import Database
from workers.api.store.models import Attempt, AttemptState, Job, JobState, Kind, Parcel
from workers.common.messages import Failure, Request, Result, Status

pytestmark = pytest.mark.slow

JOBS, CLIENTS, SECONDS, PATIENCE_SECONDS = 500, 4, 180, 300.0


@dataclass
class Receiver:
    """Takes webhooks: every tenth it refuses, and what it takes it remembers."""

    rng: random.Random
    taken: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Bodies by idempotency key."""
    forged: list[str] = field(default_factory=list)
    refused: int = 0
    port: int = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen while the block runs."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:  # the sender died between its headers and its body: nothing was asked
                    self.close_connection = True
                    return
                self.send_response(receiver.take(dict(self.headers), body))
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.port = server.server_address[1]
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            yield
            server.shutdown()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Return the status of the answer."""
        parts = dict(part.split("=", 1) for part in headers["Thoth-Signature"].split(","))
        signed = parts["t"].encode() + b"." + body
        if hmac.new(SECRETS["WEBHOOK_KEY"].encode(), signed, hashlib.sha256).hexdigest() != parts["v1"]:
            self.forged.append(body.decode())
        # Some are taken and the sender never hears of it.
        chance = self.rng.random()
        if chance >= 0.05:
            self.taken[headers["Idempotency-Key"]].append(body.decode())
        if chance < 0.1:
            self.refused += 1
            return 500
        return 204


class Careless(Workers):
    """Workers that tell some things twice, and at times break off once."""

    def work(self, request: Request) -> Iterator[Result]:
        """Complete a stage, mostly."""
        chance = int(hashlib.sha256(f"{request.job_id}{request.stage}".encode()).hexdigest(), 16) % 20
        if chance == 0 and request.attempt == 1:
            error = Failure(code="unlucky", message="it broke", hint="again", retryable=True)
            yield Result.of(request, Status.FAILED, error=error)
            return
        for result in super().work(request):
            yield result
            if chance in {1, 2}:
                yield result


@dataclass
class Client:
    """Submits jobs as a careful program does: with an idempotency key, again and again until there is an answer."""

    api: Api
    key: dict[str, str]
    webhook: str
    accepted: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Ids that were answered, by idempotency key."""
    tries: Counter[str] = field(default_factory=Counter)

    def submit(self, number: int) -> None:
        """Submit one job, some of them twice."""
        for _ in range(2 if number % 10 == 0 else 1):
            self._submit(f"drill-{number}", {"file": (f"lesson {number}.mp3", MP3 + str(number).encode())})

    def _submit(self, key: str, files: dict[str, Any]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                with self.api.client(**self.key, **{"Idempotency-Key": key}) as client:
                    answer = client.post("/api/jobs", files=files, data={"webhook_url": self.webhook})
            except httpx2.HTTPError as error:
                self.tries[type(error).__name__] += 1
            else:
                self.tries[str(answer.status_code)] += 1
                if answer.status_code in {200, 201}:
                    self.accepted[key].add(answer.json()["id"])
                    return
                # What a client may not repeat is a fault.
                assert answer.status_code in {429, 503}, answer.text
                assert answer.headers["Retry-After"]
            time.sleep(0.3)
        raise AssertionError(f"{key} was never accepted: {self.tries}")


@dataclass
class Victims:
    """The three that are killed."""

    api: Api
    orchestrator: Orchestrator
    server: postgres.Postgres
    rng: random.Random
    hurt: Counter[str] = field(default_factory=Counter)

    def hurt_one(self) -> None:
        """Kill one, kindly or not, and start it again after a while."""
        name = self.rng.choice(("api", "orchestrator", "postgres"))
        how = self.rng.choice((signal.SIGKILL, signal.SIGTERM))
        self.hurt[f"{name} {how.name}"] += 1
        if name == "postgres":
            self.server.kill() if how == signal.SIGKILL else self.server.stop(signal.SIGINT)
            self._pause()
            self.server.start()
            return
        process = self.api.process if name == "api" else self.orchestrator.running[-1]
        assert process and process.poll() is None, f"the {name} has ended by itself"
        process.send_signal(how)
        status = process.wait(60)
        assert how == signal.SIGKILL or status == 0, f"the {name} ended with {status}"
        self._pause()
        if name == "api":
            # Not waited for: it may have to wait for the database.
            self.api.process = self.api.run("workers.api")
        else:
            self.orchestrator.start()

    def _pause(self) -> None:
        time.sleep(self.rng.uniform(0, 2))


def test_every_job_finishes_once_whoever_dies(aws: Emulator, tmp_path: Path) -> None:
    if not postgres.installed():
        pytest.skip("Postgres 15 is not installed (Debian's package postgresql-15)")
    rng = random.Random(20261123)  # noqa: S311 - no secret
    receiver = Receiver(random.Random(rng.random()))  # noqa: S311 - no secret
    aws.reset()
    with postgres.running() as server, receiver.listening(), processes(aws, server.url, tmp_path) as api:
        host = f"127.0.0.1:{receiver.port}"
        api.launcher = (LENIENT, host)
        orchestrator = Orchestrator(api.account, server.url, tmp_path, api.jobs_dir, launcher=(LENIENT, host))
        try:
            api.start(LOG_LEVEL="INFO")
            orchestrator.start()
            client = Client(api, api.key("jobs:read", "jobs:write"), f"http://{host}/hook")
            victims = Victims(api, orchestrator, server, rng)
            workers = Careless(api.account, api.jobs_dir)
            with workers.working():
                _submit_while_they_die(client, victims)
                database = Database(server.url)
                _settle(database)
            _judge(database, client, receiver, api.jobs_dir)
            database.close()
        finally:
            for process in orchestrator.running:
                process.kill()
                process.wait()
    print(  # noqa: T201
        f"{JOBS} jobs finished once; {dict(victims.hurt)}; answers to clients {dict(client.tries)}; "
        f"{len(workers.done)} stages done; {receiver.refused} webhooks refused, "
        f"{sum(map(len, receiver.taken.values()))} taken"
    )


def _submit_while_they_die(client: Client, victims: Victims) -> None:
    began = time.monotonic()

    def submit(number: int) -> None:
        # Evenly over the whole time.
        time.sleep(max(0.0, began + number * SECONDS / JOBS - time.monotonic()))
        client.submit(number)

    with ThreadPoolExecutor(CLIENTS) as clients:
        submitted = [clients.submit(submit, number) for number in range(JOBS)]
        while time.monotonic() - began < SECONDS:
            time.sleep(victims.rng.uniform(2, 5))
            victims.hurt_one()
        for each in submitted:
            each.result()


def _settle(database: Database) -> None:
    open_jobs = select(func.count()).select_from(Job).where(Job.state.not_in((JobState.COMPLETED, JobState.FAILED)))
    unsent = select(func.count()).select_from(Parcel).where(Parcel.sent_at.is_(None), Parcel.dropped_at.is_(None))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with database.read() as session:
            left = session.scalar(open_jobs), session.scalar(unsent)
        if left == (0, 0):
            return
        assert time.monotonic() < deadline, f"jobs open, parcels unsent: {left}"
        time.sleep(0.5)


def _judge(database: Database, client: Client, receiver: Receiver, jobs_dir: Path) -> None:
    accepted = client.accepted
    assert len(accepted) == JOBS
    # However often it was asked for, each was made once.
    assert all(len(ids) == 1 for ids in accepted.values())
    ids = {job_id for found in accepted.values() for job_id in found}
    with database.read() as session:
        jobs = session.scalars(select(Job)).all()
        attempts = session.scalars(select(Attempt)).all()
        hooks = session.scalars(select(Parcel).where(Parcel.kind == Kind.WEBHOOK)).all()
    assert {job.id for job in jobs} == ids
    assert {job.state for job in jobs} == {JobState.COMPLETED}
    completed = Counter((row.job_id, row.stage) for row in attempts if row.state == AttemptState.COMPLETED)
    assert completed == {(job_id, stage): 1 for job_id in ids for stage in Stage}
    assert all(row.state in {AttemptState.COMPLETED, AttemptState.FAILED} for row in attempts)
    # One webhook for each job, however often it was sent.
    assert sorted(hook.job_id for hook in hooks) == sorted(ids)
    assert set(receiver.taken) == {hook.key for hook in hooks}
    assert not receiver.forged
    for hook in hooks:
        assert set(receiver.taken[hook.key]) == {hook.body}
        assert json.loads(hook.body)["data"]["state"] == "completed"
    # What was sent is there as it was sent.
    for key, (job_id,) in accepted.items():
        number = key.removeprefix("drill-")
        assert (jobs_dir / job_id / "source.mp3").read_bytes() == MP3 + number.encode()
