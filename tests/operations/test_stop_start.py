"""Stopping and starting staging: every number comes back, whatever ends the command, and nobody is surprised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import pytest

from tests.deploy.conftest import NAME, PREFIX, ROOT, Estate
from tests.operations.conftest import NUMBERS, numbers, send, set_numbers
from tests.snapshots import same
from thoth_infra.aws import stopping
from thoth_infra.aws.clients import Clients
from thoth_infra.aws.services import Place
from thoth_infra.cli.context import Project
from thoth_infra.cli.operations import place
from thoth_infra.errors import ThothError

ENV = ("--env", NAME)
ZERO = dict.fromkeys(NUMBERS, 0)


def desired(staging: Estate) -> dict[str, int]:
    return {name: count for name, (count, _) in numbers(staging.aws).items()}


def test_what_an_operator_sees(staging: Estate) -> None:
    before = numbers(staging.aws)
    send(staging, "transcription", 4)

    stopped = staging.run("stop-services", *ENV)
    assert stopped.code == 0, stopped.err
    same("stop-services.txt", stopped.out)
    assert desired(staging) == ZERO
    same("status-stopped.txt", staging.run("status", *ENV).out.split("\n\n")[0])
    same("stop-services.json", staging.run("--json", "stop-services", *ENV).out)

    started = staging.run("start-services", *ENV)
    assert started.code == 0, started.err
    same("start-services.txt", started.out)
    assert numbers(staging.aws) == before

    again = staging.run("start-services", *ENV)
    assert (again.code, again.out) == (1, "")
    assert "were not stopped by stop-services" in again.err
    assert staging.run("stop-services", *ENV).code == 0
    same("start-services.json", staging.run("--json", "start-services", *ENV).out)


@pytest.mark.slow
def test_waiting_until_the_tasks_are_gone_and_run_again(staging: Estate) -> None:
    stopped = staging.run("stop-services", *ENV, "--wait")
    assert stopped.code == 0, stopped.err
    assert "api: no task is left" in stopped.err
    assert staging.running() == {name: set() for name in NUMBERS}
    started = staging.run("start-services", *ENV, "--wait")
    assert started.code == 0, started.err
    assert "audio-extraction: 3 run" in started.err
    assert {name: bool(tags) for name, tags in staging.running().items()} == {
        name: bool(count) for name, (count, _, _) in NUMBERS.items()
    }


@pytest.mark.slow
def test_a_start_that_does_not_come_to_run_says_why(staging: Estate) -> None:
    staging.run("stop-services", *ENV, "--wait")
    staging.aws("ecr").batch_delete_image(repositoryName=f"thoth/{NAME}/audio-extraction", imageIds=[{"imageTag": "1"}])
    started = staging.run("start-services", *ENV, "--wait", "--timeout", "3s")
    assert started.code == 1
    assert "audio-extraction: not there after 3 seconds" in started.err
    assert "seen: CannotPullContainerError" in started.err
    assert "cause: the registry has no image of this tag or digest" in started.err
    assert "Hint: push it with `thoth-infra images push`" in started.err


def test_stopping_wants_approval_where_the_environment_does(staging: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THOTH_PROTECTION__APPROVAL", "manual")
    before = numbers(staging.aws)
    for words in ((), ("--confirm", "production")):
        refused = staging.run("stop-services", *ENV, *words)
        assert refused.code == 7, refused.err
    assert numbers(staging.aws) == before
    assert staging.run("stop-services", *ENV, "--confirm", NAME).code == 0
    assert desired(staging) == ZERO


def test_a_service_that_was_stopped_off_hours_is_pointed_out(staging: Estate) -> None:
    staging.aws("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{PREFIX}/music-terms",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=0,
        MaxCapacity=0,
    )
    before = numbers(staging.aws)
    staging.run("stop-services", *ENV)
    started = staging.run("start-services", *ENV)
    assert numbers(staging.aws) == before
    assert "music-terms may run no task" in started.out


Kill = Callable[[int, str], int]


@pytest.fixture
def kill(staging: Estate) -> Iterator[Kill]:
    """``kill(n, command)``: run a command that is killed before its n-th change; return -9, or its exit code."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.operations.killed"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout

    def call(before: int, command: str) -> int:
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps([before, ["--root", str(staging.root), command, *ENV]]) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    yield call
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()


