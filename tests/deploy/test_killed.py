"""``deploy`` killed by SIGKILL at a call that changes something, before or after AWS has done it; then resumed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field

import pytest

from tests.aws_proxy import Answer, Call, Forward, proxy
from tests.deploy.conftest import NAME, PREFIX, SERVICES, Estate

#: How many calls a deployment of five services makes that change something; the drill kills at each of them.
WRITES = range(30)
FEW = ("RunTask", "CreateDeployment", "UpdateService")


@dataclass
class Executioner:
    """Kills a process at one of the calls that change something."""

    nth: int
    after: bool
    operation: str | None = None
    """Counts the calls of this operation only."""
    process: subprocess.Popen[str] | None = None
    seen: list[Call] = field(default_factory=list)

    def __call__(self, call: Call, forward: Forward) -> Answer | None:
        """Pass a call on, or kill whoever made it."""
        if not call.writes or call.service == "sts" or self.operation not in (None, call.operation):
            return forward()
        self.seen.append(call)
        if len(self.seen) != self.nth + 1:
            return forward()
        if self.after:
            forward()
        assert self.process
        self.process.kill()
        self.process.wait()
        return None


def killed(estate: Estate, executioner: Executioner) -> bool:
    """Run a deployment in a process of its own, under the executioner; return whether it was killed."""
    with proxy(estate.emulator_url, executioner) as between:
        command = [sys.executable, "-m", "thoth_infra", "--root", str(estate.root)]
        executioner.process = subprocess.Popen(
            [*command, "deploy", "--env", NAME, "--timeout", "30s"],
            env={**os.environ, "AWS_ENDPOINT_URL": between.url},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        _, said = executioner.process.communicate(timeout=120)
    assert executioner.process.returncode in (0, -9), said
    return executioner.process.returncode == -9


def goes_on(estate: Estate) -> None:
    """Check that what was left can be finished, and that nothing was done twice."""
    if '"state": "done"' not in estate.run("--json", "deploy", "--env", NAME, "--show").out:
        resumed = estate.deploy("--resume")
        if "there is no deployment to go on with" in resumed.err:
            assert estate.all_run("1"), "services were changed by a deployment that nobody knows of"
            resumed = estate.deploy()
        assert resumed.code == 0, resumed.err
    assert estate.all_run("2")
    ecs, codedeploy = estate.aws("ecs"), estate.aws("codedeploy")
    for name in SERVICES:
        found = ecs.list_task_definitions(familyPrefix=f"{PREFIX}-{name}")["taskDefinitionArns"]
        assert len(found) == 2, found
    made = codedeploy.list_deployments(applicationName=PREFIX, deploymentGroupName=f"{PREFIX}-api")["deployments"]
    assert len(made) == 1
    stopped = ecs.list_tasks(cluster=PREFIX, desiredStatus="STOPPED")["taskArns"]
    by = [task["startedBy"] for task in ecs.describe_tasks(cluster=PREFIX, tasks=stopped)["tasks"]]
    assert sorted(mark.rpartition("-")[2] for mark in by if mark.endswith(("-migrate", "-prove"))) == [
        "migrate",
        "prove",
    ]


@pytest.mark.parametrize("operation", FEW)
def test_a_killed_deployment_goes_on(estate: Estate, operation: str) -> None:
    assert killed(estate, Executioner(nth=0, after=True, operation=operation))

    goes_on(estate)


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("nth", WRITES)
def test_a_deployment_killed_anywhere_goes_on(estate: Estate, nth: int, after: bool) -> None:
    executioner = Executioner(nth, after)
    if killed(estate, executioner):
        goes_on(estate)
    else:
        assert len(executioner.seen) <= nth, "it was to be killed, but lives"
        assert estate.all_run("2")
