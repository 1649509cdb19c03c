"""`restart-service` on staging: new tasks of the same revision, and the real reason where they don't come."""

from __future__ import annotations

import json

import pytest

from tests.deploy.conftest import NAME, PREFIX, Estate
from tests.operations.conftest import freeze, until
from tests.snapshots import same

ENV = ("--env", NAME)


def tasks(staging: Estate, service: str) -> set[str]:
    return set(staging.aws("ecs").list_tasks(cluster=PREFIX, serviceName=service)["taskArns"])


@pytest.mark.parametrize("service", ["transcription", "api"])
def test_all_tasks_are_new_and_of_the_same_revision(staging: Estate, service: str) -> None:
    before, revision = tasks(staging, service), staging.service(service)["taskDefinition"]
    ran = staging.run("--json", "restart-service", service, *ENV, "--wait", "--timeout", "60s")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["done"] is True
    now = tasks(staging, service)
    assert len(now) == len(before)
    assert not now & before
    found = staging.service(service)
    assert found["taskDefinition"] == revision
    if service == "api":
        # CodeDeploy falls back to the launch type unless the AppSpec repeats the strategy.
        assert found["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE", "base": 0, "weight": 1}]


def test_what_an_operator_sees(staging: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    freeze(monkeypatch)
    same("restart-service.txt", staging.run("restart-service", "audio-extraction", *ENV).out)
    same("restart-service.json", staging.run("--json", "restart-service", "orchestrator", *ENV).out)
    nothing = staging.run("restart-service", "music-terms", *ENV)
    assert (nothing.code, nothing.out) == (1, "")
    assert "music-terms has no tasks to replace" in nothing.err
    assert staging.run("restart-service", "api", *ENV).code == 0
    refused = staging.run("restart-service", "api", *ENV)
    assert refused.code == 1
    assert "CodeDeploy replaces the API just now (" in refused.err
    assert "`thoth-infra status --watch` shows how far it is" in refused.err


def test_a_restart_that_fails_says_why(staging: Estate) -> None:
    staging.aws("ecr").batch_delete_image(repositoryName=f"thoth/{NAME}/music-terms", imageIds=[{"imageTag": "1"}])
    staging.aws("ecs").update_service(cluster=PREFIX, service="music-terms", desiredCount=1)
    ran = staging.run("restart-service", "music-terms", *ENV, "--wait", "--timeout", "60s")
    assert ran.code == 1
    assert "music-terms: ECS deployment circuit breaker" in ran.err
    assert "seen: CannotPullContainerError" in ran.err
    assert "cause: the registry has no image of this tag or digest" in ran.err
    assert "Hint: push it with `thoth-infra images push`" in ran.err


def test_ctrl_c_ends_the_waiting_only(staging: Estate) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    staging.on("new tasks run", interrupt)
    before = tasks(staging, "transcription")
    ran = staging.run("restart-service", "transcription", *ENV, "--wait")
    assert ran.code == 130
    assert "transcription is still being replaced" in ran.err
    until(lambda: tasks(staging, "transcription") and not tasks(staging, "transcription") & before)


def test_stopped_services_are_not_restarted(staging: Estate) -> None:
    staging.run("stop-services", *ENV)
    ran = staging.run("restart-service", "api", *ENV)
    assert ran.code == 1
    assert "the services of staging are stopped" in ran.err
    assert f"`thoth-infra start-services --env {NAME}`" in ran.err
