from __future__ import annotations

import json

import pytest

from tests.emulator.conftest import AsAccount


@pytest.mark.patch("compact_redrive_policy")
def test_the_redrive_policy_comes_back_without_spaces(aws: AsAccount) -> None:
    sqs = aws("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    queue = sqs.create_queue(QueueName="jobs", Attributes={"RedrivePolicy": policy})["QueueUrl"]

    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]

    assert found["RedrivePolicy"] == f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":3}}'


@pytest.mark.patch("redrive_allow_policy")
def test_a_redrive_allow_policy_is_kept_and_can_be_removed(aws: AsAccount) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    name = "RedriveAllowPolicy"
    sqs.set_queue_attributes(QueueUrl=url, Attributes={name: '{"redrivePermission": "denyAll"}'})
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"] == {
        name: '{"redrivePermission":"denyAll"}'
    }

    sqs.set_queue_attributes(QueueUrl=url, Attributes={name: ""})

    assert name not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


@pytest.mark.patch("set_attributes_keeps_policy")
def test_changing_one_attribute_keeps_the_policy(aws: AsAccount) -> None:
    sqs = aws("sqs")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    url = sqs.create_queue(QueueName="jobs", Attributes={"Policy": json.dumps(policy)})["QueueUrl"]

    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "120"})

    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (found["VisibilityTimeout"], json.loads(found["Policy"])) == ("120", policy)
