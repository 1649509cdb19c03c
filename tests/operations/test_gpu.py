"""`gpu-status` on staging: hosts, what is free and how busy they are; hosts that boot; an AMI that was withdrawn."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.deploy.conftest import NAME, PREFIX, Estate
from tests.operations.conftest import freeze, report, until
from tests.snapshots import same

ENV = ("--env", NAME)
VOLATILE = {r'"age_hours": ([\d.]+)': "age", r'"ami_age_days": (\d+)': "days"}


def fleet(staging: Estate) -> Any:
    ran = staging.run("--json", "gpu-status", *ENV)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def task_of(staging: Estate) -> str:
    arns = staging.aws("ecs").list_tasks(cluster=PREFIX, serviceName="transcription")["taskArns"]
    return str(arns[0].rpartition("/")[2])


def test_a_host_at_work(staging: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    freeze(monkeypatch)
    report(staging, f"transcription/transcription/{task_of(staging)}", 62.5, 41.25)
    report(staging, "transcription/transcription/a-task-that-is-gone", 99, 99)
    (host,) = fleet(staging)["hosts"]
    assert (host["instance_type"], host["market"], host["gpus"], host["free"]) == ("g4dn.xlarge", "spot", 1, 0)
    assert (host["tasks"], host["utilization"], host["memory"]) == ({"transcription": 1}, 62.5, 41.2)
    same("gpu-status.txt", staging.run("gpu-status", *ENV).out, {r" {2}(\d+ d)\n": "days"})
    same("gpu-status.json", staging.run("--json", "gpu-status", *ENV).out, VOLATILE)


@pytest.mark.slow
def test_a_host_that_says_nothing_a_host_that_boots_and_none(staging: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [(one["utilization"], one["memory"]) for one in fleet(staging)["hosts"]] == [(None, None)]

    # A second task wants a second host, which takes minutes to join.
    monkeypatch.setenv("THOTH_EMULATOR_PACE", "20")
    staging.aws("ecs").update_service(
        cluster=PREFIX,
        service="transcription",
        desiredCount=2,
        deploymentConfiguration={"maximumPercent": 200, "minimumHealthyPercent": 0},
    )
    found = until(lambda: (seen := fleet(staging)) and len(seen["hosts"]) == 2 and seen)
    assert [one["status"] for one in found["hosts"]] == ["ACTIVE", "BOOTING"]
    assert (found["gpus"], found["free"]) == (1, 0)
    assert "2 hosts, 1 GPU, 0 free" in staging.run("gpu-status", *ENV).out

    monkeypatch.setenv("THOTH_EMULATOR_PACE", "600")
    staging.aws("ecs").update_service(cluster=PREFIX, service="transcription", desiredCount=0)
    until(lambda: not fleet(staging)["hosts"])
    assert staging.run("gpu-status", *ENV).out == "no GPU host is running\n"
