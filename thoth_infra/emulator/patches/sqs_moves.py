"""SQS: dead letters find their way back."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from moto.core.responses import ActionResult
from moto.sqs.exceptions import SQSException
from moto.sqs.models import Message, Queue, SQSBackend
from moto.sqs.responses import SQSResponse as Response

from thoth_infra.emulator.patches.registry import action, kept_on, lacks, patch, wrap

# Without a limit SQS chooses the speed.
_PER_SECOND = 500
_SOURCE = "thoth_dead_letter_source"


@dataclass
class Move:
    """A message move task."""

    source: str
    destination: str | None
    per_second: int | None
    to_move: int
    started: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: str(uuid4()))
    status: str = "RUNNING"
    reason: str = ""
    moved: int = 0

    @property
    def handle(self) -> str:
        """What CancelMessageMoveTask takes."""
        return base64.b64encode(json.dumps({"taskId": self.id, "sourceArn": self.source}).encode()).decode()

    def shown(self) -> dict[str, Any]:
        """Return the task as ListMessageMoveTasks does."""
        found: dict[str, Any] = {
            "TaskHandle": self.handle if self.status == "RUNNING" else None,
            "Status": self.status,
            "SourceArn": self.source,
            "DestinationArn": self.destination,
            "MaxNumberOfMessagesPerSecond": self.per_second,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "FailureReason": self.reason or None,
            "StartedTimestamp": int(self.started * 1000),
        }
        return {key: value for key, value in found.items() if value is not None}


@patch("sqs", needed=lacks(Response, "start_message_move_task", "list_message_move_tasks", "cancel_message_move_task"))
def message_move_tasks() -> None:
    """moto has no tasks that move dead letters.

    They go on with time, whoever asks. Without a destination only those return that SQS itself took from their queue.
    """

    wrap(SQSBackend, "get_queue")(_after_moving)
    wrap(SQSBackend, "receive_message")(_noting_the_source)
    action(Response)(start_message_move_task)
    action(Response)(list_message_move_tasks)
    action(Response)(cancel_message_move_task)


def _after_moving(original: Any, self: Any, queue_name: str) -> Any:
    for move in _moves(self):
        if move.status == "RUNNING":
            _advance(self, move)
    return original(self, queue_name)


def _noting_the_source(original: Any, self: Any, queue_name: str, *arguments: Any, **options: Any) -> Any:
    queue = self.get_queue(queue_name)
    dead = queue.dead_letter_queue
    before = {message.id for message in dead._messages} if dead is not None else set()
    found = original(self, queue_name, *arguments, **options)
    for message in dead._messages if dead is not None else ():
        if message.id not in before:
            setattr(message, _SOURCE, queue.queue_arn)
    return found


def start_message_move_task(self: Any) -> Any:
    """StartMessageMoveTask."""
    backend, source = self.sqs_backend, self._get_param("SourceArn")
    queue = _queue(backend, source)
    if not any(other.dead_letter_queue is queue for other in backend.queues.values()):
        raise SQSException("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    destination = self._get_param("DestinationArn")
    if destination:
        _queue(backend, destination)
    if any(move.source == source and move.status == "RUNNING" for move in _moves(backend)):
        raise SQSException(
            "AWS.SimpleQueueService.UnsupportedOperation",
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        )
    per_second = self._get_param("MaxNumberOfMessagesPerSecond")
    if per_second is not None and not 1 <= int(per_second) <= _PER_SECOND:
        raise SQSException("InvalidParameterValue", "Value for parameter MaxNumberOfMessagesPerSecond is invalid.")
    move = Move(source, destination, int(per_second) if per_second else None, len(queue.messages))
    kept_on(backend, "moves")[move.id] = move
    return ActionResult({"TaskHandle": move.handle})


def list_message_move_tasks(self: Any) -> Any:
    """ListMessageMoveTasks."""
    backend, source = self.sqs_backend, self._get_param("SourceArn")
    backend.get_queue(_queue(backend, source).name)
    most = int(self._get_param("MaxResults") or 1)
    found = sorted((move for move in _moves(backend) if move.source == source), key=lambda m: -m.started)
    return ActionResult({"Results": [move.shown() for move in found[:most]]})


def cancel_message_move_task(self: Any) -> Any:
    """CancelMessageMoveTask."""
    backend, handle = self.sqs_backend, self._get_param("TaskHandle")
    for move in _moves(backend):
        if move.handle == handle and move.status == "RUNNING":
            _advance(backend, move)
            if move.status == "RUNNING":
                move.status = "CANCELLED"
            return ActionResult({"ApproximateNumberOfMessagesMoved": move.moved})
    raise SQSException("ResourceNotFoundException", "The task does not exist or is not running.")


def _moves(backend: Any) -> Iterator[Move]:
    yield from list(kept_on(backend, "moves").values())


def _queue(backend: Any, arn: str) -> Queue:
    for queue in backend.queues.values():
        if queue.queue_arn == arn:
            found: Queue = queue
            return found
    raise SQSException("ResourceNotFoundException", f"The resource {arn} doesn't exist.")


def _advance(backend: Any, move: Move) -> None:
    allowance = int((time.time() - move.started) * (move.per_second or _PER_SECOND)) + 1
    source = _queue(backend, move.source)
    for message in source.messages[: max(allowance - move.moved, 0)]:
        arn = move.destination or getattr(message, _SOURCE, None)
        if arn is None:
            move.status, move.reason = "FAILED", "CouldNotDetermineMessageSource"
            return
        source._messages.remove(message)
        _queue(backend, arn).add_message(_as_new(message))
        move.moved += 1
    if not source.messages:
        move.status = "COMPLETED"


def _as_new(message: Any) -> Message:
    """Return what arrives: another id, sent now, never received; the same body and attributes."""
    made = Message(str(uuid4()), message.body, message.system_attributes)
    made.message_attributes = message.message_attributes
    made.mark_sent()
    return made
