"""``thoth-infra exec``, with a plugin that notes what it is given."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.site import PREFIX, Site, account, aws, emulator, site

__all__ = ["account", "aws", "emulator", "site"]

PLUGIN = f"""#!{sys.executable}
import json, os, signal, sys
if sys.argv[1:] == ["--version"]:
    print(os.environ.get("FAKE_VERSION", "1.2.707.0"))
    sys.exit()
session = os.environ.get("AWS_SSM_START_SESSION_RESPONSE")
with open(os.environ["FAKE_NOTES"], "w") as notes:
    json.dump({{"argv": sys.argv[1:], "session": json.loads(session)}}, notes)
if os.environ.get("FAKE_WAITS"):
    signal.signal(signal.SIGINT, lambda *_: sys.exit(42))
    print("waiting", flush=True)
    signal.pause()
sys.exit(int(os.environ.get("FAKE_CODE", "0")))
"""


class Containers:
    """The environment's API, with two tasks that run."""

    def __init__(self, site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.site, self.notes = site, folder / "notes.json"
        self.plugin = folder / "bin" / "session-manager-plugin"
        self.plugin.parent.mkdir()
        self.plugin.write_text(PLUGIN)
        self.plugin.chmod(self.plugin.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(self.plugin.parent))
        monkeypatch.setenv("FAKE_NOTES", str(self.notes))
        self.ecs = site.aws("ecs")
        self.ecs.create_cluster(clusterName=PREFIX)
        self.ecs.register_task_definition(
            family="api", containerDefinitions=[{"name": "api", "image": "api:1", "memory": 128}]
        )

    def start(self, exec_enabled: bool = True, count: int = 2) -> list[str]:
        """Start the service; return the ids of its tasks."""
        self.ecs.create_service(
            cluster=PREFIX, serviceName="api", taskDefinition="api", desiredCount=count, launchType="FARGATE",
            enableExecuteCommand=exec_enabled,
        )  # fmt: skip
        until = time.monotonic() + 60
        while (found := self.ecs.describe_services(cluster=PREFIX, services=["api"]))["services"][0][
            "runningCount"
        ] < count:
            assert time.monotonic() < until, found
            time.sleep(0.02)
        return self.tasks()

    def tasks(self) -> list[str]:
        arns = self.ecs.list_tasks(cluster=PREFIX, serviceName="api")["taskArns"]
        found = self.ecs.describe_tasks(cluster=PREFIX, tasks=arns)["tasks"] if arns else []
        return [task["taskArn"].rpartition("/")[2] for task in sorted(found, key=lambda one: one["startedAt"])]

    def given(self) -> dict[str, Any]:
        return dict(json.loads(self.notes.read_text()))


@pytest.fixture
def containers(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Containers:
    monkeypatch.setenv("THOTH_SERVICES__API__EXEC_ENABLED", "true")
    return Containers(site, tmp_path, monkeypatch)


def test_a_shell_opens_in_a_running_task_and_the_token_is_not_on_the_command_line(containers: Containers) -> None:
    tasks = containers.start()
    ran = containers.site.run("exec", "api")
    assert (ran.code, ran.out) == (0, ""), ran.err
    assert "kept in the log group /thoth/staging/exec" in ran.err
    given = containers.given()
    name, region, operation, profile, target, endpoint = given["argv"]
    assert (name, region, operation, profile) == ("AWS_SSM_START_SESSION_RESPONSE", "us-east-1", "StartSession", "")
    cluster, task, runtime = json.loads(target)["Target"].removeprefix("ecs:").split("_")
    assert (cluster, task in tasks, runtime.startswith(task)) == (PREFIX, True, True)
    assert endpoint.startswith("http://127.0.0.1:")
    assert set(given["session"]) >= {"sessionId", "streamUrl", "tokenValue"}
    assert given["session"]["tokenValue"] not in ran.err
    assert "AWS_SSM_START_SESSION_RESPONSE" not in os.environ


def test_a_task_can_be_chosen_by_the_start_of_its_id(containers: Containers) -> None:
    for task in containers.start():
        assert containers.site.run("exec", "api", "--task", task[:12]).code == 0
        assert f"_{task}_" in containers.given()["argv"][4]
    wrong = containers.site.run("exec", "api", "--task", "zzz")
    assert (wrong.code, "no task zzz of api is running" in wrong.err) == (1, True)


def test_a_command_is_quoted_for_the_other_side_and_its_code_is_ours(
    containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    from thoth_infra.aws import execute

    real = execute.open_session

    def noted(clients: Any, where: Any, command: str, profile: str) -> Any:
        asked.append({"command": command})
        return real(clients, where, command, profile)

    monkeypatch.setattr(execute, "open_session", noted)
    monkeypatch.setenv("FAKE_CODE", "9")
    containers.start(count=1)
    assert containers.site.run("exec", "api", "--", "ls", "-l", "a b").code == 9
    assert containers.site.run("exec", "api").code == 9
    assert asked == [{"command": "ls -l 'a b'"}, {"command": "/bin/sh"}]


def test_without_the_plugin_it_says_where_to_get_it(containers: Containers) -> None:
    containers.plugin.unlink()
    ran = containers.site.run("exec", "api")
    assert (ran.code, ran.out) == (1, "")
    assert "session-manager-plugin is not installed" in ran.err
    assert "https://docs.aws.amazon.com/systems-manager/" in ran.err


@pytest.mark.parametrize(("version", "said"), [("1.2.497.0", "is too old"), ("what?", "says 'what?'")])
def test_a_plugin_that_would_show_the_token_is_refused(
    containers: Containers, monkeypatch: pytest.MonkeyPatch, version: str, said: str
) -> None:
    monkeypatch.setenv("FAKE_VERSION", version)
    ran = containers.site.run("exec", "api")
    assert (ran.code, said in ran.err, containers.notes.exists()) == (1, True, False)


def test_a_service_that_is_closed_names_the_key(containers: Containers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THOTH_SERVICES__API__EXEC_ENABLED", "false")
    containers.start()
    ran = containers.site.run("exec", "api")
    assert (ran.code, "services.api.exec_enabled is false" in ran.err) == (1, True)


def test_a_task_from_before_the_key_was_set_is_to_be_replaced(containers: Containers) -> None:
    containers.start(exec_enabled=False)
    ran = containers.site.run("exec", "api")
    assert (ran.code, "thoth-infra restart-service api" in ran.err) == (1, True)


def test_where_nothing_runs_it_says_so(containers: Containers) -> None:
    containers.start(count=0)
    ran = containers.site.run("exec", "api")
    assert (ran.code, "no task of api is running" in ran.err) == (1, True)
    assert "did you mean 'api'" in containers.site.run("exec", "apu").err


def test_an_agent_that_does_not_run_is_named(containers: Containers, monkeypatch: pytest.MonkeyPatch) -> None:
    from thoth_infra.emulator.patches import ecs_answers

    containers.start(count=1)
    real = ecs_answers.task

    def stopped(*arguments: Any) -> dict[str, Any]:
        answer = real(*arguments)
        answer["containers"][0]["managedAgents"] = [{"name": "ExecuteCommandAgent", "lastStatus": "STOPPED"}]
        return answer

    monkeypatch.setattr(ecs_answers, "task", stopped)
    ran = containers.site.run("exec", "api")
    assert (ran.code, "is STOPPED" in ran.err, containers.notes.exists()) == (1, True, False)


def test_ctrl_c_goes_to_the_other_side(containers: Containers) -> None:
    containers.start(count=1)
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "thoth_infra", "--root", str(containers.site.root), "exec", "api", "--env", "staging"],
        env={**os.environ, "FAKE_WAITS": "1", "PYTHONPATH": str(root)}, text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stdout and process.stderr
        assert process.stdout.readline() == "waiting\n"
        os.killpg(process.pid, signal.SIGINT)  # as the terminal does: to both
        assert process.wait(timeout=60) == 42
        assert "Traceback" not in process.stderr.read()
