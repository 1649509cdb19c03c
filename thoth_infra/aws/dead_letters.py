"""Dead-letter queues: what lies in them, and the way back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from thoth_infra.aws.clients import Clients
from thoth_infra.contract.queues import QUEUES
from thoth_infra.errors import ThothError, did_you_mean

# How long what is looked at stays hidden if nobody hands it back.
_HIDDEN_SECONDS: Final = 120
_AT_ONCE: Final = 10
_PERIOD_SECONDS: Final = 60
_LOOK_BACK: Final = timedelta(minutes=15)
_POLL_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Counts:
    """A queue and its dead letters; ``oldest_seconds``: how long the oldest of these has been dead, if known."""

    queue: str
    waiting: int
    in_work: int
    dead: int
    oldest_seconds: int | None


@dataclass(frozen=True)
class Letter:
    """A dead letter; what can't be read in its body, or was not told, is empty."""

    id: str
    sent: str
    receives: int
    job_id: str
    stage: str
    attempt: int | None
    code: str
    reason: str
    hint: str
    body: str


@dataclass(frozen=True)
class Moved:
    """How a redrive stands."""

    status: str
    moved: int
    of: int


class Queue:
    """One work queue of an environment, and its dead-letter queue."""

    def __init__(self, clients: Clients, prefix: str, name: str) -> None:
        """Find the queue. Raises ThothError for a name that there is not, and where nothing was applied."""
        known = [queue.name for queue in QUEUES]
        name = name.removesuffix("-dlq")
        if name not in known:
            raise ThothError(f"there is no queue {name!r}", did_you_mean(name, known))
        self.name = name
        self._clients = clients
        self._sqs = clients("sqs")
        self._dead_name = f"{prefix}-{name}-dlq"
        self._url = self._find(f"{prefix}-{name}")
        self._dead_url = self._find(self._dead_name)

    def _find(self, name: str) -> str:
        try:
            return str(self._sqs.get_queue_url(QueueName=name)["QueueUrl"])
        except self._sqs.exceptions.QueueDoesNotExist:
            raise ThothError(f"there is no queue {name}", "apply the environment first") from None

    def counts(self) -> Counts:
        """Return how many messages there are; SQS counts within a minute or so."""
        work, dead = self._attributes(self._url), self._attributes(self._dead_url)
        waiting = int(work["ApproximateNumberOfMessages"]) + int(work["ApproximateNumberOfMessagesDelayed"])
        lying = int(dead["ApproximateNumberOfMessages"]) + int(dead["ApproximateNumberOfMessagesNotVisible"])
        oldest = self._oldest() if lying else None
        return Counts(self.name, waiting, int(work["ApproximateNumberOfMessagesNotVisible"]), lying, oldest)

    def _attributes(self, url: str) -> dict[str, str]:
        return dict(self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])

    def _oldest(self) -> int | None:
        now = datetime.now(UTC)
        metric = {
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateAgeOfOldestMessage",
            "Dimensions": [{"Name": "QueueName", "Value": self._dead_name}],
        }
        asked = {"Metric": metric, "Period": _PERIOD_SECONDS, "Stat": "Maximum"}
        found = self._clients("cloudwatch").get_metric_data(
            MetricDataQueries=[{"Id": "age", "MetricStat": asked}],
            StartTime=now - _LOOK_BACK,
            EndTime=now,
            ScanBy="TimestampDescending",
        )
        values = found["MetricDataResults"][0]["Values"]
        return int(values[0]) if values else None

    def letters(self, limit: int) -> list[Letter]:
        """Return up to ``limit`` dead letters; they are hidden from others while this looks, and stay."""
        with self._held() as held:
            found = []
            for message in held:
                found.append(_letter(message))
                if len(found) >= limit:
                    break
            return found

    @contextmanager
    def _held(self) -> Iterator[Iterator[dict[str, Any]]]:
        """Yield the dead letters one after the other; in the end all are handed back."""
        handles: dict[str, str] = {}

        def receive() -> Iterator[dict[str, Any]]:
            fresh: list[dict[str, Any]] = [{}]
            while fresh:
                # Asking with a wait asks all of the queue's servers: an empty answer is the end.
                answer = self._sqs.receive_message(
                    QueueUrl=self._dead_url,
                    MaxNumberOfMessages=_AT_ONCE,
                    VisibilityTimeout=_HIDDEN_SECONDS,
                    WaitTimeSeconds=1,
                    AttributeNames=["All"],
                    MessageAttributeNames=["All"],
                )
                messages = answer.get("Messages", [])
                fresh = [message for message in messages if message["MessageId"] not in handles]
                handles.update({message["MessageId"]: message["ReceiptHandle"] for message in messages})
                # Where only what was seen comes again, all was seen: it had been hidden for as long as that.
                yield from fresh

        try:
            yield receive()
        finally:
            self._hand_back(list(handles.values()))

    def _hand_back(self, handles: list[str]) -> None:
        for start in range(0, len(handles), _AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles[start : start + _AT_ONCE])
            ]
            # One that has been deleted meanwhile is told as failed, and that is right.
            self._sqs.change_message_visibility_batch(QueueUrl=self._dead_url, Entries=entries)

    def redrive_one(self, message_id: str) -> Letter:
        """Send one dead letter to its queue again, then delete it: cut off between the two, it is there twice.

        Workers find a repeated request done. Raises ThothError when it is not there.
        """
        with self._held() as held:
            for message in held:
                if message["MessageId"] != message_id:
                    continue
                attributes = {"MessageAttributes": found} if (found := message.get("MessageAttributes")) else {}
                self._sqs.send_message(QueueUrl=self._url, MessageBody=message["Body"], **_sendable(attributes))
                self._sqs.delete_message(QueueUrl=self._dead_url, ReceiptHandle=message["ReceiptHandle"])
                return _letter(message)
        raise ThothError(
            f"{self._dead_name} has no message {message_id}",
            f"`thoth-infra dlq show {self.name}` lists them; another command may be looking at it just now",
        )

    def redrive(
        self, per_second: int | None = None, wait: Callable[[float], None] = time.sleep
    ) -> Generator[Moved, None, None]:
        """Move all dead letters to their queue and yield how that stands; a move under way is joined.

        Whoever interrupts it cancels the move. Raises ThothError when SQS gives up.
        """
        source = self._attributes(self._dead_url)["QueueArn"]
        task = self._task(source)
        if task is None or task["Status"] != "RUNNING":
            speed = {} if per_second is None else {"MaxNumberOfMessagesPerSecond": per_second}
            # Workers bury messages by sending them: without a destination SQS would not know where they belong.
            destination = self._attributes(self._url)["QueueArn"]
            self._sqs.start_message_move_task(SourceArn=source, DestinationArn=destination, **speed)
            task = self._task(source)
        ended = False
        try:
            while task is not None:
                moved = task.get("ApproximateNumberOfMessagesMoved", 0)
                yield Moved(task["Status"], moved, max(task.get("ApproximateNumberOfMessagesToMove", 0), moved))
                if task["Status"] not in {"RUNNING", "CANCELLING"}:
                    ended = True
                    break
                wait(_POLL_SECONDS)
                task = self._task(source)
        finally:
            if not ended and task is not None and "TaskHandle" in task:
                self._cancel(task["TaskHandle"])
        if task is not None and task["Status"] == "FAILED":
            reason = task.get("FailureReason", "no reason given")
            raise ThothError(f"SQS gave up moving the dead letters of {self.name}: {reason}", "the rest is still there")

    def _task(self, source: str) -> dict[str, Any] | None:
        found = self._sqs.list_message_move_tasks(SourceArn=source, MaxResults=1)["Results"]
        return dict(found[0]) if found else None

    def _cancel(self, handle: str) -> None:
        try:
            self._sqs.cancel_message_move_task(TaskHandle=handle)
        except self._sqs.exceptions.ResourceNotFoundException:
            return  # it has just ended


