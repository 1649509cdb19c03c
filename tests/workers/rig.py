"""The workers as processes over an emulated SQS: the nearest thing to the rendered tasks without a container.

Each process gets exactly the variables that the contract names, and nothing else of Thoth's.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load
from thoth_infra.contract.queues import QUEUES, RESULTS, Queue, Stage
from thoth_infra.contract.services import SERVICES, Service
from thoth_infra.contract.storage import JOBS, MODELS, Volume
from thoth_infra.emulator import Emulator
from thoth_infra.local.queues import make as make_queues
from thoth_infra.local.variables import Places, variables
from workers.common.messages import Request, Result, Status, now

PROJECT = Path(__file__).resolve().parents[2]
TINY_MODEL = PROJECT / "tests" / "tiny_whisper" / "model"
ORDER = (Stage.AUDIO_EXTRACTION, Stage.TRANSCRIPTION, Stage.MUSIC_TERMS)
BY_STAGE: dict[Stage, Service] = {service.stage: service for service in SERVICES if service.stage}

# The tiny model instead of a real one, on the CPU; and times in which a test can end.
OVERRIDES = {
    "WHISPER_MODEL": str(TINY_MODEL),
    "WHISPER_COMPUTE_TYPE": "int8",
    "WHISPER_ALLOW_CPU": "true",
    "WHISPER_CHUNK_SECONDS": "10",
    "WHISPER_BATCH_SIZE": "8",
    "VISIBILITY_TIMEOUT_SECONDS": "30",
    "STOP_TIMEOUT_SECONDS": "30",
}


@dataclass
class Rig:
    """Queues, folders and processes of one test."""

    emulator: Emulator
    folder: Path
    env: Environment
    endpoint: str
    """Where the workers find AWS: the emulator, or something in between."""
    overrides: dict[str, str] = field(default_factory=dict)
    max_receives: int = 4
    urls: dict[tuple[str, bool], str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    prefix: str | None = None
    """Start of the queues' names where Terraform has made them; None makes queues of the rig's own."""
    credentials: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Variables that sign a service's worker in, by service; else they are the account's own."""
    sqs: Any = None

    def __post_init__(self) -> None:
        """Make queues and folders."""
        account, region = self.env.accounts.own, self.env.region
        self.sqs = self.sqs or self.emulator.client("sqs", account_id=account, region=region)
        if self.prefix is None:
            seconds = int(self.overrides.get("VISIBILITY_TIMEOUT_SECONDS", OVERRIDES["VISIBILITY_TIMEOUT_SECONDS"]))
            self.urls = make_queues(self.sqs, {queue.name: seconds for queue in QUEUES}, self.max_receives)
        else:
            for queue in QUEUES:
                self._find(queue)
        for volume in (JOBS, MODELS):
            self.mount(volume).mkdir(parents=True)

    @property
    def jobs(self) -> Path:
        """The folder of the job folders."""
        return self.mount(JOBS)

    def mount(self, volume: Volume) -> Path:
        """Return what stands for a volume."""
        return self.folder / volume.name

    def url(self, queue: Queue, *, dead_letter: bool = False) -> str:
        """Return a queue's URL."""
        return self.urls[queue.name, dead_letter]

    def variables(self, service: Service) -> dict[str, str]:
        """Return the variables of a service's container, with local folders for its mounts."""
        # The path is the queue's name; the host is where this process finds AWS.
        urls = {key: f"{self.endpoint}/{url.split('/', 3)[3]}" for key, url in self.urls.items()}
        places = Places(urls, {volume.name: self.mount(volume) for volume in (JOBS, MODELS)})
        return variables(self.env, service, places, {**OVERRIDES, **self.overrides})

    def start(self, service: Service, *, log: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a worker; its output goes to ``log``, or to a file of the rig's folder."""
        account = self.emulator.variables(account_id=self.env.accounts.own, region=self.env.region)
        account.update(self.credentials.get(service.name, {}))
        account["AWS_ENDPOINT_URL"] = self.endpoint
        scratch = self.folder / f"tmp-{len(self.processes)}"
        scratch.mkdir(exist_ok=True)
        basics = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_START") if name in os.environ
        }
        environment = {
            **basics,
            **{name: value for name, value in account.items() if value},
            "TMPDIR": str(scratch),
            "OMP_NUM_THREADS": "1",
            **self.variables(service),
        }
        path = log or self.folder / f"{service.name}-{len(self.processes)}.log"
        with path.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, *service.command[1:]],
                cwd=PROJECT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        self.processes.append(process)
        return process

    def logs(self) -> str:
        """Return everything that the workers have printed."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def add(self, job_id: str, source: Path) -> None:
        """Put a lesson where an upload would be."""
        folder = self.jobs / job_id
        folder.mkdir()
        shutil.copy(source, folder / f"source{source.suffix}")

    def request(self, job_id: str, stage: Stage, params: Mapping[str, Any] | None = None, attempt: int = 1) -> Request:
        """Return a request as the orchestrator sends it."""
        return Request(
            job_id=job_id,
            stage=stage,
            attempt=attempt,
            trace_id=f"trace-{job_id}",
            requested_at=now(),
            params=dict(params or {}),
        )

    def send(self, request: Request) -> None:
        """Send a request to its stage's queue."""
        queue = BY_STAGE[request.stage].consumes
        assert queue
        self.sqs.send_message(QueueUrl=self.url(queue), MessageBody=request.model_dump_json())

    def results(self) -> list[Result]:
        """Take some results from their queue."""
        url = self.url(RESULTS)
        answer = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
        found = []
        for message in answer.get("Messages", []):
            found.append(Result.model_validate_json(message["Body"]))
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def dead_letters(self, stage: Stage) -> list[dict[str, Any]]:
        """Take the dead letters of a stage: body and reasons."""
        queue = BY_STAGE[stage].consumes
        assert queue
        url, found = self.url(queue, dead_letter=True), []
        while messages := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], VisibilityTimeout=3600
        ).get("Messages"):
            for message in messages:
                reasons = {k: v["StringValue"] for k, v in message.get("MessageAttributes", {}).items()}
                found.append({"body": message["Body"], **reasons})
        return found

    def waiting(self, stage: Stage) -> tuple[int, int]:
        """Return how many messages of a stage are visible, and how many in flight."""
        queue = BY_STAGE[stage].consumes
        assert queue
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        found = self.sqs.get_queue_attributes(QueueUrl=self.url(queue), AttributeNames=list(names))["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def stop(self) -> None:
        """Kill what still runs."""
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _find(self, queue: Queue) -> None:
        for dead_letter in (False, True):
            name = f"{self.prefix}-{queue.name}{'-dlq' if dead_letter else ''}"
            self.urls[queue.name, dead_letter] = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]


