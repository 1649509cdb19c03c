"""`status` on staging: services, roll-outs, queues, what is wrong; in text, as JSON, watched, at a terminal."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.deploy.conftest import IMAGES, NAME, PREFIX, Estate
from tests.operations.conftest import freeze, send, until
from tests.snapshots import same

ENV = ("--env", NAME)


def shown(staging: Estate) -> Any:
    ran = staging.run("--json", "status", *ENV)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_a_healthy_environment(staging: Estate) -> None:
    send(staging, "transcription", 3)
    send(staging, "music-terms-dlq", 1)
    same("status.txt", staging.run("status", *ENV).out)
    same("status.json", staging.run("--json", "status", *ENV).out)


@pytest.mark.slow
def test_a_deployment_while_the_traffic_is_shifted(staging: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Task sets with their share, workers' roll-outs, and the deployment as `deploy` wrote it down."""

    def interrupt() -> None:
        freeze(monkeypatch)
        raise KeyboardInterrupt

    # Slow enough to see the five minutes with a tenth of the traffic.
    monkeypatch.setenv("THOTH_EMULATOR_PACE", "60")
    staging.on("10 % of the traffic", interrupt)
    assert staging.deploy().code == 130
    found = shown(staging)
    assert (found["deployment"]["kind"], found["deployment"]["state"]) == ("deploy", "started")
    assert len(found["codedeploy"]) == 1
    (api,) = [one for one in found["services"] if one["name"] == "api"]
    assert sorted((row["status"], row["traffic"]) for row in api["rollouts"]) == [("ACTIVE", 10.0), ("PRIMARY", 90.0)]

    text = staging.run("status", *ENV).out
    assert re.search(r"deploy \S+ is started, begun \S+ \S+ UTC by arn:aws:sts::", text)
    assert re.search(r"^api +primary +steady state +thoth-staging-api:1 +2 of 2 +0 +0 +90 %$", text, re.MULTILINE)
    assert re.search(r"^api +active +\S+( state)? +thoth-staging-api:2 +2 of 2 +0 +0 +10 %$", text, re.MULTILINE)

    for command in ("stop-services", "start-services", "restart-service transcription"):
        refused = staging.run(*command.split(), *ENV)
        assert refused.code == 1
        assert "has not ended: it is started" in refused.err
        assert "deploy --resume" in refused.err
    assert shown(staging)["stopped"] is None


def test_what_is_wrong_is_told_with_its_cause_and_what_helps(staging: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    staging.push("bad", images=["audio-extraction"], exit="2@5")
    ecs = staging.aws("ecs")
    definition = ecs.describe_task_definition(taskDefinition=f"{PREFIX}-audio-extraction")["taskDefinition"]
    container = definition["containerDefinitions"][0]
    container["image"] = container["image"].replace(
        staging.digests["audio-extraction", "1"], staging.digests[IMAGES["audio-extraction"], "bad"]
    )
    kept = ("family", "networkMode", "requiresCompatibilities", "cpu", "memory")
    made = ecs.register_task_definition(**{key: definition[key] for key in kept}, containerDefinitions=[container])[
        "taskDefinition"
    ]["taskDefinitionArn"]
    # Without the circuit breaker, so that it goes on failing.
    ecs.update_service(
        cluster=PREFIX,
        service="audio-extraction",
        taskDefinition=made,
        desiredCount=1,
        deploymentConfiguration={"maximumPercent": 100, "minimumHealthyPercent": 0},
    )
    until(lambda: staging.service("audio-extraction")["deployments"][0]["failedTasks"] >= 2)
    freeze(monkeypatch)
    (worker,) = [one for one in shown(staging)["services"] if one["name"] == "audio-extraction"]
    assert worker["troubles"][0]["name"] == "settings refused"
    text = staging.run("status", *ENV).out
    same("status-trouble.txt", text[text.index("audio-extraction: ") :])


def watched(staging: Estate, monkeypatch: pytest.MonkeyPatch, *steps: Any, words: tuple[str, ...] = ()) -> Any:
    """Run ``status --watch``; each step happens between two looks, and then comes Ctrl-C."""
    todo = list(steps)

    def sleep(_seconds: float) -> None:
        if not todo:
            raise KeyboardInterrupt
        todo.pop(0)()

    monkeypatch.setattr("thoth_infra.cli.watch.sleep", sleep)
    return staging.run(*words, "status", *ENV, "--watch")


def test_watching_prints_a_block_for_each_change(staging: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = watched(staging, monkeypatch, lambda: None, lambda: send(staging, "transcription", 5), lambda: None)
    assert ran.code == 130
    blocks = re.split(r"^\d\d:\d\d:\d\d\n", ran.out, flags=re.MULTILINE)[1:]
    assert [re.findall(r"^transcription +(\d) +0 +0$", block, re.MULTILINE) for block in blocks] == [["0"], ["5"]]


def test_watching_as_json(staging: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = watched(staging, monkeypatch, lambda: send(staging, "results", 1), words=("--json",))
    first, second = json.JSONDecoder(), ran.out.strip()
    one, end = first.raw_decode(second)
    two, _ = first.raw_decode(second[end:].lstrip())
    assert [found["queues"][-1]["waiting"] for found in (one, two)] == [0, 1]


def test_watching_goes_on_after_an_answer_that_failed(staging: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    ecs = staging.aws("ecs")

    def lose() -> None:
        ecs.delete_service(cluster=PREFIX, service="music-terms", force=True)

    ran = watched(staging, monkeypatch, lose, lambda: None)
    assert ran.code == 130
    assert "has no service music-terms; trying again" in ran.err


@pytest.mark.parametrize("colour", [True, False])
def test_at_a_terminal_it_is_drawn_in_place_and_ctrl_c_ends_it(staging: Estate, colour: bool) -> None:
    send(staging, "music-terms-dlq", 1)
    screen, terminal = os.openpty()
    variables = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "200"} | ({} if colour else {"NO_COLOR": "1"})
    command = [sys.executable, "-m", "thoth_infra", "--root", str(staging.root), "status", *ENV, "--watch"]
    process = subprocess.Popen(
        command, env=variables, stdin=subprocess.DEVNULL, stdout=terminal, stderr=subprocess.PIPE, text=True
    )
    os.close(terminal)
    seen = ""
    while "QUEUE" not in seen or "results" not in seen:
        seen += os.read(screen, 65536).decode()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    os.close(screen)
    assert process.stderr is not None
    assert "Interrupted." in process.stderr.read()
    process.stderr.close()
    assert "\x1b[?25l" in seen, "the cursor is hidden while it is drawn"
    # One message that was given up: red, where colours are wanted.
    assert ("\x1b[31m1" in seen) is colour