def queues(clients: Clients, prefix: str) -> tuple[Queue, ...]:
    """Return all work queues of an environment."""
    return tuple(Queue(clients, prefix, queue.name) for queue in QUEUES)


def _sendable(attributes: dict[str, Any]) -> dict[str, Any]:
    """Leave out of received attributes what SendMessage does not take."""
    return {
        name: {
            key: {part: value for part, value in one.items() if part in {"DataType", "StringValue", "BinaryValue"}}
            for key, one in found.items()
        }
        for name, found in attributes.items()
    }


def _letter(message: dict[str, Any]) -> Letter:
    system = message.get("Attributes", {})
    told = {name: one.get("StringValue", "") for name, one in message.get("MessageAttributes", {}).items()}
    try:
        request = json.loads(message["Body"])
    except ValueError:
        request = None
    fields: dict[str, Any] = request if isinstance(request, dict) else {}
    attempt = fields.get("attempt")
    sent = datetime.fromtimestamp(int(system.get("SentTimestamp", 0)) / 1000, UTC)
    return Letter(
        id=message["MessageId"],
        sent=sent.isoformat(timespec="seconds"),
        receives=int(system.get("ApproximateReceiveCount", 0)),
        job_id=str(fields.get("job_id", "")),
        stage=str(fields.get("stage", "")),
        attempt=attempt if isinstance(attempt, int) else None,
        code=told.get("code", ""),
        reason=told.get("reason", ""),
        hint=told.get("hint", ""),
        body=message["Body"],
    )
