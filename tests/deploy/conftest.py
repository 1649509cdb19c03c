"""A small estate on the emulator, as an apply of staging would leave it, and ``thoth-infra deploy`` run against it."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.conftest import REGION, AsAccount, account, aws, emulator, other_account
from thoth_infra.cli.context import Project
from thoth_infra.cli.main import main
from thoth_infra.config.images_lock import content
from thoth_infra.emulator.access import Emulator

__all__ = ["account", "aws", "emulator", "other_account"]

ROOT = Path(__file__).resolve().parents[2]
NAME, PREFIX = "staging", "thoth-staging"
WORKERS = ("orchestrator", "audio-extraction", "transcription", "music-terms")
SERVICES = ("api", *WORKERS)
IMAGES = {"api": "api", "orchestrator": "api", **{name: name for name in WORKERS[1:]}}


@dataclass(frozen=True)
class Ran:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


@dataclass
class Estate:
    """Staging, with the images that its services run, and hands to make things go wrong with."""

    aws: AsAccount
    root: Path
    account: str
    digests: dict[tuple[str, str], str] = field(default_factory=dict)
    emulator_url: str = ""
    when_told: list[tuple[str, Callable[[], None]]] = field(default_factory=list)

    def push(
        self, tag: str, *, images: Sequence[str] = tuple(dict.fromkeys(IMAGES.values())), **behaviour: str
    ) -> None:
        """Push images of a tag; ``behaviour`` is what their containers do (see thoth_infra.emulator.ecs.images)."""
        for image in images:
            said = {
                f"thoth.emulator/{key.replace('__', '/').replace('_', '-')}": text for key, text in behaviour.items()
            }
            manifest = {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 1, "digest": "sha256:0"},
                "layers": [],
                "annotations": {**said, "image": image, "tag": tag},
            }
            answer = self.aws("ecr").put_image(
                repositoryName=f"thoth/{NAME}/{image}", imageManifest=json.dumps(manifest), imageTag=tag
            )
            self.digests[image, tag] = answer["image"]["imageId"]["imageDigest"]

    def lock(self, tag: str, **digests: str) -> None:
        """Write environments/staging.images.lock."""
        known = {image: digest for (image, pushed), digest in self.digests.items() if pushed == tag}
        text = content(tag, {**known, **digests})
        (self.root / "environments" / f"{NAME}.images.lock").write_text(text)

    def run(self, *arguments: str) -> Ran:
        """Run thoth-infra in this process, as the operator of this estate."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main(["--root", str(self.root), *arguments])
        return Ran(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    def deploy(self, *arguments: str) -> Ran:
        return self.run("deploy", "--env", NAME, *_soon(arguments))

    def rollback(self, *arguments: str) -> Ran:
        return self.run("rollback", "--env", NAME, *_soon(arguments))

    def told(self, line: str) -> None:
        """Do what was to be done once the operator is told a line with a certain text."""
        for text, act in list(self.when_told):
            if text in line:
                self.when_told.remove((text, act))
                act()

    def on(self, text: str, act: Callable[[], None]) -> None:
        self.when_told.append((text, act))

    def service(self, name: str) -> dict[str, Any]:
        found = self.aws("ecs").describe_services(cluster=PREFIX, services=[name])["services"][0]
        return dict(found)

    def running(self) -> dict[str, set[str]]:
        """Return the tags of the images that each service's tasks run."""
        ecs = self.aws("ecs")
        tags = {digest: tag for (_, tag), digest in self.digests.items()}
        found: dict[str, set[str]] = {}
        for name in SERVICES:
            arns = ecs.list_tasks(cluster=PREFIX, serviceName=name)["taskArns"]
            tasks = ecs.describe_tasks(cluster=PREFIX, tasks=arns)["tasks"] if arns else []
            found[name] = {tags[c["imageDigest"]] for task in tasks for c in task["containers"] if c["imageDigest"]}
        return found

    def all_run(self, tag: str) -> bool:
        return self.running() == {name: {tag} for name in SERVICES}

    def only_runs(self, tag: str) -> bool:
        """Whether this tag runs and nothing else, where anything does."""
        running = self.running()
        return running["api"] == {tag} and all(found <= {tag} for found in running.values())


def _soon(arguments: tuple[str, ...]) -> tuple[str, ...]:
    return arguments if "--timeout" in arguments else (*arguments, "--timeout", "30s")


@contextmanager
def staged(folder: Path, aws: AsAccount, account: str, emulator: Emulator) -> Iterator[Estate]:
    """Yield staging with version 1 of every image running, and version 2 pushed; the process is its operator's."""
    with pytest.MonkeyPatch.context() as patches:
        _operate(patches, emulator, account)
        made = Estate(aws, _project(folder), account, emulator_url=emulator.url)
        say = Project.say

        def overheard(self: Project, text: str) -> None:
            say(self, text)
            made.told(text)

        patches.setattr(Project, "say", overheard)
        aws("s3").create_bucket(Bucket=f"thoth-state-{account}")
        _registry(aws)
        made.push("1")
        made.push("2")
        _compute(aws, account, made.digests)
        made.lock("2")
        _settle(made)
        yield made


@pytest.fixture
def estate(tmp_path: Path, aws: AsAccount, account: str, emulator: Emulator) -> Iterator[Estate]:
    """Staging, for one test."""
    with staged(tmp_path, aws, account, emulator) as made:
        yield made


def _operate(patches: pytest.MonkeyPatch, emulator: Emulator, account: str) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "THOTH_"))]:
        patches.delenv(name)
    patches.setenv("THOTH_EMULATOR_PACE", "600")
    patches.setenv("THOTH_ACCOUNTS__OWN", account)
    patches.setenv("THOTH_STATE__BUCKET", f"thoth-state-{account}")
    patches.setenv("THOTH_IMAGES__REGISTRY", "own")
    for key, value in emulator.variables(account_id=account, region=REGION, role="tfs-ai-staging").items():
        if value:  # an empty AWS_PROFILE would mislead moto, which runs in this process
            patches.setenv(key, value)
    patches.setattr("thoth_infra.cli.operations._EMULATED_POLL_SECONDS", 0.02)


