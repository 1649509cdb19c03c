"""What becomes of a deployment, whatever happens to it: the state it ends in, the exit code, and which images run."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.deploy.conftest import IMAGES, NAME, PREFIX, SERVICES, Estate, Ran
from tests.marks import slow
from thoth_infra.aws.deploy.machine import MIGRATE, PROVE
from thoth_infra.aws.deploy.record import State
from thoth_infra.emulator.patches.ecs_around import CAPACITY_TAG

ALL = tuple(dict.fromkeys(IMAGES.values()))


def shown(estate: Estate) -> dict[str, object]:
    """Return the deployment as ``deploy --show --json`` has it."""
    ran = estate.run("--json", "deploy", "--env", NAME, "--show")
    assert ran.code == 0, ran.err
    found: dict[str, object] = json.loads(ran.out)
    return found


def broken(estate: Estate, *images: str, **behaviour: str) -> None:
    """Push a version of which some images misbehave, and lock it."""
    estate.push("bad", images=images, **behaviour)
    estate.push("bad", images=[image for image in ALL if image not in images])
    estate.lock("bad")


def rolled_back(estate: Estate, ran: Ran, *said: str) -> None:
    """Check that version 1 runs everywhere, and that the operator was told the truth."""
    assert ran.code == 8, ran.err
    assert shown(estate)["state"] == State.UNDONE
    assert estate.all_run("1")
    for text in said:
        assert text in ran.out + ran.err


def test_a_healthy_deployment_replaces_every_image(estate: Estate) -> None:
    before = {name: estate.service(name)["taskDefinition"] for name in SERVICES}

    ran = estate.deploy()

    assert ran.code == 0, ran.err
    assert estate.all_run("2")
    assert shown(estate)["state"] == State.DONE
    states = [line.rpartition(" ")[2] for line in ran.err.splitlines() if line.startswith("deploy 2")]
    assert states == ["registered", "migrated", "starting", "started", "serving", "proved", "done"]
    ecs = estate.aws("ecs")
    for name in SERVICES:
        old, new = (
            ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
            for arn in (before[name], estate.service(name)["taskDefinition"])
        )
        assert old["tags"] == new["tags"]
        (was,), (now,) = (found["taskDefinition"]["containerDefinitions"] for found in (old, new))
        assert was.pop("image") != now.pop("image")
        assert was == now


def test_only_the_services_that_were_named_are_replaced(estate: Estate) -> None:
    ran = estate.deploy("--service", "music-terms")

    assert ran.code == 0, ran.err
    assert estate.running() == {name: {"2" if name == "music-terms" else "1"} for name in SERVICES}


@pytest.mark.slow
def test_a_tag_can_be_deployed_without_a_lock(estate: Estate) -> None:
    (estate.root / "environments" / f"{NAME}.images.lock").unlink()

    assert estate.deploy("--tag", "2").code == 0
    assert estate.all_run("2")


@pytest.mark.slow
def test_a_service_without_tasks_gets_the_revision_too(estate: Estate) -> None:
    estate.aws("ecs").update_service(cluster=PREFIX, service="transcription", desiredCount=0)

    ran = estate.deploy()

    assert ran.code == 0, ran.err
    assert estate.running()["transcription"] == set()
    arn = estate.service("transcription")["taskDefinition"]
    found = estate.aws("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
    assert found["containerDefinitions"][0]["image"].endswith(estate.digests["transcription", "2"])


@pytest.mark.parametrize("image", ["api", *slow("music-terms", "transcription")])
def test_a_crash_loop_is_rolled_back(estate: Estate, image: str) -> None:
    broken(estate, image, exit="1@5", says="KeyError: 'MODEL'")

    rolled_back(estate, estate.deploy(), "exit code 1", "what helps")


@pytest.mark.parametrize("image", ["audio-extraction", *slow("api")])
def test_a_failing_health_check_is_rolled_back(estate: Estate, image: str) -> None:
    broken(estate, image, health="fail")

    rolled_back(
        estate, estate.deploy(), "Task failed container health checks", "the container's own health check fails"
    )


@pytest.mark.slow
def test_an_api_that_the_load_balancer_does_not_reach_is_rolled_back(estate: Estate) -> None:
    broken(estate, "api", load_balancer="fail")

    rolled_back(estate, estate.deploy(), "ELB health checks", "GET /healthz")


@pytest.mark.slow
def test_a_container_without_enough_memory_is_rolled_back_and_said_so(estate: Estate) -> None:
    broken(estate, "transcription", out_of_memory="5")

    rolled_back(estate, estate.deploy(), "OutOfMemory", "raise `services.NAME.launch.memory_mib`")


def test_an_image_that_was_never_pushed_changes_nothing(estate: Estate) -> None:
    ran = estate.deploy("--tag", "3")

    assert ran.code == 1
    for image in ALL:
        assert f"has no thoth/{NAME}/{image}:3" in ran.err
    assert "images push" in ran.err
    assert estate.all_run("1")
    assert estate.run("deploy", "--env", NAME, "--show").code == 1


def test_a_digest_that_the_registry_has_not_changes_nothing(estate: Estate) -> None:
    estate.lock("2", api=f"sha256:{'0' * 64}")

    ran = estate.deploy()

    assert ran.code == 1
    assert f"has no thoth/{NAME}/api@sha256:000" in ran.err
    assert estate.all_run("1")


@pytest.mark.slow
def test_an_image_that_is_removed_meanwhile_is_rolled_back(estate: Estate) -> None:
    gone = [{"imageDigest": estate.digests["music-terms", "2"]}]
    estate.on(
        "migrated",
        lambda: estate.aws("ecr").batch_delete_image(repositoryName=f"thoth/{NAME}/music-terms", imageIds=gone),
    )

    rolled_back(estate, estate.deploy(), "CannotPullContainerError", "the registry has no image of this tag or digest")


def no_more_capacity(estate: Estate, instances: int) -> None:
    tag = {"ResourceId": "gpu", "ResourceType": "auto-scaling-group", "PropagateAtLaunch": False}
    estate.aws("autoscaling").create_or_update_tags(Tags=[{**tag, "Key": CAPACITY_TAG, "Value": str(instances)}])


@pytest.mark.slow
def test_without_gpu_capacity_the_old_task_keeps_running(estate: Estate) -> None:
    # As in production: the new task starts beside the old one.
    estate.aws("ecs").update_service(
        cluster=PREFIX,
        service="transcription",
        deploymentConfiguration={"maximumPercent": 200, "minimumHealthyPercent": 100},
    )
    no_more_capacity(estate, 1)

    rolled_back(
        estate, estate.deploy("--timeout", "6s"), "do not have sufficient g4dn.xlarge capacity", "spot.alternatives"
    )


def reclaim(estate: Estate) -> None:
    """Take the GPU instance back, as the spot market does."""
    ecs = estate.aws("ecs")
    (arn,) = ecs.list_container_instances(cluster=PREFIX)["containerInstanceArns"]
    (host,) = ecs.describe_container_instances(cluster=PREFIX, containerInstances=[arn])["containerInstances"]
    estate.aws("ec2").terminate_instances(InstanceIds=[host["ec2InstanceId"]])


@pytest.mark.parametrize("when", ["starting", *slow("registered", "started")])
def test_a_spot_instance_that_is_taken_back_midway_is_survived(estate: Estate, when: str) -> None:
    estate.on(when, lambda: reclaim(estate))

    ran = estate.deploy()

    assert ran.code == 0, ran.err + ran.out
    assert estate.all_run("2")


def test_a_migration_that_fails_leaves_every_service_alone(estate: Estate) -> None:
    broken(estate, "api", **{f"run__{MIGRATE[-1]}": "3"})
    before = {name: estate.service(name)["taskDefinition"] for name in SERVICES}

    ran = estate.deploy()

    rolled_back(estate, ran, "the tables could not be brought up to date", "exit code 3")
    assert {name: estate.service(name)["taskDefinition"] for name in SERVICES} == before


def test_a_lesson_that_does_not_come_through_is_rolled_back(estate: Estate) -> None:
    broken(estate, "api", **{f"run__{PROVE[-1]}": "1"})

    rolled_back(estate, estate.deploy(), "a lesson did not come through the new system")


def alarm(estate: Estate, name: str, state: str = "ALARM") -> None:
    cloudwatch = estate.aws("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Thoth",
        MetricName="Failures",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        Statistic="Sum",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")


@pytest.mark.parametrize("when", ["serving", *slow("started", "proved")])
def test_an_alarm_while_the_old_tasks_are_kept_is_rolled_back(estate: Estate, when: str) -> None:
    estate.on(when, lambda: alarm(estate, "api-errors"))

    rolled_back(estate, estate.deploy(), "ALARM_ACTIVE", "an alarm that guards deployments")


@pytest.mark.slow
def test_an_alarm_of_a_worker_is_rolled_back(estate: Estate) -> None:
    estate.on("started", lambda: alarm(estate, "music-terms-failures"))

    rolled_back(estate, estate.deploy(), "alarm music-terms-failures is in ALARM")


@pytest.mark.parametrize("undo", [True, *slow(False)])
@pytest.mark.parametrize("when", ["serving", *slow("started")])
def test_codedeploy_stopped_by_hand_is_rolled_back(estate: Estate, when: str, undo: bool) -> None:
    def stop() -> None:
        codedeploy = estate.aws("codedeploy")
        found = codedeploy.list_deployments(applicationName=PREFIX, deploymentGroupName=f"{PREFIX}-api")["deployments"]
        codedeploy.stop_deployment(deploymentId=found[-1], autoRollbackEnabled=undo)

    estate.on(when, stop)

    rolled_back(estate, estate.deploy(), "MANUAL_STOP", "somebody stopped it")


class Killed(BaseException):
    """The process is gone: nothing of it cleans up."""


def die(how: type[BaseException]) -> Callable[[], None]:
    def now() -> None:
        raise how

    return now


STEPS = ("registered", "migrated", "starting", "started", "serving", "proved")
# While the images change; `make drill-deploys` has the steps before, between and after.
FEW = ("started",)
CUT = [*FEW, *slow(*(when for when in STEPS if when not in FEW))]


@pytest.mark.parametrize("when", CUT)
def test_ctrl_c_and_then_resume(estate: Estate, when: str) -> None:
    estate.on(when, die(KeyboardInterrupt))

    cut = estate.deploy()

    assert cut.code == 130
    assert "deploy --resume --env staging" in cut.err
    assert ("nothing was changed" in cut.err) == (when in ("registered", "migrated"))
    again = estate.deploy()
    assert again.code == 1
    assert "has not ended" in again.err
    resumed = estate.deploy("--resume")
    assert resumed.code == 0, resumed.err
    assert estate.all_run("2")
    assert estate.deploy("--resume").code == 1


@pytest.mark.slow
@pytest.mark.parametrize("when", CUT)
def test_ctrl_c_and_then_rollback(estate: Estate, when: str) -> None:
    estate.on(when, die(KeyboardInterrupt))
    assert estate.deploy().code == 130

    back = estate.rollback()

    assert back.code == 0, back.err
    assert estate.all_run("1")
    assert shown(estate)["state"] == State.UNDONE


@pytest.mark.slow
def test_an_interrupted_rollback_is_resumed_too(estate: Estate) -> None:
    broken(estate, "api", **{f"run__{PROVE[-1]}": "1"})
    estate.on("undoing", die(KeyboardInterrupt))
    assert estate.deploy().code == 130

    rolled_back(estate, estate.deploy("--resume"))


@pytest.mark.parametrize("when", ["starting", *slow("registered", "serving")])
def test_a_rollback_that_was_cut_off_is_ended_by_asking_for_it_again(estate: Estate, when: str) -> None:
    assert estate.deploy("--no-proof").code == 0
    estate.on(when, die(KeyboardInterrupt))
    cut = estate.rollback()
    assert cut.code == 130
    assert "go on: `thoth-infra rollback" in cut.err

    back = estate.rollback()

    assert back.code == 0, back.err
    assert estate.all_run("1")


def test_a_rollback_that_fails_says_so(estate: Estate) -> None:
    broken(estate, "api", **{f"run__{PROVE[-1]}": "1"})
    gone = [{"imageDigest": estate.digests["music-terms", "1"]}]
    estate.on(
        "undoing",
        lambda: estate.aws("ecr").batch_delete_image(repositoryName=f"thoth/{NAME}/music-terms", imageIds=gone),
    )

    ran = estate.deploy()

    assert ran.code == 9, ran.out + ran.err
    assert shown(estate)["state"] == State.STUCK
    assert "could neither be finished nor undone" in ran.err
    assert "CannotPullContainerError" in ran.out


@pytest.mark.slow
def test_without_any_gpu_the_rollback_fails_and_says_so(estate: Estate) -> None:
    no_more_capacity(estate, 0)
    estate.on("starting", lambda: reclaim(estate))

    ran = estate.deploy("--timeout", "4s")

    assert ran.code == 9, ran.out + ran.err
    assert "do not have sufficient g4dn.xlarge capacity" in ran.out


def test_rollback_brings_back_what_ran_before(estate: Estate) -> None:
    assert estate.deploy().code == 0

    back = estate.rollback()

    assert back.code == 0, back.err
    assert estate.all_run("1")
    twice = estate.rollback()
    assert twice.code == 1
    assert "undone already" in twice.err


def test_two_operators_at_once(estate: Estate) -> None:
    seen: list[Ran] = []
    estate.on("migrated", lambda: seen.append(estate.deploy()))

    ran = estate.deploy()

    assert ran.code == 0, ran.err
    assert [other.code for other in seen] == [1]
    assert "has not ended" in seen[0].err


@pytest.mark.slow
def test_before_the_first_deployment_there_is_nothing_to_undo(estate: Estate) -> None:
    assert "was never deployed" in estate.rollback().err
