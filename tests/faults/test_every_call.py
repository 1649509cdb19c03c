"""Every AWS call of every command fails in every way: a clear error with a hint, or a retry that succeeds.

``calls.json`` has the calls that each command makes, recorded; a test compares it with those that it makes now.
``THOTH_FAULTS=record pytest -m slow -k recorded tests/faults`` writes it anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.aws_proxy import Handle, passed_on, proxy
from tests.deploy.conftest import IMAGES, NAME, PREFIX, Estate, Ran, staged
from tests.emulator.conftest import REGION, emulator, fresh_account
from tests.faults.kinds import KINDS, PASSING, Fault
from tests.operations.conftest import furnish, numbers, report, set_numbers
from thoth_infra.emulator.access import Emulator

__all__ = ["emulator"]

# Each call that changes something takes an estate of its own: without this it meets two of the ten faults, in turn.
EVERYTHING = os.environ.get("THOTH_FAULTS") == "all"
RECORDING = os.environ.get("THOTH_FAULTS") == "record"
RECORDED = Path(__file__).with_name("calls.json")
CALLS: dict[str, list[str]] = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
LASTING = ("throttled", "expired", "denied", "half", "page")
ENV = ("--env", NAME)
QUEUE = "music-terms"


@dataclass(frozen=True)
class Command:
    """A command that is to bear whatever AWS does."""

    words: tuple[str, ...]
    before: Callable[[Estate], object] = lambda _: None
    """Makes what the command needs."""
    after: Callable[[Estate], None] | None = None
    """Of one that changes something: checks, once it has failed, that what was begun can be ended."""


def stopped(estate: Estate) -> None:
    assert estate.run("stop-services", *ENV).code == 0


def deployed(estate: Estate) -> None:
    assert estate.deploy("--no-proof").code == 0


def can_be_deployed(estate: Estate) -> None:
    """Whatever it left can be gone on with; one that was rolled back, can be tried again."""
    ran = estate.deploy("--resume")
    if "there is no deployment to go on with" in ran.err:
        ran = estate.deploy()
    assert ran.code == 0, ran.err
    assert estate.only_runs("2")


def can_be_rolled_back(estate: Estate) -> None:
    ran = estate.rollback()
    assert ran.code == 0 or "undone already" in ran.err, ran.err
    assert estate.only_runs("1")


def can_be_stopped_and_started(estate: Estate) -> None:
    assert estate.run("stop-services", *ENV).code == 0
    can_be_started(estate)


def can_be_started(estate: Estate) -> None:
    ran = estate.run("start-services", *ENV)
    assert ran.code == 0 or "not stopped" in ran.err, ran.err
    now = numbers(estate.aws)
    assert now == set_numbers(estate.aws), "a number was not restored"


def can_be_restarted(estate: Estate) -> None:
    assert estate.run("restart-service", "orchestrator", *ENV).code == 0


def dead_letters(estate: Estate) -> dict[str, str]:
    """Put three dead letters into a queue's dead-letter queue; return the two queues' URLs."""
    sqs, name = estate.aws("sqs"), f"{PREFIX}-{QUEUE}"
    urls = {suffix: sqs.get_queue_url(QueueName=f"{name}{suffix}")["QueueUrl"] for suffix in ("", "-dlq")}
    arn = sqs.get_queue_attributes(QueueUrl=urls["-dlq"], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    sqs.set_queue_attributes(QueueUrl=urls[""], Attributes={"RedrivePolicy": policy})
    for number in range(3):
        sqs.send_message(QueueUrl=urls["-dlq"], MessageBody=json.dumps({"job_id": f"job{number}"}))
    return urls


def can_be_redriven(estate: Estate) -> None:
    """No message is lost, whatever was begun."""
    ran = estate.run("dlq", "redrive", QUEUE, *ENV, "--yes")
    assert ran.code in (0, 1), ran.err
    sqs = estate.aws("sqs")
    url = sqs.get_queue_url(QueueName=f"{PREFIX}-{QUEUE}")["QueueUrl"]
    found = set()
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found |= {json.loads(message["Body"])["job_id"] for message in messages}
    assert found == {"job0", "job1", "job2"}


def none_is_lost(estate: Estate) -> None:
    sqs = estate.aws("sqs")
    url = sqs.get_queue_url(QueueName=f"{PREFIX}-{QUEUE}-dlq")["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert sum(int(found[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible")) == 3


def saved_query(estate: Estate) -> None:
    estate.aws("logs").put_query_definition(
        name=f"{PREFIX}/errors",
        queryString="fields @timestamp, @message | filter level = 'ERROR' | limit 20",
        logGroupNames=[f"/thoth/{NAME}/transcription"],
    )


def can_be_bootstrapped(estate: Estate) -> None:
    ran = estate.run("bootstrap", *ENV, "--confirm", NAME)
    assert ran.code == 0, ran.err
    again = estate.run("bootstrap", *ENV, "--confirm", NAME)
    assert (again.code, estate.run("bootstrap", *ENV).code) == (0, 0), again.err


def can_be_locked(estate: Estate) -> None:
    assert estate.run("images", "lock", *ENV, "--tag", "1").code == 0
    lock = (estate.root / "environments" / f"{NAME}.images.lock").read_text()
    assert all(estate.digests[image, "1"] in lock for image in set(IMAGES.values()))


READS = {
    "status": Command(("status", *ENV)),
    "gpu-status": Command(("gpu-status", *ENV)),
    "deploy --show": Command(("deploy", "--show", *ENV)),
    "logs": Command(("logs", "transcription", *ENV)),
    "insights": Command(("insights", "errors", *ENV)),
    "dlq list": Command(("dlq", "list", *ENV)),
    "images list": Command(("images", "list", *ENV)),
}
WRITES = {
    "deploy": Command(("deploy", *ENV, "--timeout", "30s"), after=can_be_deployed),
    "rollback": Command(("rollback", *ENV, "--timeout", "30s"), deployed, can_be_rolled_back),
    "stop-services": Command(("stop-services", *ENV), after=can_be_stopped_and_started),
    "start-services": Command(("start-services", *ENV), stopped, can_be_started),
    # Looking at dead letters hides them for a while.
    "dlq show": Command(("dlq", "show", QUEUE, *ENV), dead_letters, none_is_lost),
    "dlq redrive": Command(("dlq", "redrive", QUEUE, *ENV, "--yes"), dead_letters, can_be_redriven),
    "images lock": Command(("images", "lock", *ENV, "--tag", "1"), after=can_be_locked),
    "bootstrap": Command(("bootstrap", *ENV, "--confirm", NAME), after=can_be_bootstrapped),
    "restart-service": Command(("restart-service", "orchestrator", *ENV), after=can_be_restarted),
}
COMMANDS = {**READS, **WRITES}


@pytest.fixture(scope="module")
def world(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Iterator[Estate]]:
    """Makes a staging that is deployed once, has logs and GPU load."""

    def made() -> Iterator[Estate]:
        with fresh_account() as account:

            def aws(service: str, account_id: str = account) -> object:
                return emulator.client(service, account_id=account_id, region=REGION)

            with staged(tmp_path_factory.mktemp("project"), aws, account, emulator) as estate:
                furnish(estate)
                report(estate, "transcription/1", 50.0, 40.0)
                saved_query(estate)
                yield estate

    return made


@pytest.fixture(scope="module")
def lasting_estate(world: Callable[[], Iterator[Estate]]) -> Iterator[Estate]:
    """A staging for all commands that change nothing."""
    for estate in world():
        deployed(estate)
        dead_letters(estate)
        yield estate


@pytest.fixture
def fresh_estate(world: Callable[[], Iterator[Estate]]) -> Iterator[Estate]:
    """A staging for one command that changes something."""
    yield from world()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that give up soon, and try again at once."""
    monkeypatch.setattr("thoth_infra.aws.clients._READ_TIMEOUT_S", 0.5)
    monkeypatch.setattr("thoth_infra.aws.identity._READ_TIMEOUT_S", 0.5)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)