@dataclass(frozen=True)
class Again:
    """Somebody who runs the commands once more, through clients that are made once."""

    clients: Clients
    place: Place

    def do(self, commands: Iterable[str]) -> None:
        for command in commands:
            if command == "stop":
                stopping.stop(self.clients, self.place, "arn:aws:iam::087439708020:user/anna")
            else:
                self.start()

    def start(self) -> None:
        stopping.start(self.clients, self.place)


@pytest.fixture
def again(staging: Estate) -> Again:
    return Again(Clients(dict(os.environ), "us-east-1"), place(Project(staging.root).load(NAME).environment))


Then = tuple[Literal["stop", "start"], ...]


@pytest.mark.slow
@pytest.mark.parametrize("then", [("start",), ("stop", "start")], ids="-".join)
def test_every_number_comes_back_when_stop_is_killed_at_any_step(
    staging: Estate, kill: Kill, again: Again, then: Then
) -> None:
    before = numbers(staging.aws)
    for step in range(100):
        ended = kill(step, "stop-services")
        assert ended in (0, -9)
        if step == 0 and then == ("start",):
            with pytest.raises(ThothError, match="were not stopped"):
                again.start()
        else:
            again.do(then)
        assert numbers(staging.aws) == before, f"killed before change {step}"
        if ended == 0:
            break
    # The memory twice, four that scale, four that ran.
    assert step == 10


@pytest.mark.slow
@pytest.mark.parametrize("then", [("start",), ("stop", "start")], ids="-".join)
def test_every_number_comes_back_when_start_is_killed_at_any_step(
    staging: Estate, kill: Kill, again: Again, then: Then
) -> None:
    before = numbers(staging.aws)
    for step in range(100):
        again.do(("stop",))
        assert desired(staging) == ZERO
        assert all(s and all(s[2].values()) for name, (_, s) in numbers(staging.aws).items() if NUMBERS[name][1])
        ended = kill(step, "start-services")
        assert ended in (0, -9)
        if ended == -9:
            again.do(then)
        assert numbers(staging.aws) == before, f"killed before change {step}"
        if ended == 0:
            break
    # The memory three times, four that ran, four that scale.
    assert step == 11


@pytest.mark.slow
def test_what_autoscaling_does_after_it_was_resumed_is_left_alone(staging: Estate, kill: Kill) -> None:
    before = numbers(staging.aws)
    staging.run("stop-services", *ENV)
    # All counts are back and all services scale again; only the last write is missing.
    assert kill(10, "start-services") == -9
    assert numbers(staging.aws) == before
    staging.aws("ecs").update_service(cluster=PREFIX, service="api", desiredCount=5)
    assert staging.run("start-services", *ENV).code == 0
    assert numbers(staging.aws) == {**before, "api": (5, before["api"][1])}


@pytest.mark.slow
def test_an_autoscaling_that_was_removed_while_stopped_is_not_made_again(staging: Estate) -> None:
    before = set_numbers(staging.aws)
    staging.run("stop-services", *ENV)
    staging.aws("application-autoscaling").deregister_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{PREFIX}/transcription",
        ScalableDimension="ecs:service:DesiredCount",
    )
    assert staging.run("start-services", *ENV).code == 0
    assert numbers(staging.aws) == {**before, "transcription": (before["transcription"][0], None)}


def test_stopped_services_are_not_deployed(staging: Estate) -> None:
    assert staging.run("stop-services", "--env", NAME).code == 0

    ran = staging.deploy()

    assert ran.code == 1
    assert "the services are stopped" in ran.err and "start-services --env staging" in ran.err
    assert staging.run("start-services", "--env", NAME).code == 0
