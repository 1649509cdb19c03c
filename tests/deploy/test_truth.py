"""Whatever goes wrong, together and at any time: the exit code tells what runs now."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.deploy.conftest import IMAGES, NAME, PREFIX, Estate
from tests.deploy.test_scenarios import ALL, STEPS, alarm, die, no_more_capacity, reclaim, shown
from thoth_infra.aws.deploy.machine import MIGRATE, PROVE

# What an image may do wrong, and how likely it is that it does.
BEHAVIOURS: tuple[dict[str, str], ...] = (
    {"exit": "1@5"},
    {"exit": "2@60"},
    {"health": "fail"},
    {"out_of_memory": "5"},
    {f"run__{MIGRATE[-1]}": "1"},
    {f"run__{PROVE[-1]}": "1"},
    {"load_balancer": "fail"},
)
STATES = {0: "done", 8: "undone", 9: "stuck"}


def events(estate: Estate, dice: random.Random) -> list[Callable[[], None]]:
    """Return what may happen while a deployment runs."""

    def forget(image: str) -> None:
        gone = [{"imageDigest": estate.digests[image, "new"]}]
        estate.aws("ecr").batch_delete_image(repositoryName=f"thoth/{NAME}/{image}", imageIds=gone)

    def stop_codedeploy() -> None:
        codedeploy = estate.aws("codedeploy")
        found = codedeploy.list_deployments(
            applicationName=PREFIX,
            deploymentGroupName=f"{PREFIX}-api",
            includeOnlyStatuses=["Created", "InProgress", "Ready"],
        )["deployments"]
        for one in found:
            codedeploy.stop_deployment(deploymentId=one, autoRollbackEnabled=dice.random() < 0.5)

    return [
        lambda: alarm(estate, "api-errors"),
        lambda: alarm(estate, f"{dice.choice(list(IMAGES)[1:])}-failures"),
        lambda: reclaim(estate),
        lambda: no_more_capacity(estate, dice.choice((0, 1))),
        lambda: forget(dice.choice(ALL)),
        stop_codedeploy,
        die(KeyboardInterrupt),
    ]


def tolerant(act: Callable[[], None]) -> Callable[[], None]:
    """An event that finds nothing to happen to does not happen."""

    def now() -> None:
        try:
            act()
        except (ValueError, LookupError):
            return

    return now


def the_code_tells_the_truth(estate: Estate, seed: int) -> None:
    """Deploy once, with ``seed``'s misfortunes; go on as long as it is interrupted."""
    dice = random.Random(seed)  # noqa: S311 - the same misfortunes in each run
    bad = {image: dice.choice(BEHAVIOURS) for image in ALL if dice.random() < 0.15}
    for image in ALL:
        estate.push("new", images=[image], **bad.get(image, {}))
    estate.lock("new")
    for when in dice.sample((*STEPS, "undoing"), dice.choice((0, 1, 1, 2))):
        estate.on(f" {when}", tolerant(dice.choice(events(estate, dice))))

    ran = estate.deploy("--timeout", "5s")
    while ran.code == 130:
        ran = estate.deploy("--resume", "--timeout", "5s")

    assert ran.code in STATES, ran.err
    assert shown(estate)["state"] == STATES[ran.code], ran.err
    if ran.code == 0:
        assert estate.all_run("new"), ran.err
        assert not bad or not any("exit" in how or "health" in how for how in bad.values()), bad
    if ran.code == 8:
        assert estate.all_run("1"), ran.err
    if ran.code:
        assert "Error" in ran.err and "why" in ran.out


@pytest.mark.parametrize("seed", range(2))
def test_the_exit_code_tells_the_truth(estate: Estate, seed: int) -> None:
    the_code_tells_the_truth(estate, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 64))
def test_the_exit_code_tells_the_truth_in_more_cases(estate: Estate, seed: int) -> None:
    the_code_tells_the_truth(estate, seed)
