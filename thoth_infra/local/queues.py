"""The contract's queues on an emulated SQS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from thoth_infra.contract.queues import QUEUES


def make(sqs: Any, visibility: Mapping[str, int], max_receives: int) -> dict[tuple[str, bool], str]:
    """Make every queue and its dead-letter queue, where they are missing; return the URLs, by name and dead letter.

    ``visibility`` is in seconds, by queue name; 60 for those that it does not name.
    """
    urls: dict[tuple[str, bool], str] = {}
    for queue in QUEUES:
        dead = sqs.create_queue(QueueName=f"{queue.name}-dlq")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        attributes = {
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": max_receives}),
            "VisibilityTimeout": str(visibility.get(queue.name, 60)),
        }
        urls[queue.name, False] = sqs.create_queue(QueueName=queue.name, Attributes=attributes)["QueueUrl"]
        urls[queue.name, True] = dead
    return urls
