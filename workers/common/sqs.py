"""SQS behind the ports.

boto3 itself, because a worker that computes for hours needs what task libraries over SQS do not offer together: a
heartbeat for each message, hand-back at once, and a checkpoint between two deliveries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from workers.common.messages import legible
from workers.common.ports import Delivery, QueueError

# Long polls take 20 seconds; the client must wait for longer than that.
_READ_TIMEOUT = 30
_ATTRIBUTE_BYTES = 1024


def client(service: str) -> Any:
    """Return a boto3 client: credentials of the task role, the region of ``AWS_DEFAULT_REGION``, own retries."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 6},
        connect_timeout=5,
        read_timeout=_READ_TIMEOUT,
        tcp_keepalive=True,
    )
    session: Any = boto3.session.Session()
    return session.client(service, config=config)


class SqsInbox:
    """``Inbox`` over a queue URL."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs = sqs
        self._url = url

    @cached_property
    def max_receives(self) -> int | None:
        """Deliveries after which SQS itself moves a message to the dead-letter queue."""
        with _queue_errors():
            answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["RedrivePolicy"])
        policy = answer.get("Attributes", {}).get("RedrivePolicy")
        return int(json.loads(policy)["maxReceiveCount"]) if policy else None

    def receive(self, wait_seconds: int) -> Delivery | None:
        """Long-poll for one message."""
        with _queue_errors():
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=1,
                WaitTimeSeconds=wait_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
            )
        for message in answer.get("Messages", []):
            attributes = message["Attributes"]
            return Delivery(
                id=message["MessageId"],
                body=message["Body"],
                receipt=message["ReceiptHandle"],
                receives=int(attributes["ApproximateReceiveCount"]),
                sent_at=datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC),
            )
        return None

    def extend(self, delivery: Delivery, seconds: int) -> None:
        """Change the message's visibility time-out."""
        with _queue_errors():
            self._sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=delivery.receipt, VisibilityTimeout=seconds
            )

    def delete(self, delivery: Delivery) -> None:
        """Delete the message."""
        with _queue_errors():
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=delivery.receipt)


class SqsOutbox:
    """``Outbox`` over a queue URL."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def send(self, body: str, attributes: Mapping[str, str] | None = None) -> None:
        """Send a message with string attributes; empty ones are left out, as SQS refuses them."""
        with _queue_errors():
            self._sqs.send_message(
                QueueUrl=self._url,
                MessageBody=body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": _cut(value)}
                    for name, value in (attributes or {}).items()
                    if value
                },
            )


def _cut(text: str) -> str:
    """Return ``text`` without what SQS refuses, and not longer than a reason needs to be."""
    return legible(text).encode()[:_ATTRIBUTE_BYTES].decode("utf-8", "ignore")


@contextmanager
def _queue_errors() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise QueueError(str(error)) from error