def _project(folder: Path) -> Path:
    import shutil

    shutil.copytree(ROOT / "environments", folder / "environments")
    shutil.copy(ROOT / ".terraform-version", folder)
    return folder


def _registry(aws: AsAccount) -> None:
    for image in dict.fromkeys(IMAGES.values()):
        aws("ecr").create_repository(repositoryName=f"thoth/{NAME}/{image}")


def _compute(aws: AsAccount, account: str, digests: dict[tuple[str, str], str]) -> None:
    ecs, ec2 = aws("ecs"), aws("ec2")
    ecs.create_cluster(clusterName=PREFIX)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="tasks", Description="tasks", VpcId=vpc)["GroupId"]
    network = {"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [group]}}
    provider = _gpu_group(aws, subnets)
    targets, listener = _load_balancer(aws, vpc, subnets)
    for name in SERVICES:
        _service(aws, account, name, digests[IMAGES[name], "1"], network, provider, targets["blue"])
    _codedeploy(aws, listener)


def _gpu_group(aws: AsAccount, subnets: list[str]) -> str:
    aws("ec2").create_launch_template(
        LaunchTemplateName="gpu", LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "g4dn.xlarge"}
    )
    autoscaling = aws("autoscaling")
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="gpu",
        MinSize=0,
        MaxSize=2,
        VPCZoneIdentifier=",".join(subnets),
        MixedInstancesPolicy={
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {"LaunchTemplateName": "gpu", "Version": "$Latest"},
                "Overrides": [{"InstanceType": "g4dn.xlarge"}],
            },
            "InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": 0},
        },
    )
    group = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["gpu"])["AutoScalingGroups"][0]
    aws("ecs").create_capacity_provider(
        name=f"{PREFIX}-gpu", autoScalingGroupProvider={"autoScalingGroupArn": group["AutoScalingGroupARN"]}
    )
    return f"{PREFIX}-gpu"