@contextmanager
def rig(emulator: Emulator, folder: Path, *, environment: str = "dev", **options: Any) -> Iterator[Rig]:
    """Yield a rig whose processes end with the block."""
    env = load(PROJECT, environment, personal=False).environment
    made = Rig(emulator, folder, env, options.pop("endpoint", emulator.url), **options)
    try:
        yield made
    finally:
        made.stop()


class Conductor:
    """The smallest orchestrator: asks for the next stage when one is complete, and remembers every result."""

    def __init__(self, rig: Rig, params: Callable[[str, Stage], Mapping[str, Any]]) -> None:
        self.rig = rig
        self.ended: dict[tuple[str, Stage], list[Result]] = {}
        self.percents: list[float] = []
        self._params = params
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Conductor:
        """Start reading results."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._stopping.set()
        self._thread.join()

    def begin(self, job_id: str) -> None:
        """Ask for a job's first stage."""
        self.ask(job_id, ORDER[0])

    def ask(self, job_id: str, stage: Stage) -> None:
        """Ask for one stage."""
        self.rig.send(self.rig.request(job_id, stage, self._params(job_id, stage)))

    def finished(self, job_id: str) -> bool:
        """Whether a job has ended, well or not."""
        return any(r.status is Status.FAILED for s in ORDER for r in self.ended.get((job_id, s), [])) or any(
            r.status is Status.COMPLETED for r in self.ended.get((job_id, ORDER[-1]), [])
        )

    def _run(self) -> None:
        while not self._stopping.is_set():
            found = self.rig.results()
            for result in found:
                self._note(result)
            if not found:
                self._stopping.wait(0.05)

    def _note(self, result: Result) -> None:
        if result.status is Status.PROGRESS:
            self.percents.append(result.metrics["percent"])
            return
        before = self.ended.setdefault((result.job_id, result.stage), [])
        before.append(result)
        # Repeats are harmless: only the first completion leads to the next stage.
        first = sum(r.status is Status.COMPLETED for r in before) == 1
        if result.status is Status.COMPLETED and first and result.stage is not ORDER[-1]:
            self.ask(result.job_id, ORDER[ORDER.index(result.stage) + 1])


def wait_until(condition: Callable[[], object], seconds: float, what: str, rig: Rig | None = None) -> None:
    """Wait for ``condition``; fail with the workers' last words when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            words = rig.logs()[-4000:] if rig else ""
            raise AssertionError(f"{what} did not come within {seconds} s\n{words}")
        time.sleep(0.05)
