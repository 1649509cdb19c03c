"""The operations commands as an operator types them, on the emulator."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from thoth_infra.emulator import running

OWN, REGION = "087439708020", "us-east-1"
SERVICES = ("api", "orchestrator", "audio-extraction", "transcription", "music-terms")


@pytest.fixture
def applied(project: Path) -> Path:
    """What an apply of dev would leave: a cluster, five services, a log."""
    with running(project / ".thoth" / "dev" / "emulated" / "aws") as emulator:
        emulator.prepare_backend(account_id=OWN, bucket="thoth-terraform-state-087439708020", region=REGION)
        ecs = emulator.client("ecs", account_id=OWN, region=REGION)
        ecs.create_cluster(clusterName="thoth-dev")
        container = {"name": "worker", "image": "worker:1", "memory": 128}
        ecs.register_task_definition(family="thoth-dev-worker", containerDefinitions=[container])
        for count, name in enumerate(SERVICES, 1):
            ecs.create_service(
                cluster="thoth-dev", serviceName=name, taskDefinition="thoth-dev-worker", desiredCount=count
            )
        logs = emulator.client("logs", account_id=OWN, region=REGION)
        logs.create_log_group(logGroupName="/thoth/dev/api")
        logs.create_log_stream(logGroupName="/thoth/dev/api", logStreamName="api/1")
        event = {"timestamp": int(time.time() * 1000) - 1000, "message": "GET /healthz 200"}
        logs.put_log_events(logGroupName="/thoth/dev/api", logStreamName="api/1", logEvents=[event])
    return project


def desired(cli: Cli) -> dict[str, int]:
    found = cli("--json", "status", "--env", "dev", "--emulate")
    assert found.returncode == 0, found.stderr
    return {row["name"]: row["desired"] for row in json.loads(found.stdout)["services"]}


@pytest.mark.slow
def test_services_stop_start_and_restart(cli: Cli, applied: Path) -> None:
    env = ("--env", "dev", "--emulate")
    before = desired(cli)
    assert before == {name: count for count, name in enumerate(SERVICES, 1)}

    stopped = cli("stop-services", *env)
    assert "stopped 5 services; `thoth-infra start-services --env dev` brings them back" in stopped.stdout
    assert set(desired(cli).values()) == {0}

    started = cli("start-services", *env)
    assert "api 1, orchestrator 2" in started.stdout
    assert desired(cli) == before
    assert cli("start-services", *env).returncode == 1

    assert cli("restart-service", "transcription", *env).returncode == 0
    wrong = cli("restart-service", "transcripton", *env)
    assert "did you mean 'transcription'?" in wrong.stderr


@pytest.mark.slow
def test_status_logs_and_gpu_status_are_readable(cli: Cli, applied: Path) -> None:
    env = ("--env", "dev", "--emulate")
    table = cli("status", *env).stdout.splitlines()
    assert table[0].split() == ["SERVICE", "DESIRED", "RUNNING", "PENDING", "SCALING", "REVISION", "IMAGE"]
    assert table[1].split()[:2] == ["api", "1"]
    assert "GET /healthz 200" in cli("logs", "api", *env).stdout
    assert cli("logs", "api", "--filter", "POST", *env).stdout == ""
    assert cli("gpu-status", *env).stdout == "no GPU host is running\n"
    assert cli("logs", "api", "--since", "soon", *env).returncode == 1


def test_before_an_apply_the_commands_say_what_to_do(cli: Cli) -> None:
    missing = cli("status", "--env", "dev", "--emulate")
    assert missing.returncode == 1
    assert "apply the environment first" in missing.stderr
