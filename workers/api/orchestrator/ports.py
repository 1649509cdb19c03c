"""What the orchestrator needs from outside, as protocols and adapters; and the times that it keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from thoth_infra.contract.queues import Stage
from workers.api.store.engine import Database
from workers.api.store.objects import Objects
from workers.common.folder import FolderFiles, FolderJob
from workers.common.messages import now
from workers.common.ports import Inbox, Outbox, QueueError
from workers.common.sqs import SqsOutbox

Alive = Callable[[], None]


class StageQueue(Outbox, Protocol):
    """The queue of a stage."""

    def depth(self) -> int:
        """Return about how many messages it has, those in a worker's hands too. May raise ``QueueError``."""


class SqsStageQueue(SqsOutbox):
    """``StageQueue`` over a queue URL."""

    _COUNTS = (
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    )

    def depth(self) -> int:
        """Ask SQS; that also keeps the queue's metrics alive, which end after six hours without a call."""
        try:
            answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=list(self._COUNTS))
        except (BotoCoreError, ClientError) as error:
            raise QueueError(str(error)) from error
        return sum(int(answer["Attributes"][name]) for name in self._COUNTS)


class Fetched(Protocol):
    """A source that lies in its job's folder: ``name`` is the file's, ``size`` in bytes."""

    @property
    def name(self) -> str:
        """Name of the file."""

    @property
    def size(self) -> int:
        """Its bytes."""


class Fetch(Protocol):
    """Copies a source that was referred to; a ``StageError`` says why it can't."""

    def __call__(self, reference: dict[str, Any], name: str, files: FolderJob, alive: Alive) -> Fetched:
        """Copy what ``reference`` says into a job's folder; ``name`` is the job's, ``alive`` is called often."""


class Post(Protocol):
    """Sends a webhook."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Return the HTTP status; raises ``PostRefused`` where nothing may be sent, anything else where it failed."""


class PostRefused(Exception):
    """The URL leads where no webhook may be sent: it never will."""


@dataclass(frozen=True)
class Ports:
    """Everything outside. Without ``objects`` nothing is archived, and folders stay as long as their jobs."""

    database: Database
    results: Inbox
    stages: Mapping[Stage, StageQueue]
    files: FolderFiles
    fetch: Fetch
    post: Post
    objects: Objects | None = None
    clock: Callable[[], datetime] = now


@dataclass(frozen=True)
class Policy:
    """Times and numbers."""

    stage_seconds: Mapping[Stage, float]
    """Silence after which a request is taken for lost, unless its queue still has messages."""
    transcript_days: int
    job_files_days: int
    audit_days: int
    upload_days: int = 7
    """Age at which an upload that never ended is removed."""
    poll_seconds: float = 0.5
    wait_seconds: int = 4
    """Of one long poll; a stop waits for it."""
    results_visibility_seconds: float = 90.0
    """At least the visibility time-out of the results queue."""
    reconcile_seconds: float = 180.0
    retention_seconds: float = 3600.0
    lease_seconds: float = 60.0
    """After which another orchestrator delivers what this one has taken and not delivered."""
    request_lease_seconds: float = 15.0
    """The same for requests, which a killed orchestrator must not hold up for long; a repeat is harmless."""
    longest_pause: timedelta = field(default=timedelta(hours=4))
    """Between two tries at a webhook."""
    webhook_tries: int = 20
    """With that pause: about two days."""
    fetch_tries: int = 5
    webhook_threads: int = 4
    fetch_threads: int = 2