def _load_balancer(aws: AsAccount, vpc: str, subnets: list[str]) -> tuple[dict[str, str], str]:
    elb = aws("elbv2")
    balancer = elb.create_load_balancer(Name="lb", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    targets = {
        colour: elb.create_target_group(
            Name=f"{PREFIX}-{colour}", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip"
        )["TargetGroups"][0]["TargetGroupArn"]
        for colour in ("blue", "green")
    }
    listener = elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": targets["blue"]}],
    )["Listeners"][0]["ListenerArn"]
    return targets, listener


def _service(
    aws: AsAccount, account: str, name: str, digest: str, network: dict[str, Any], provider: str, target: str
) -> None:
    gpu = name == "transcription"
    container: dict[str, Any] = {
        "name": name,
        "image": f"{account}.dkr.ecr.{REGION}.amazonaws.com/thoth/{NAME}/{IMAGES[name]}@{digest}",
        "memory": 1024,
        "environment": [{"name": "SERVICE_NAME", "value": name}],
        "healthCheck": {"command": ["CMD", "true"], "interval": 30, "retries": 3, "startPeriod": 30},
    }
    if gpu:
        container["resourceRequirements"] = [{"type": "GPU", "value": "1"}]
    aws("ecs").register_task_definition(
        family=f"{PREFIX}-{name}",
        networkMode="awsvpc",
        requiresCompatibilities=["EC2" if gpu else "FARGATE"],
        cpu="1024",
        memory="2048",
        containerDefinitions=[container],
        tags=[{"key": "Environment", "value": NAME}],
    )
    common: dict[str, Any] = {
        "cluster": PREFIX,
        "serviceName": name,
        "taskDefinition": f"{PREFIX}-{name}",
        "desiredCount": 2 if name == "api" else 1,
        "networkConfiguration": network,
        "capacityProviderStrategy": [{"capacityProvider": provider if gpu else "FARGATE", "base": 0, "weight": 1}],
    }
    if name == "api":
        aws("ecs").create_service(
            **common,
            deploymentController={"type": "CODE_DEPLOY"},
            healthCheckGracePeriodSeconds=120,
            loadBalancers=[{"targetGroupArn": target, "containerName": name, "containerPort": 8080}],
        )
        return
    aws("ecs").create_service(
        **common,
        deploymentConfiguration={
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            # No spare GPU in staging: the old task stops before the new one starts.
            "maximumPercent": 100 if gpu else 200,
            "minimumHealthyPercent": 0 if gpu else 100,
            "alarms": {"alarmNames": [f"{name}-failures"], "enable": True, "rollback": True},
        },
    )


def _codedeploy(aws: AsAccount, listener: str) -> None:
    codedeploy = aws("codedeploy")
    codedeploy.create_application(applicationName=PREFIX, computePlatform="ECS")
    codedeploy.create_deployment_group(
        applicationName=PREFIX,
        deploymentGroupName=f"{PREFIX}-api",
        serviceRoleArn="arn:aws:iam::123456789012:role/codedeploy",
        deploymentConfigName="CodeDeployDefault.ECSCanary10Percent5Minutes",
        deploymentStyle={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        blueGreenDeploymentConfiguration={
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 10}
        },
        autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]},
        alarmConfiguration={"enabled": True, "alarms": [{"name": "api-errors"}]},
        loadBalancerInfo={
            "targetGroupPairInfoList": [
                {
                    "targetGroups": [{"name": f"{PREFIX}-blue"}, {"name": f"{PREFIX}-green"}],
                    "prodTrafficRoute": {"listenerArns": [listener]},
                }
            ]
        },
        ecsServices=[{"serviceName": "api", "clusterName": PREFIX}],
    )


def _settle(made: Estate) -> None:
    import time

    until = time.monotonic() + 30
    while not made.all_run("1"):
        assert time.monotonic() < until, made.running()
        time.sleep(0.02)
