"""ECS and CodeDeploy as their APIs show the simulation; what it does is tested in tests/emulator/ecs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.conftest import REGION, AsAccount

CONFIGURATION = {
    "deploymentCircuitBreaker": {"enable": True, "rollback": True},
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
}
BLUE_GREEN = {
    "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
    "deploymentConfigName": "CodeDeployDefault.ECSCanary10Percent5Minutes",
    "blueGreenDeploymentConfiguration": {
        "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 10}
    },
    "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]},
}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THOTH_EMULATOR_PACE", "1000")


@pytest.fixture
def ecs(aws: AsAccount) -> Any:
    client = aws("ecs")
    client.create_cluster(clusterName="ai")
    return client


@pytest.fixture
def push(aws: AsAccount, account: str) -> Callable[..., str]:
    """Push an image that behaves as its annotations say; return its reference."""
    ecr = aws("ecr")
    ecr.create_repository(repositoryName="app")

    def now(tag: str, **said: str) -> str:
        annotations = {f"thoth.emulator/{key.replace('_', '-')}": value for key, value in said.items()}
        answer = ecr.put_image(repositoryName="app", imageManifest=manifest(annotations | {"tag": tag}), imageTag=tag)
        return f"{account}.dkr.ecr.{REGION}.amazonaws.com/app@{answer['image']['imageId']['imageDigest']}"

    return now


def manifest(annotations: dict[str, str]) -> str:
    kind = "application/vnd.oci.image.manifest.v1+json"
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 1, "digest": "sha256:0"}
    return json.dumps(
        {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [], "annotations": annotations}
    )


def register(ecs: Any, image: str, **more: Any) -> str:
    container = {"name": "app", "image": image, "memory": 100, **more}
    return str(
        ecs.register_task_definition(family="app", containerDefinitions=[container])["taskDefinition"][
            "taskDefinitionArn"
        ]
    )


def create(ecs: Any, revision: str, count: int = 1, **more: Any) -> None:
    settings = {"deploymentConfiguration": CONFIGURATION, "launchType": "FARGATE", **more}
    ecs.create_service(cluster="ai", serviceName="app", taskDefinition=revision, desiredCount=count, **settings)


def service(ecs: Any) -> Any:
    return ecs.describe_services(cluster="ai", services=["app"])["services"][0]


def until(holds: Callable[[], Any]) -> Any:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.01)
    raise AssertionError("it never came to be")


def steady(ecs: Any) -> Any:
    found = service(ecs)
    deployments = found["deployments"]
    return found if len(deployments) == 1 and deployments[0]["rolloutState"] == "COMPLETED" else None


@pytest.mark.patch("services_work")
@pytest.mark.patch("services_are_shown")
def test_a_deployment_that_fails_is_rolled_back_and_tells_why(ecs: Any, push: Callable[..., str]) -> None:
    check = {"command": ["CMD", "true"]}
    good, bad = register(ecs, push("1"), healthCheck=check), register(ecs, push("2", exit="1@2"), healthCheck=check)
    create(ecs, good, 2)
    until(lambda: steady(ecs))
    ecs.update_service(cluster="ai", service="app", taskDefinition=bad)
    until(lambda: any("circuit breaker" in event["message"] for event in service(ecs)["events"]))

    found = until(lambda: steady(ecs))

    assert found["taskDefinition"] == good
    assert (found["runningCount"], found["pendingCount"]) == (2, 0)


@pytest.mark.patch("tasks_live")
@pytest.mark.patch("tasks_are_shown")
def test_a_task_ends_with_its_reason(ecs: Any, push: Callable[..., str]) -> None:
    revision = register(ecs, push("1", **{"run/check": "3"}), healthCheck={"command": ["CMD", "true"]})
    create(ecs, revision)
    until(lambda: steady(ecs))
    running = ecs.list_tasks(cluster="ai", serviceName="app")["taskArns"]
    asked: dict[str, Any] = {
        "cluster": "ai", "taskDefinition": revision, "launchType": "FARGATE", "clientToken": "once",
        "overrides": {"containerOverrides": [{"name": "app", "command": ["python", "check"]}]},
    }  # fmt: skip
    (first,), (second,) = (ecs.run_task(**asked)["tasks"] for _ in range(2))
    assert first["taskArn"] == second["taskArn"]

    def ended() -> Any:
        (task,) = ecs.describe_tasks(cluster="ai", tasks=[first["taskArn"]])["tasks"]
        return task if task["lastStatus"] == "STOPPED" else None

    task = until(ended)
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 3)
    assert ecs.list_tasks(cluster="ai", serviceName="app")["taskArns"] == running
    ecs.stop_task(cluster="ai", task=running[0], reason="by hand")
    (stopped,) = ecs.describe_tasks(cluster="ai", tasks=running)["tasks"]
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "by hand")


@pytest.mark.patch("tasks_are_protected")
def test_a_task_is_protected_for_a_time(ecs: Any, push: Callable[..., str]) -> None:
    create(ecs, register(ecs, push("1")))
    until(lambda: steady(ecs))
    tasks = ecs.list_tasks(cluster="ai", serviceName="app")["taskArns"]
    ecs.update_task_protection(cluster="ai", tasks=tasks, protectionEnabled=True, expiresInMinutes=5)

    (found,) = ecs.get_task_protection(cluster="ai", tasks=tasks)["protectedTasks"]

    assert found["protectionEnabled"]
    assert found["expirationDate"]


@pytest.mark.patch("commands_are_executed")
def test_a_command_is_executed_only_where_that_is_allowed(ecs: Any, push: Callable[..., str]) -> None:
    create(ecs, register(ecs, push("1")))
    until(lambda: steady(ecs))
    (task,) = ecs.list_tasks(cluster="ai", serviceName="app")["taskArns"]
    asked = {"cluster": "ai", "task": task, "command": "/bin/sh", "interactive": True}
    with pytest.raises(ClientError, match="execute command was not enabled"):
        ecs.execute_command(**asked)
    ecs.update_service(cluster="ai", service="app", enableExecuteCommand=True, forceNewDeployment=True)

    def replaced() -> Any:
        arns = ecs.list_tasks(cluster="ai", serviceName="app")["taskArns"]
        return arns[0] if steady(ecs) and task not in arns else None

    answer = ecs.execute_command(**{**asked, "task": until(replaced)})
    assert answer["session"]["streamUrl"].startswith("wss://")


@pytest.mark.patch("hosts_join")
@pytest.mark.patch("scaling_activities")
def test_a_gpu_task_gets_a_host_or_the_group_says_why_not(ecs: Any, aws: AsAccount, push: Callable[..., str]) -> None:
    ec2, autoscaling = aws("ec2"), aws("autoscaling")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone=f"{REGION}a")["Subnet"]["SubnetId"]
    ec2.create_launch_template(
        LaunchTemplateName="gpu", LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "g4dn.xlarge"}
    )
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="gpu", MinSize=0, MaxSize=2, VPCZoneIdentifier=subnet,
        LaunchTemplate={"LaunchTemplateName": "gpu", "Version": "$Latest"},
    )  # fmt: skip
    arn = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["AutoScalingGroupARN"]
    ecs.create_capacity_provider(name="gpu", autoScalingGroupProvider={"autoScalingGroupArn": arn})
    limit = {"ResourceId": "gpu", "ResourceType": "auto-scaling-group", "PropagateAtLaunch": False}
    autoscaling.create_or_update_tags(Tags=[{**limit, "Key": "thoth.emulator/capacity", "Value": "1"}])
    needs = [{"type": "GPU", "value": "1"}]
    ecs.create_service(
        cluster="ai", serviceName="app", desiredCount=2,
        taskDefinition=register(ecs, push("1"), resourceRequirements=needs),
        capacityProviderStrategy=[{"capacityProvider": "gpu", "weight": 1}],
    )  # fmt: skip

    until(lambda: service(ecs)["runningCount"] == 1)
    (host,) = ecs.list_container_instances(cluster="ai")["containerInstanceArns"]
    (found,) = ecs.describe_container_instances(cluster="ai", containerInstances=[host])["containerInstances"]
    gpus = {
        kind: [len(row["stringSetValue"]) for row in found[kind] if row["name"] == "GPU"]
        for kind in ("registeredResources", "remainingResources")
    }
    assert gpus == {"registeredResources": [1], "remainingResources": [0]}
    until(lambda: service(ecs)["events"][0]["message"].count("unable to place"))
    refused = autoscaling.describe_scaling_activities(AutoScalingGroupName="gpu")["Activities"][0]
    assert refused["StatusCode"] == "Failed"
    assert "sufficient g4dn.xlarge capacity" in refused["StatusMessage"]


@pytest.fixture
def blue_green(ecs: Any, aws: AsAccount, push: Callable[..., str]) -> Callable[[str], str]:
    """An API behind CodeDeploy; called with a revision, it deploys that and returns the deployment's id."""
    ec2, elb, codedeploy = aws("ec2"), aws("elbv2"), aws("codedeploy")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{z}")["Subnet"]["SubnetId"]
        for n, z in enumerate("ab")
    ]
    balancer = elb.create_load_balancer(Name="lb", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    targets = [
        elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")["TargetGroups"][0][
            "TargetGroupArn"
        ]
        for name in ("blue", "green")
    ]
    listener = elb.create_listener(
        LoadBalancerArn=balancer, Protocol="HTTP", Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": targets[0]}],
    )["Listeners"][0]["ListenerArn"]  # fmt: skip
    ecs.create_service(
        cluster="ai", serviceName="app", taskDefinition=register(ecs, push("1")), desiredCount=1, launchType="FARGATE",
        deploymentController={"type": "CODE_DEPLOY"},
        loadBalancers=[{"targetGroupArn": targets[0], "containerName": "app", "containerPort": 80}],
    )  # fmt: skip
    codedeploy.create_application(applicationName="a", computePlatform="ECS")
    pair = {
        "targetGroups": [{"name": "blue"}, {"name": "green"}],
        "prodTrafficRoute": {"listenerArns": [listener]},
    }
    codedeploy.create_deployment_group(
        applicationName="a", deploymentGroupName="g", serviceRoleArn="arn:aws:iam::123456789012:role/x",
        loadBalancerInfo={"targetGroupPairInfoList": [pair]},
        ecsServices=[{"serviceName": "app", "clusterName": "ai"}], **BLUE_GREEN,
    )  # fmt: skip

    def deploy(revision: str) -> str:
        properties = {"TaskDefinition": revision, "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 80}}
        spec = {
            "version": 0.0,
            "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}],
        }
        content = {"revisionType": "AppSpecContent", "appSpecContent": {"content": json.dumps(spec)}}
        made = codedeploy.create_deployment(applicationName="a", deploymentGroupName="g", revision=content)
        return str(made["deploymentId"])

    return deploy


def info(aws: AsAccount, identifier: str) -> Any:
    return aws("codedeploy").get_deployment(deploymentId=identifier)["deploymentInfo"]


@pytest.mark.patch("deployments_run")
@pytest.mark.patch("deployments_are_shown")
def test_codedeploy_moves_the_traffic_and_ends_the_old_tasks(
    ecs: Any, aws: AsAccount, push: Callable[..., str], blue_green: Callable[[str], str]
) -> None:
    second = register(ecs, push("2"))
    identifier = blue_green(second)
    with pytest.raises(ClientError, match="already has an active Deployment"):
        blue_green(second)
    with pytest.raises(ClientError, match="Use AWS CodeDeploy"):
        ecs.update_service(cluster="ai", service="app", taskDefinition=second)

    until(lambda: info(aws, identifier)["status"] == "Succeeded")

    assert [one["taskDefinition"] for one in service(ecs)["taskSets"]] == [second]
    (listener,) = aws("elbv2").describe_listeners(
        LoadBalancerArn=aws("elbv2").describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    )["Listeners"]
    assert ":targetgroup/green/" in listener["DefaultActions"][0]["TargetGroupArn"]


@pytest.mark.patch("deployments_stop")
def test_codedeploy_is_stopped_and_sends_the_traffic_back(
    ecs: Any, aws: AsAccount, push: Callable[..., str], blue_green: Callable[[str], str]
) -> None:
    first = service(ecs)["taskDefinition"]
    identifier = blue_green(register(ecs, push("2", health="fail"), healthCheck={"command": ["CMD", "true"]}))
    codedeploy = aws("codedeploy")
    (target,) = codedeploy.list_deployment_targets(deploymentId=identifier)["targetIds"]
    found = codedeploy.batch_get_deployment_targets(deploymentId=identifier, targetIds=[target])["deploymentTargets"][0]
    running = [
        one["lifecycleEventName"] for one in found["ecsTarget"]["lifecycleEvents"] if one["status"] == "InProgress"
    ]
    assert running == ["Install"]

    codedeploy.stop_deployment(deploymentId=identifier, autoRollbackEnabled=True)

    assert info(aws, identifier)["errorInformation"]["code"] == "MANUAL_STOP"
    assert [one["taskDefinition"] for one in service(ecs)["taskSets"]] == [first]
    with pytest.raises(ClientError, match="already completed"):
        codedeploy.stop_deployment(deploymentId=identifier)


@pytest.mark.patch("digest_of_the_manifest")
def test_two_manifests_are_two_images(push: Callable[..., str]) -> None:
    assert push("1") != push("2")


@pytest.mark.patch("registry_of_another_account")
def test_another_accounts_registry_is_asked(aws: AsAccount, other_account: str) -> None:
    owner = aws("ecr", account_id=other_account)
    owner.create_repository(repositoryName="app")
    owner.put_image(repositoryName="app", imageManifest=manifest({}), imageTag="1")
    asked = {"repositoryName": "app", "imageIds": [{"imageTag": "1"}]}

    assert aws("ecr").batch_get_image(registryId=other_account, **asked)["images"]
    with pytest.raises(ClientError, match="RepositoryNotFound"):
        aws("ecr").batch_get_image(**asked)


@pytest.mark.patch("one_at_a_time")
def test_many_may_ask_at_once(ecs: Any, push: Callable[..., str]) -> None:
    # Without the simulation nothing falls, and so nothing could be asked for in its midst.
    create(ecs, register(ecs, push("1", exit="1")), 5)
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(20):
                service(ecs)
                ecs.list_tasks(cluster="ai", serviceName="app")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert any(task["stopCode"] == "EssentialContainerExited" for task in _ended(ecs))


def _ended(ecs: Any) -> Any:
    arns = ecs.list_tasks(cluster="ai", serviceName="app", desiredStatus="STOPPED")["taskArns"]
    return ecs.describe_tasks(cluster="ai", tasks=arns)["tasks"] if arns else []
