"""What ``deploy`` and ``rollback`` call on AWS is what their role in GitHub's workflows may call."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.conftest import PREFIX, Estate
from tests.deploy.test_scenarios import die, no_more_capacity
from tests.iam.pipeline import DEPLOY
from thoth_infra.aws.clients import Clients


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """Every operation that the commands' own clients call from now on."""
    found: set[tuple[str, str]] = set()
    make = Clients.__call__

    def recording(self: Clients, service: str) -> Any:
        client = make(self, service)
        client.meta.events.register("before-call", lambda model, **_: found.add((service, model.name)))
        return client

    monkeypatch.setattr(Clients, "__call__", recording)
    return found


@pytest.mark.slow
def test_deploy_and_rollback_call_nothing_that_their_role_may_not(
    estate: Estate, called: set[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert estate.deploy().code == 0
    assert estate.rollback().code == 0
    # Slowly enough that CodeDeploy is still at it on a busy machine.
    estate.on("starting", lambda: monkeypatch.setenv("THOTH_EMULATOR_PACE", "30"))
    estate.on("started", die(KeyboardInterrupt))
    assert estate.deploy().code == 130
    assert estate.rollback().code == 0  # which stops CodeDeploy
    monkeypatch.setenv("THOTH_EMULATOR_PACE", "600")
    assert estate.deploy("--show").code == 0
    assert estate.rollback().code == 1  # looks for an earlier deployment
    ecs = estate.aws("ecs")
    # A task that is not healthy yet is replaced in its place, and needs no other GPU.
    ecs.get_waiter("services_stable").wait(cluster=PREFIX, services=["transcription"], WaiterConfig={"Delay": 1})
    ecs.update_service(
        cluster=PREFIX,
        service="transcription",
        deploymentConfiguration={"maximumPercent": 200, "minimumHealthyPercent": 100},
    )
    no_more_capacity(estate, 1)
    assert estate.deploy("--timeout", "6s").code == 8  # asks why no GPU comes

    # Whose credentials they are is asked without a client of ours, and needs no right.
    assert {*called, ("sts", "GetCallerIdentity")} == set(DEPLOY)
