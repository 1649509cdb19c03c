"""One contract for both queues: the one in memory that unit tests use, and SQS as the emulator has it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.config import Config

from tests.emulator.conftest import AsAccount
from tests.workers.common.rig import until
from thoth_infra.emulator.access import Emulator
from workers.common.memory import MemoryQueue
from workers.common.messages import now
from workers.common.ports import Delivery, Inbox, Outbox, QueueError
from workers.common.sqs import SqsInbox, SqsOutbox


@dataclass
class Pair:
    """Both sides of a queue with a visibility time-out of one second, and what is in its dead-letter queue."""

    inbox: Inbox
    outbox: Outbox
    dead: Callable[[], list[str]]
    attributes: Callable[[], dict[str, str]]
    """The attributes of the only message, which is taken."""

    def get(self) -> Delivery:
        delivery = self.inbox.receive(20)
        assert delivery, "nothing came in twenty seconds"
        return delivery


@dataclass
class SqsQueues:
    """Real requests to the emulator."""

    sqs: Any
    made: int = field(default=0)

    def make(self, max_receives: int | None) -> tuple[str, str]:
        """Return the URLs of a new queue and of its dead-letter queue."""
        self.made += 1
        dead = self.sqs.create_queue(QueueName=f"q{self.made}-dlq")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": max_receives}
        attributes = {"VisibilityTimeout": "1", **({"RedrivePolicy": json.dumps(redrive)} if max_receives else {})}
        return self.sqs.create_queue(QueueName=f"q{self.made}", Attributes=attributes)["QueueUrl"], dead

    def take(self, url: str) -> list[dict[str, Any]]:
        found = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        return list(found.get("Messages", []))


Make = Callable[[int | None], Pair]


def _memory(max_receives: int | None) -> Pair:
    dead = MemoryQueue()
    queue = MemoryQueue(1, max_receives, dead)
    return Pair(queue, queue, dead.bodies, lambda: queue.attributes()[0])


@pytest.fixture(params=["memory", "sqs"])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "memory":
        return _memory
    sqs = request.getfixturevalue("aws")("sqs")
    queues = SqsQueues(sqs)

    def made(max_receives: int | None) -> Pair:
        url, dead = queues.make(max_receives)

        def attributes() -> dict[str, str]:
            (message,) = queues.take(url)
            return {name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()}

        bodies: list[str] = []

        def buried() -> list[str]:
            bodies.extend(message["Body"] for message in queues.take(dead))
            return bodies

        return Pair(SqsInbox(sqs, url), SqsOutbox(sqs, url), buried, attributes)

    return made


def test_what_is_sent_is_received_and_nobody_else_gets_it(make: Make) -> None:
    pair = make(None)
    body = "über 谱 🎸\n" + "x" * 100_000
    pair.outbox.send(body)

    delivery = pair.get()

    assert (delivery.body, delivery.receives) == (body, 1)
    assert delivery.sent_at.tzinfo is not None
    assert pair.inbox.receive(0) is None


def test_an_empty_queue_gives_nothing(make: Make) -> None:
    assert make(None).inbox.receive(1) is None


def test_what_is_not_deleted_comes_again_with_a_higher_count(make: Make) -> None:
    pair = make(None)
    pair.outbox.send("a")
    first = pair.get()

    second = pair.get()

    assert (second.id, second.receives) == (first.id, 2)
    assert second.receipt != first.receipt
    assert second.sent_at == first.sent_at


def test_handed_back_it_is_there_at_once(make: Make) -> None:
    pair = make(None)
    pair.outbox.send("a")

    for receives in (1, 2, 3):
        delivery = pair.inbox.receive(0)
        assert delivery and delivery.receives == receives
        pair.inbox.extend(delivery, 0)


def test_prolonged_it_stays_away_longer(make: Make) -> None:
    pair = make(None)
    pair.outbox.send("kept")
    kept = pair.get()
    pair.inbox.extend(kept, 600)
    pair.outbox.send("lapses")
    lapses = pair.get()

    for receives in (2, 3):  # more than twice the visibility time-out
        again = pair.get()
        assert (again.id, again.receives) == (lapses.id, receives)


def test_deleted_it_is_gone_even_when_handed_back_before(make: Make) -> None:
    pair = make(None)
    pair.outbox.send("a")
    delivery = pair.get()
    pair.inbox.extend(delivery, 0)
    pair.inbox.delete(delivery)

    assert pair.inbox.receive(2) is None
    pair.inbox.delete(delivery)  # twice is once


def test_an_old_receipt_does_no_harm_to_whoever_has_the_message_now(make: Make) -> None:
    """AWS: such a request succeeds, and the message may or may not be deleted."""
    pair = make(None)
    pair.outbox.send("a")
    old = pair.get()
    pair.inbox.extend(old, 0)
    new = pair.get()

    pair.inbox.delete(old)
    pair.inbox.delete(new)

    assert pair.inbox.receive(2) is None


def test_after_the_last_delivery_the_queue_itself_buries_it(make: Make) -> None:
    pair = make(2)
    pair.outbox.send("never done")
    for _ in range(2):
        pair.inbox.extend(pair.get(), 0)

    assert pair.inbox.receive(0) is None
    until(lambda: pair.dead() == ["never done"])
    assert pair.inbox.max_receives == 2


def test_without_a_redrive_policy_there_is_no_last_delivery(make: Make) -> None:
    pair = make(None)
    assert pair.inbox.max_receives is None
    pair.outbox.send("a")
    for receives in range(1, 6):
        delivery = pair.get()
        assert delivery.receives == receives
        pair.inbox.extend(delivery, 0)


def test_prolonging_what_is_gone_is_an_error(make: Make) -> None:
    pair = make(None)
    pair.outbox.send("a")
    delivery = pair.get()
    pair.inbox.delete(delivery)

    with pytest.raises(QueueError):
        pair.inbox.extend(delivery, 30)


def test_attributes_arrive(make: Make) -> None:
    pair = make(None)
    pair.outbox.send("a", {"code": "no_audio", "hint": "über 谱"})

    assert pair.attributes() == {"code": "no_audio", "hint": "über 谱"}


@pytest.mark.parametrize(
    ("given", "arrives"),
    [
        ("", None),
        ("a\0b\x1bc\x7f", "a b c "),
        ("a\nb\tc", "a\nb\tc"),
        ("\ud800 \ufffe \uffff", "     "),
        ("x" * 10_000, "x" * 1024),
        ("é" * 10_000, "é" * 512),
        ("x" + "é" * 10_000, "x" + "é" * 511),
    ],
    ids=["empty", "control", "layout", "no-characters", "long", "long-two-bytes", "cut-within-a-character"],
)
def test_sqs_gets_only_attributes_that_it_takes(aws: AsAccount, given: str, arrives: str | None) -> None:
    """Who fails on a reason that SQS refuses would never be rid of the message."""
    queues = SqsQueues(aws("sqs"))
    url, _ = queues.make(None)

    SqsOutbox(queues.sqs, url).send("body", {"reason": given, "code": "bad"})

    (message,) = queues.take(url)
    found = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert found == {"code": "bad", **({} if arrives is None else {"reason": arrives})}


def test_what_sqs_refuses_is_a_queue_error(emulator: Emulator, aws: AsAccount) -> None:
    sqs, url = aws("sqs"), f"{emulator.url}/123456789012/nobodys"
    inbox, delivery = SqsInbox(sqs, url), Delivery("m", "b", "r", 1, now())
    attempts: list[Callable[[], object]] = [
        lambda: inbox.receive(0),
        lambda: inbox.extend(delivery, 1),
        lambda: inbox.delete(delivery),
        lambda: inbox.max_receives,
        lambda: SqsOutbox(sqs, url).send("a"),
    ]
    for attempt in attempts:
        with pytest.raises(QueueError, match="NonExistentQueue"):
            attempt()


def test_a_queue_that_nobody_serves_is_a_queue_error(emulator: Emulator, account: str) -> None:
    with socket.socket() as reserved:  # bound, and not listening
        reserved.bind(("127.0.0.1", 0))
        gone = Emulator(f"http://127.0.0.1:{reserved.getsockname()[1]}", 0)
        sqs = gone.client(
            "sqs", account_id=account, region="us-east-1", config=Config(retries={"total_max_attempts": 1})
        )
        with pytest.raises(QueueError):
            SqsInbox(sqs, f"{gone.url}/{account}/q").receive(0)


def test_too_large_a_message_is_a_queue_error(aws: AsAccount) -> None:
    queues = SqsQueues(aws("sqs"))
    url, _ = queues.make(None)
    with pytest.raises(QueueError):
        SqsOutbox(queues.sqs, url).send("x" * (2 << 20))
