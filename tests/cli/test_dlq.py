"""``thoth-infra dlq``: dead letters are counted, shown and sent back, and never lost."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cli.site import PREFIX, Site, account, aws, emulator, site
from tests.snapshots import same
from thoth_infra.aws import dead_letters
from thoth_infra.aws.clients import Clients
from thoth_infra.contract.queues import QUEUES, Stage
from workers.common.errors import PoisonError
from workers.common.messages import Request, now
from workers.common.settle import _reasons
from workers.common.sqs import SqsOutbox

__all__ = ["account", "aws", "emulator", "site"]

QUEUE = "transcription"


class Queues:
    """The environment's queues, as they are rendered."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.sqs = site.aws("sqs")
        self.urls: dict[str, str] = {}
        for queue in QUEUES:
            name = f"{PREFIX}-{queue.name}"
            self.urls[f"{queue.name}-dlq"] = self.sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
            arn = f"arn:aws:sqs:us-east-1:{site.account}:{name}-dlq"
            policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
            made = self.sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})
            self.urls[queue.name] = made["QueueUrl"]

    def bury(self, *jobs: str) -> None:
        """Bury requests as a worker does."""
        outbox = SqsOutbox(self.sqs, self.urls[f"{QUEUE}-dlq"])
        error = PoisonError("bad_sound", "there is\nno sound", "send some")
        for job in jobs:
            request = Request(job_id=job, stage=Stage.TRANSCRIPTION, trace_id="t", requested_at=now())
            outbox.send(request.model_dump_json(), {**_reasons(error), "service": QUEUE})

    def count(self, name: str) -> int:
        found = self.sqs.get_queue_attributes(QueueUrl=self.urls[name], AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"])

    def counts(self) -> tuple[int, int]:
        """Visible messages in the queue, and dead ones."""
        return self.count(QUEUE), self.count(f"{QUEUE}-dlq")

    def waiting(self) -> list[dict[str, Any]]:
        found = self.sqs.receive_message(
            QueueUrl=self.urls[QUEUE], MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"]
        )
        return list(found.get("Messages", []))

    def queue(self) -> dead_letters.Queue:
        return dead_letters.Queue(Clients(dict(os.environ), "us-east-1"), PREFIX, QUEUE)


@pytest.fixture
def queues(site: Site) -> Queues:
    return Queues(site)


def test_all_queues_are_listed_with_what_is_dead_and_for_how_long(queues: Queues) -> None:
    queues.bury("a", "b")
    queues.site.aws("cloudwatch").put_metric_data(
        Namespace="AWS/SQS",
        MetricData=[
            {
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": f"{PREFIX}-{QUEUE}-dlq"}],
                "Timestamp": datetime.now(UTC) - timedelta(minutes=3),
                "Value": 97_300,
            }
        ],
    )
    queues.sqs.send_message(QueueUrl=queues.urls["results"], MessageBody="x")
    same("dlq-list.txt", queues.site.run("dlq", "list").out)
    same("dlq-list.json", queues.site.run("--json", "dlq", "list").out)


def test_dead_letters_are_shown_and_stay(queues: Queues) -> None:
    queues.bury("lesson-1", "lesson-2")
    queues.sqs.send_message(QueueUrl=queues.urls[f"{QUEUE}-dlq"], MessageBody="no\x1b[31m JSON")
    shown = queues.site.run("dlq", "show", QUEUE).out
    same("dlq-show.txt", re.sub(r"\d{4}-\d\d-\d\dT\S{14}", "2026-01-02T03:04:05+00:00", shown))
    assert queues.counts() == (0, 3)
    letters = queues.site.run("--json", "dlq", "show", f"{QUEUE}-dlq", "--limit", "2").json
    assert [(one["job_id"], one["code"], one["hint"]) for one in letters] == [
        ("lesson-1", "bad_sound", "send some"),
        ("lesson-2", "bad_sound", "send some"),
    ]
    assert queues.counts() == (0, 3)
    assert queues.site.run("dlq", "show", "results").out == "results has no dead letters\n"


def test_more_than_one_answer_holds_are_shown_once_each(queues: Queues) -> None:
    jobs = [f"lesson-{n}" for n in range(23)]
    queues.bury(*jobs)
    shown = queues.site.run("--json", "dlq", "show", QUEUE, "--limit", "100").json
    assert sorted(one["job_id"] for one in shown) == sorted(jobs)
    assert queues.counts() == (0, 23)


def test_all_go_back_to_their_queue_with_body_and_attributes(queues: Queues) -> None:
    queues.bury("lesson-1", "lesson-2")
    ran = queues.site.run("dlq", "redrive", QUEUE, "--yes")
    assert (ran.code, ran.out) == (0, "2 messages are back in transcription\n"), ran.err
    assert queues.counts() == (2, 0)
    found = queues.waiting()
    assert [json.loads(one["Body"])["job_id"] for one in found] == ["lesson-1", "lesson-2"]
    assert found[0]["MessageAttributes"]["code"]["StringValue"] == "bad_sound"
    again = queues.site.run("--json", "dlq", "redrive", QUEUE, "--yes")
    assert again.json == {"queue": QUEUE, "moved": 0}


def test_one_message_goes_back_alone(queues: Queues) -> None:
    queues.bury("lesson-1", "lesson-2")
    shown = queues.site.run("--json", "dlq", "show", QUEUE).json
    wanted = next(one["id"] for one in shown if one["job_id"] == "lesson-2")
    ran = queues.site.run("--json", "dlq", "redrive", QUEUE, "--message", wanted, "--yes")
    assert (ran.code, ran.json["moved"]) == (0, 1), ran.err
    assert queues.counts() == (1, 1)
    (found,) = queues.waiting()
    assert json.loads(found["Body"])["job_id"] == "lesson-2"
    assert found["MessageAttributes"]["reason"]["StringValue"] == "there is\nno sound"
    missing = queues.site.run("dlq", "redrive", QUEUE, "--message", wanted, "--yes")
    assert (missing.code, f"has no message {wanted}" in missing.err) == (1, True)
    assert queues.counts() == (1, 1)


def test_cut_off_between_the_two_steps_a_message_is_there_twice_and_not_lost(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.bury("lesson-1")
    queue = queues.queue()
    (letter,) = queue.letters(1)

    def cut(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(queue._sqs, "delete_message", cut)
    with pytest.raises(KeyboardInterrupt):
        queue.redrive_one(letter.id)
    assert queues.counts() == (1, 1)


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("staging", (), "nobody is there to confirm"),
        ("staging", ("--confirm", "production"), "but the environment is 'staging'"),
    ],
)
def test_somebody_must_agree(queues: Queues, name: str, arguments: tuple[str, ...], said: str) -> None:
    queues.bury("lesson-1")
    ran = queues.site.run("dlq", "redrive", QUEUE, *arguments, name=name)
    assert (ran.code, ran.out) == (7, "")
    assert said in ran.err
    assert queues.counts() == (0, 1)


def test_where_people_approve_yes_is_not_enough(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THOTH_PROTECTION__APPROVAL", "manual")
    queues.bury("lesson-1")
    ran = queues.site.run("dlq", "redrive", QUEUE, "--yes")
    assert (ran.code, "give --confirm staging" in ran.err) == (7, True)
    assert queues.site.run("dlq", "redrive", QUEUE, "--confirm", "staging").code == 0
    assert queues.counts() == (1, 0)


def test_who_interrupts_a_move_cancels_it(queues: Queues) -> None:
    queues.bury(*(f"lesson-{n}" for n in range(6)))

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    with closing(queues.queue().redrive(per_second=1, wait=interrupted)) as moves, pytest.raises(KeyboardInterrupt):
        list(moves)
    arn = f"arn:aws:sqs:us-east-1:{queues.site.account}:{PREFIX}-{QUEUE}-dlq"
    (task,) = queues.sqs.list_message_move_tasks(SourceArn=arn)["Results"]
    assert task["Status"] == "CANCELLED"
    assert sum(queues.counts()) == 6
    assert queues.counts()[1] > 0


def test_a_move_that_is_under_way_is_joined(queues: Queues) -> None:
    queues.bury(*"abcd")
    first = queues.queue().redrive(per_second=1)
    assert next(first).status == "RUNNING"
    seen = _statuses(queues.queue().redrive())
    assert seen[-1] == "COMPLETED"
    assert queues.counts() == (4, 0)
    assert _statuses(first)[-1] == "COMPLETED"


def _statuses(moves: Iterator[dead_letters.Moved]) -> list[str]:
    return [moved.status for moved in moves]


def test_what_is_not_there_is_named(queues: Queues) -> None:
    wrong = queues.site.run("dlq", "show", "transcripton")
    assert (wrong.code, "did you mean 'transcription'?" in wrong.err) == (1, True)


def test_before_an_apply_it_says_what_to_do(site: Site) -> None:
    ran = site.run("dlq", "list")
    assert (ran.code, "apply the environment first" in ran.err) == (1, True)