def run(estate: Estate, command: Command, handle: Handle = passed_on) -> tuple[Ran, list[str]]:
    """Run a command through a proxy; return what became of it and the calls that it made."""
    with proxy(estate.emulator_url, handle) as between, pytest.MonkeyPatch.context() as patches:
        patches.setenv("AWS_ENDPOINT_URL", between.url)
        ran = estate.run(*command.words)
        return ran, sorted({call.name for call in between.calls})


WAYS = [(kind, True) for kind in LASTING] + [(kind, False) for kind in PASSING]
ALL = range(len(WAYS))


def cases(commands: dict[str, Command], *turns: int) -> list[tuple[str, str, str, bool]]:
    """Return command, call, kind of fault, and whether it lasts; for the n-th call, the ways n + ``turns``."""
    calls = [(name, call) for name in commands for call in CALLS.get(name, ())]
    found = [(*call, *WAYS[(n + turn) % len(WAYS)]) for n, call in enumerate(calls) for turn in turns]
    # The answer to HEAD has no body to be cut off in.
    return [case for case in found if not (case[1].endswith(":HEAD") and case[2] == "half")]


def bears(estate: Estate, name: str, call: str, kind: str, lasting: bool) -> None:
    """Run a command with a fault, and check that it is honest about it."""
    command, fault = COMMANDS[name], Fault(call, kind, lasting)

    ran, _ = run(estate, command, fault)

    if not fault.struck:
        pytest.fail(f"{name} no longer calls {call}")
    assert "Traceback" not in ran.err
    if ran.code == 0:
        assert not lasting or call.rpartition(":")[2] in ran.err or "AWS" in ran.err, f"the fault was not told: {ran}"
        return
    assert lasting or kind == "lost", f"it did not try again: {ran.err}"
    assert "Error: " in ran.err and "Hint: " in ran.err, ran.err
    assert ran.code in (1, 4, 8, 9), ran


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_the_recorded_calls_are_those_that_are_made(world: Callable[[], Iterator[Estate]], name: str) -> None:
    for estate in world():
        if name in READS:
            deployed(estate)
            dead_letters(estate)
        COMMANDS[name].before(estate)
        ran, made = run(estate, COMMANDS[name])
        assert ran.code == 0, ran.err
    if RECORDING:
        known = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
        RECORDED.write_text(json.dumps({**known, name: made}, indent=2) + "\n")
    else:
        assert set(made) <= set(CALLS[name]), "a call that no fault is tried on"


@pytest.mark.parametrize(("name", "call", "kind", "lasting"), cases(READS, 0))
def test_a_command_that_looks_bears_it(lasting_estate: Estate, name: str, call: str, kind: str, lasting: bool) -> None:
    bears(lasting_estate, name, call, kind, lasting)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "call", "kind", "lasting"), cases(READS, *ALL[1:]))
def test_a_command_that_looks_bears_all(lasting_estate: Estate, name: str, call: str, kind: str, lasting: bool) -> None:
    bears(lasting_estate, name, call, kind, lasting)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "call", "kind", "lasting"), cases(WRITES, *(ALL if EVERYTHING else ALL[::5])))
def test_a_command_that_changes_something_bears_it(
    fresh_estate: Estate, name: str, call: str, kind: str, lasting: bool
) -> None:
    command = COMMANDS[name]
    command.before(fresh_estate)
    bears(fresh_estate, name, call, kind, lasting)
    assert command.after
    command.after(fresh_estate)


def test_there_are_enough_cases() -> None:
    found = {*cases(READS, *ALL), *cases(WRITES, *ALL[::5])}
    assert len(found) >= 200
    assert {kind for _, _, kind, _ in found} == set(KINDS)
