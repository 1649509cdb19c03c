"""Message move tasks: what goes back, where to, how fast, and what can't."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.conftest import AsAccount

pytestmark = pytest.mark.patch("message_move_tasks")


class Pair:
    """A queue and its dead-letter queue."""

    def __init__(self, sqs: Any) -> None:
        self.sqs = sqs
        self.dead = sqs.create_queue(QueueName="jobs-dlq")["QueueUrl"]
        self.dead_arn = self.arn(self.dead)
        policy = json.dumps({"deadLetterTargetArn": self.dead_arn, "maxReceiveCount": 1})
        self.url = sqs.create_queue(QueueName="jobs", Attributes={"RedrivePolicy": policy})["QueueUrl"]

    def arn(self, url: str) -> str:
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(found["Attributes"]["QueueArn"])

    def bury(self, *bodies: str) -> None:
        attributes = {"code": {"DataType": "String", "StringValue": "bad"}}
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.dead, MessageBody=body, MessageAttributes=attributes)

    def waiting(self, url: str) -> int:
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(found["Attributes"]["ApproximateNumberOfMessages"])

    def task(self) -> dict[str, Any]:
        (found,) = self.sqs.list_message_move_tasks(SourceArn=self.dead_arn)["Results"]
        return dict(found)


@pytest.fixture
def pair(aws: AsAccount) -> Pair:
    return Pair(aws("sqs"))


def test_dead_letters_move_as_new_messages_with_their_attributes(pair: Pair) -> None:
    pair.bury("a", "b")
    pair.sqs.start_message_move_task(SourceArn=pair.dead_arn, DestinationArn=pair.arn(pair.url))

    while pair.task()["Status"] == "RUNNING":
        time.sleep(0.01)
    done = pair.task()
    assert (done["Status"], done["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 2)
    assert "TaskHandle" not in done
    found = pair.sqs.receive_message(
        QueueUrl=pair.url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
    )["Messages"]
    assert [message["Body"] for message in found] == ["a", "b"]
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in found} == {"1"}
    assert found[0]["MessageAttributes"]["code"]["StringValue"] == "bad"


def test_what_was_sent_there_by_hand_needs_a_destination(pair: Pair) -> None:
    pair.bury("a")
    pair.sqs.start_message_move_task(SourceArn=pair.dead_arn)

    done = pair.task()

    assert (done["Status"], done["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert pair.waiting(pair.dead) == 1


def test_what_sqs_took_out_of_a_queue_returns_there(pair: Pair) -> None:
    pair.sqs.send_message(QueueUrl=pair.url, MessageBody="a")
    for _ in range(2):
        pair.sqs.receive_message(QueueUrl=pair.url, VisibilityTimeout=0)
    assert pair.waiting(pair.dead) == 1

    pair.sqs.start_message_move_task(SourceArn=pair.dead_arn)

    assert pair.task()["Status"] == "COMPLETED"
    assert (pair.waiting(pair.dead), pair.waiting(pair.url)) == (0, 1)


def test_a_slow_task_can_be_cancelled_and_is_alone(pair: Pair) -> None:
    pair.bury(*"abcdef")
    handle = pair.sqs.start_message_move_task(
        SourceArn=pair.dead_arn, DestinationArn=pair.arn(pair.url), MaxNumberOfMessagesPerSecond=1
    )["TaskHandle"]
    with pytest.raises(ClientError, match="already a task running"):
        pair.sqs.start_message_move_task(SourceArn=pair.dead_arn)
    assert pair.task()["TaskHandle"] == handle

    moved = pair.sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]

    assert pair.task()["Status"] == "CANCELLED"
    assert (pair.waiting(pair.url), pair.waiting(pair.dead)) == (moved, 6 - moved)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        pair.sqs.cancel_message_move_task(TaskHandle=handle)


def test_only_a_dead_letter_queue_is_a_source(pair: Pair) -> None:
    with pytest.raises(ClientError, match="must be configured as a Dead Letter Queue"):
        pair.sqs.start_message_move_task(SourceArn=pair.arn(pair.url))
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        pair.sqs.start_message_move_task(SourceArn=pair.dead_arn + "x")
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        pair.sqs.start_message_move_task(SourceArn=pair.dead_arn, MaxNumberOfMessagesPerSecond=501)
