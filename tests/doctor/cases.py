"""For every check: how a world looks in which it holds, and one in which it does not."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.doctor.world import IMAGES, NAME, PREFIX, ROOT, World
from tests.emulator.conftest import REGION
from thoth_infra.aws import bootstrap
from thoth_infra.config.images_lock import content
from thoth_infra.contract.queues import QUEUES
from thoth_infra.render import write as writer
from thoth_infra.render.tree import render
from thoth_infra.terraform.mirror import PROVIDER_VERSION, SOURCE, host_platform
from thoth_infra.terraform.version import read_pin

Prepare = Callable[[World], None]


class Failing(NamedTuple):
    """A world in which a check does not hold: the state it must have, and what it must say and advise."""

    prepare: Prepare
    state: str
    what: str
    mend: str


PASSING: dict[str, Prepare] = {}
FAILING: dict[str, Failing] = {}


def passes(*names: str) -> Callable[[Prepare], Prepare]:
    def register(prepare: Prepare) -> Prepare:
        PASSING.update(dict.fromkeys(names, prepare))
        return prepare

    return register


def fails(name: str, state: str, what: str, mend: str) -> Callable[[Prepare], Prepare]:
    def register(prepare: Prepare) -> Prepare:
        FAILING[name] = Failing(prepare, state, what, mend)
        return prepare

    return register


# --- the machine --------------------------------------------------------------------------------------


@passes("python", "disk-project")
def as_it_is(world: World) -> None:
    """Nothing has to be done."""


@fails("python", "fail", "Python 3.10.4, which is older than 3.11", "make venv PYTHON=")
def old_python(world: World) -> None:
    world.python = (3, 10, 4)


@passes("packages")
def locked_packages(world: World) -> None:
    shutil.copy(ROOT / "requirements" / "dev.lock", world.root / "requirements")


@fails("packages", "warn", "click ", "make venv")
def other_packages(world: World) -> None:
    (world.root / "requirements" / "dev.lock").write_text("click==0.1 \\\n    --hash=sha256:0\n")


@passes("engine", "terraform")
def docker_with_image(world: World) -> None:
    world.docker()


@fails("engine", "fail", "no docker on PATH, and no terraform on PATH", "Start a Docker engine")
def no_engine(world: World) -> None:
    """The PATH is empty."""


@fails("terraform", "fail", "is 1.5.7; the project is pinned to", "install Terraform")
def other_terraform(world: World) -> None:
    world.engine = "local"
    world.program("terraform", """echo '{"terraform_version": "1.5.7"}'""")


@fails("disk-project", "fail", "0.5 GiB free", "thoth-infra clean")
def full_disk(world: World) -> None:
    world.free = lambda path: 1 << 29


@passes("disk-docker")
def roomy_docker(world: World) -> None:
    world.docker(folder=str(world.root))


@fails("disk-docker", "warn", "10.0 GiB free on Docker's disk", "docker system prune")
def tight_docker(world: World) -> None:
    roomy_docker(world)
    world.free = lambda path: 10 << 30


@passes("git")
def committed(world: World) -> None:
    git = shutil.which("git")
    assert git
    (world.bin / "git").symlink_to(git)
    author = "-c user.name=Ada -c user.email=ada@example.com -c commit.gpgsign=false"
    world.program("setup", f"cd {world.root} && {git} init -q && {git} add -A && {git} {author} commit -qm all")
    import subprocess

    subprocess.run([world.bin / "setup"], check=True)


@fails("git", "warn", "1 files are not committed (environments/staging.yaml)", "git status")
def uncommitted(world: World) -> None:
    committed(world)
    with (world.root / "environments" / "staging.yaml").open("a") as file:
        file.write("# one more line\n")


@passes("ffmpeg", "session-manager-plugin", "aws-cli")
def programs(world: World) -> None:
    for name in ("ffmpeg", "session-manager-plugin", "aws"):
        world.program(name)


fails("ffmpeg", "warn", "no ffmpeg on PATH", "apt install ffmpeg")(no_engine)
fails("session-manager-plugin", "warn", "no session-manager-plugin on PATH", "install it: https://docs")(no_engine)
fails("aws-cli", "warn", "no aws on PATH", "install it: https://docs")(no_engine)


# --- the project's files ------------------------------------------------------------------------------


passes("configuration")(as_it_is)


@fails("configuration", "fail", "environments/staging.yaml:", "thoth-infra env check")
def invalid(world: World) -> None:
    path = world.root / "environments" / "staging.yaml"
    path.write_text(path.read_text().replace("name: staging", "name: staging\nregions: us-east-1"))


@passes("rendered", "state-place")
def as_rendered(world: World) -> None:
    writer.write(world.root, NAME, render(world.root, world.env, read_pin(world.root).version))


@fails("rendered", "fail", "1 files are not as rendered (25-queues.tf)", "thoth-infra render --env staging")
def edited(world: World) -> None:
    as_rendered(world)
    path = world.root / "terraform" / NAME / "25-queues.tf"
    path.write_text(path.read_text().replace("visibility", "visible"))


@fails("state-place", "fail", "which is not staging's state", "thoth-infra render --env staging")
def productions_state(world: World) -> None:
    as_rendered(world)
    path = world.root / "terraform" / NAME / "00-backend.tf"
    path.write_text(path.read_text().replace("staging/terraform.tfstate", "production/terraform.tfstate"))


def mirrored(world: World, checksum: str) -> None:
    mirror = world.root / "mirror"
    package = mirror / SOURCE / PROVIDER_VERSION / host_platform()
    package.mkdir(parents=True)
    (package / f"terraform-provider-aws_v{PROVIDER_VERSION}_x5").write_bytes(b"provider")
    world.engine, world.variables["THOTH_PROVIDER_MIRROR"] = "local", str(mirror)
    tree = world.root / "terraform" / NAME
    tree.mkdir(parents=True)
    lock = f'provider "{SOURCE}" {{\n  version = "{PROVIDER_VERSION}"\n  hashes = [\n    "{checksum}",\n  ]\n}}\n'
    (tree / ".terraform.lock.hcl").write_text(lock)


@passes("provider")
def provider(world: World) -> None:
    line = f"{hashlib.sha256(b'provider').hexdigest()}  terraform-provider-aws_v{PROVIDER_VERSION}_x5\n"
    mirrored(world, "h1:" + base64.b64encode(hashlib.sha256(line.encode()).digest()).decode())


@fails("provider", "fail", "the lock file has no checksum of", "providers lock -platform=")
def provider_of_another_platform(world: World) -> None:
    mirrored(world, "h1:edXOJWE4ORX8Fm+dpVpICzMZJat4AX0VRCAy/xkcOc0=")


def lock_images(world: World, *images: str) -> None:
    digests = {image: f"sha256:{hashlib.sha256(image.encode()).hexdigest()}" for image in images}
    (world.root / "environments" / f"{NAME}.images.lock").write_text(content("0.1.0", digests))


@passes("images-lock")
def all_locked(world: World) -> None:
    lock_images(world, *IMAGES)


@fails("images-lock", "fail", "has no digest of transcription", "thoth-infra images push --env staging")
def one_is_not_locked(world: World) -> None:
    lock_images(world, *(image for image in IMAGES if image != "transcription"))


# --- who we are ---------------------------------------------------------------------------------------


def configured(world: World, name: str) -> None:
    config = world.root / "aws-config"
    found = world.emulator.variables(account_id=world.account, region=REGION, role=world.role)
    process = {"Version": 1, "AccessKeyId": found["AWS_ACCESS_KEY_ID"], "SecretAccessKey": "s", "SessionToken": "t"}
    script = world.program("credentials", f"echo '{json.dumps(process)}'")
    config.write_text(f"[profile {name}]\ncredential_process = {script}\n")
    world.hold("AWS_CONFIG_FILE", str(config))
    world.credentials = {
        "AWS_ENDPOINT_URL": world.emulator.url, "AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "tfs-ai-staging",
    }  # fmt: skip


@passes("profile")
def profile(world: World) -> None:
    configured(world, "tfs-ai-staging")


@fails("profile", "fail", "there is no profile tfs-ai-staging", "aws configure sso --profile tfs-ai-staging")
def other_profile(world: World) -> None:
    configured(world, "tfs-ai-production")


passes("credentials", "clock", "account", "role", "quota-addresses", "quota-vpcs", "gpu-offered", "shared-role")(
    as_it_is
)


@fails("credentials", "warn", "they end in 20 min", "aws sso login --profile tfs-ai-staging")
def short_lived(world: World) -> None:
    configured(world, "tfs-ai-staging")
    script = world.bin / "credentials"
    end = (datetime.now(UTC) + timedelta(minutes=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    script.write_text(script.read_text().replace('"Version": 1', f'"Version": 1, "Expiration": "{end}"'))


@fails("clock", "fail", "ahead of AWS: every request is refused", "timedatectl set-ntp")
def fast_clock(world: World) -> None:
    world.now = lambda: datetime.now(UTC) + timedelta(minutes=10)


@fails("account", "fail", "account ", "aws sso login --profile tfs-ai-staging")
def other_account(world: World) -> None:
    found = world.emulator.variables(account_id=world.shared_account, region=REGION, role=world.role)
    world.credentials = {key: value for key, value in found.items() if value}


@fails("role", "fail", "which is none of tfs-ai-staging*", "aws sso login --profile tfs-ai-staging")
def productions_role(world: World) -> None:
    world.role = "tfs-ai-production"


# --- state --------------------------------------------------------------------------------------------


@passes("state-bucket", "github-oidc", "state-lock")
def bootstrapped(world: World) -> None:
    bootstrap.apply(world.aws, bootstrap.wanted_for(world.env), lambda step: None)


@fails("state-bucket", "fail", "there is no bucket thoth-state-", "thoth-infra bootstrap --env staging")
def no_bucket(world: World) -> None:
    """The account is empty."""


fails("github-oidc", "fail", "not there for sts.amazonaws.com", "thoth-infra bootstrap --env staging")(no_bucket)


@fails("state-lock", "warn", "ada@laptop holds it for OperationTypeApply since 2 h", "unlock 1-2-3 --env staging")
def stale_lock(world: World) -> None:
    bootstrapped(world)
    lock = {"ID": "1-2-3", "Operation": "OperationTypeApply", "Who": "ada@laptop", "Created": "2025-01-01T00:00:00Z"}
    world.aws("s3").put_object(
        Bucket=world.env.state.bucket, Key="staging/terraform.tfstate.tflock", Body=json.dumps(lock).encode()
    )
    world.now = lambda: datetime.now(UTC) + timedelta(hours=2, minutes=1)


@passes("applied")
def a_cluster(world: World) -> None:
    world.cluster()


fails("applied", "warn", "there is no cluster thoth-staging", "thoth-infra apply --env staging")(no_bucket)


# --- capacity -----------------------------------------------------------------------------------------


def raised(world: World, service: str, code: str, to: float) -> None:
    world.aws("service-quotas").request_service_quota_increase(ServiceCode=service, QuotaCode=code, DesiredValue=to)


@passes("quota-gpu", "quota-gpu-spot", "quota-fargate", "quota-fargate-spot")
def generous(world: World) -> None:
    for service, code in (
        ("ec2", "L-DB2E81BA"), ("ec2", "L-3819A6DF"), ("fargate", "L-3032A538"), ("fargate", "L-36FBB829"),
    ):  # fmt: skip
        raised(world, service, code, 1000)


_RAISE = "aws service-quotas request-service-quota-increase --service-code {} --quota-code {}"
fails("quota-gpu", "fail", "0 vCPUs of G and VT instances on demand; at its largest it needs 4",
      _RAISE.format("ec2", "L-DB2E81BA --desired-value 4"))(no_bucket)  # fmt: skip
# Two of up to 8 vCPUs each.
fails("quota-gpu-spot", "fail", "0 vCPUs of G and VT spot instances; at its largest it needs 8",
      _RAISE.format("ec2", "L-3819A6DF --desired-value 16"))(no_bucket)  # fmt: skip


@fails("quota-fargate", "fail", "6 vCPUs of Fargate on demand", _RAISE.format("fargate", "L-3032A538"))
def many_tasks(world: World) -> None:
    world.settings += ["services.api.scaling.max=20"]


@fails("quota-fargate-spot", "fail", "6 vCPUs of Fargate Spot", _RAISE.format("fargate", "L-36FBB829"))
def many_spot_tasks(world: World) -> None:
    world.settings += ["services.audio_extraction.scaling.max=20"]


@fails("quota-addresses", "fail", "5 Elastic IPs; others have 5, it needs 1", _RAISE.format("ec2", "L-0263D0A3"))
def no_address_left(world: World) -> None:
    for _ in range(5):
        world.aws("ec2").allocate_address(Domain="vpc")


@fails("quota-vpcs", "fail", "5 VPCs; others have 5, it needs 1", _RAISE.format("vpc", "L-F678F1CE"))
def no_vpc_left(world: World) -> None:
    ec2 = world.aws("ec2")
    while len(ec2.describe_vpcs()["Vpcs"]) < 5:
        ec2.create_vpc(CidrBlock="10.0.0.0/16")


@fails("gpu-offered", "fail", "g6e.xlarge is offered in none of", "thoth-infra env explain")
def no_zone_with_gpus(world: World) -> None:
    world.settings += [
        "gpu_pools.main.instance_type=g6e.xlarge",
        "gpu_pools.main.spot.alternatives=[]",
        "network.availability_zones=[us-east-1e, us-east-1f]",
        "network.subnets.public=[10.40.0.0/24, 10.40.1.0/24]",
        "network.subnets.private=[10.40.16.0/20, 10.40.32.0/20]",
        "network.subnets.isolated=[10.40.8.0/24, 10.40.9.0/24]",
    ]


@passes("spot-role")
def spot_role(world: World) -> None:
    world.aws("iam").create_service_linked_role(AWSServiceName="spot.amazonaws.com")


fails("spot-role", "fail", "no AWSServiceRoleForEC2Spot", "create-service-linked-role")(no_bucket)


# --- what was applied ---------------------------------------------------------------------------------


def run_services(world: World, desired: int) -> None:
    world.cluster()
    ecs = world.aws("ecs")
    ecs.register_task_definition(family="t", containerDefinitions=[{"name": "t", "image": "nobody/t:1", "memory": 1}])
    for service in world.env.running:
        ecs.create_service(cluster=PREFIX, serviceName=service.name, taskDefinition="t", desiredCount=desired)


@passes("services")
def services_run(world: World) -> None:
    world.hold("THOTH_EMULATOR_PACE", "1000")
    run_services(world, 1)
    until = time.monotonic() + 20
    names = [service.name for service in world.env.running]
    while any(
        row["runningCount"] < 1
        for row in world.aws("ecs").describe_services(cluster=PREFIX, services=names)["services"]
    ):
        assert time.monotonic() < until
        time.sleep(0.02)


@fails("services", "warn", "music-terms 0 of 1", "thoth-infra status --env staging")
def services_start(world: World) -> None:
    world.hold("THOTH_EMULATOR_PACE", "0.001")
    run_services(world, 1)


def secret(world: World, **value: str) -> None:
    world.cluster()
    world.aws("secretsmanager").create_secret(Name=f"{PREFIX}/api", **value)


@passes("secrets")
def secret_with_a_value(world: World) -> None:
    secret(world, SecretString='{"APP_KEY": "a", "WEBHOOK_KEY": "b"}')


@fails("secrets", "fail", "no value in api", "put-secret-value --secret-id thoth-staging/api")
def secret_without_value(world: World) -> None:
    secret(world)


def subscribed(world: World) -> tuple[str, str]:
    world.cluster()
    sns = world.aws("sns")
    topic = sns.create_topic(Name=f"{PREFIX}-alarms")["TopicArn"]
    (email,) = world.env.alarms.emails
    made = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=email, ReturnSubscriptionArn=True)
    return topic, made["SubscriptionArn"].rpartition(":")[2]


@passes("alarm-subscriptions")
def confirmed(world: World) -> None:
    topic, token = subscribed(world)
    world.aws("sns").confirm_subscription(TopicArn=topic, Token=token)


@fails(
    "alarm-subscriptions", "warn", "not confirmed, so not told: infrastructure@", "aws sns subscribe --topic-arn arn:"
)
def unconfirmed(world: World) -> None:
    subscribed(world)


def log_groups(world: World, days: int | None) -> None:
    world.cluster()
    logs, env = world.aws("logs"), world.env
    for name in [*(service.name for service in env.running), "exec"]:
        group = f"/thoth/{NAME}/{name}"
        logs.create_log_group(logGroupName=group)
        kept = env.retention.audit_days if name == "exec" else days
        if kept:
            logs.put_retention_policy(logGroupName=group, retentionInDays=kept)
    logs.create_log_group(logGroupName=f"aws-waf-logs-{PREFIX}")
    logs.put_retention_policy(logGroupName=f"aws-waf-logs-{PREFIX}", retentionInDays=env.retention.audit_days)


@passes("log-groups")
def kept_logs(world: World) -> None:
    log_groups(world, world.env.retention.logs_days)


@fails("log-groups", "warn", "for ever instead of 30 days", "thoth-infra drift --env staging")
def logs_for_ever(world: World) -> None:
    log_groups(world, None)


@passes("backups")
def backed_up(world: World) -> None:
    world.cluster()
    backup = world.aws("backup")
    backup.create_backup_vault(BackupVaultName=PREFIX)
    for resource in ("elasticfilesystem:{}:{}:file-system/fs-1", "rds:{}:{}:db:thoth-staging"):
        arn = "arn:aws:" + resource.format(REGION, world.account)
        role = f"arn:aws:iam::{world.account}:role/backup"
        backup.start_backup_job(BackupVaultName=PREFIX, ResourceArn=arn, IamRoleArn=role)


@fails("backups", "fail", "the newest is old: EFS 48 h, RDS 48 h", "aws backup list-backup-jobs")
def backups_stopped(world: World) -> None:
    backed_up(world)
    world.now = lambda: datetime.now(UTC) + timedelta(hours=48)


def alarm(world: World, name: str, action: str) -> None:
    cloudwatch = world.aws("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=f"{PREFIX}-{name}", MetricName="m", Namespace="n", EvaluationPeriods=1, Period=60, Statistic="Sum",
        Threshold=1, ComparisonOperator="GreaterThanThreshold", AlarmActions=[action],
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName=f"{PREFIX}-{name}", StateValue="ALARM", StateReason="a test")


@passes("alarms")
def only_scaling(world: World) -> None:
    world.cluster()
    alarm(world, "transcription-sleep", f"arn:aws:autoscaling:{REGION}:{world.account}:scalingPolicy:1:policyName/p")


@fails("alarms", "warn", "red: thoth-staging-api-5xx", "describe-alarms --alarm-names thoth-staging-api-5xx")
def red(world: World) -> None:
    only_scaling(world)
    alarm(world, "api-5xx", f"arn:aws:sns:{REGION}:{world.account}:{PREFIX}-alarms")


@passes("dead-letters")
def no_dead_letters(world: World) -> None:
    world.cluster()
    for queue in QUEUES:
        world.aws("sqs").create_queue(QueueName=f"{PREFIX}-{queue.name}-dlq")


@fails("dead-letters", "warn", "dead letters: transcription 1", "thoth-infra dlq show transcription --env staging")
def a_dead_letter(world: World) -> None:
    no_dead_letters(world)
    sqs = world.aws("sqs")
    url = sqs.get_queue_url(QueueName=f"{PREFIX}-transcription-dlq")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")


# --- GPU hosts ----------------------------------------------------------------------------------------


def template(world: World, ami: str) -> None:
    world.cluster()
    world.aws("ec2").create_launch_template(
        LaunchTemplateName=f"{PREFIX}-main", LaunchTemplateData={"ImageId": ami, "InstanceType": "g4dn.xlarge"}
    )


def recommended(world: World) -> str:
    name = "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"
    return str(world.aws("ssm").get_parameter(Name=name)["Parameter"]["Value"])


@passes("gpu-ami")
def recommended_ami(world: World) -> None:
    template(world, recommended(world))


@fails("gpu-ami", "fail", "is not there any more: no host starts", "thoth-infra apply --env staging")
def ami_that_is_gone(world: World) -> None:
    template(world, "ami-0123456789abcdef0")


def gpu_host(world: World, **tags: str) -> None:
    """Have one GPU instance in the cluster, because a task asks for it."""
    world.cluster()
    world.hold("THOTH_EMULATOR_PACE", "1000")
    ecs, ec2 = world.aws("ecs"), world.aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    template(world, "ami-12c6146b")
    launch = {"LaunchTemplateName": f"{PREFIX}-main", "Version": "$Latest"}
    autoscaling = world.aws("autoscaling")
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="gpu", MinSize=0, MaxSize=1, VPCZoneIdentifier=subnet,
        MixedInstancesPolicy={
            "LaunchTemplate": {
                "LaunchTemplateSpecification": launch, "Overrides": [{"InstanceType": "g4dn.xlarge"}],
            },
        },
    )  # fmt: skip
    group = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["gpu"])["AutoScalingGroups"][0]
    ecs.create_capacity_provider(
        name=f"{PREFIX}-gpu", autoScalingGroupProvider={"autoScalingGroupArn": group["AutoScalingGroupARN"]}
    )
    container: dict[str, Any] = {"name": "t", "image": "nobody/t:1", "memory": 1}
    container["resourceRequirements"] = [{"type": "GPU", "value": "1"}]
    ecs.register_task_definition(family="gpu", containerDefinitions=[container])
    ecs.create_service(
        cluster=PREFIX, serviceName="transcription", taskDefinition="gpu", desiredCount=1,
        capacityProviderStrategy=[{"capacityProvider": f"{PREFIX}-gpu", "weight": 1}],
    )  # fmt: skip
    until = time.monotonic() + 20
    while not (arns := ecs.list_container_instances(cluster=PREFIX)["containerInstanceArns"]):
        assert time.monotonic() < until
        time.sleep(0.02)
    (row,) = ecs.describe_container_instances(cluster=PREFIX, containerInstances=arns)["containerInstances"]
    marks = [{"Key": f"thoth.emulator/{key.replace('_', '-')}", "Value": value} for key, value in tags.items()]
    if marks:
        ec2.create_tags(Resources=[row["ec2InstanceId"]], Tags=marks)
    shutil.copy(ROOT / "requirements" / "transcription.lock", world.root / "requirements")


@passes("gpu-agents", "gpu-driver")
def a_gpu_host(world: World) -> None:
    gpu_host(world)


@fails("gpu-agents", "fail", "the agent is not connected", "ec2 terminate-instances --instance-ids i-")
def lost_agent(world: World) -> None:
    gpu_host(world, agent="disconnected")


@fails("gpu-driver", "fail", "driver 470.82.01, and the image's CUDA 12.9 needs 525.60.13", "take a newer AMI")
def old_driver(world: World) -> None:
    gpu_host(world, nvidia_driver="470.82.01")


# --- images, certificate, name ------------------------------------------------------------------------


@passes("images", "image-findings")
def pushed(world: World) -> None:
    world.push()


@fails("shared-role", "fail", ":role/tfs-ai-cross-account-access can't be assumed: AccessDenied", "apply --env shared")
def not_trusted(world: World) -> None:
    world.denied = ("AssumeRole",)


fails("images", "fail", "has no thoth/api:0.1.0", "thoth-infra images push --env staging")(no_bucket)


@fails("image-findings", "warn", "critical vulnerabilities: api 2", "make lock")
def vulnerable(world: World) -> None:
    world.push(critical_findings="2")


def balancer(world: World) -> dict[str, Any]:
    world.cluster()
    ec2, elb = world.aws("ec2"), world.aws("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("ab")
    ]
    return dict(elb.create_load_balancer(Name=PREFIX, Subnets=subnets)["LoadBalancers"][0])


def listen(world: World, name: str, days: int = 365) -> None:
    certificate, key = self_signed(name, days)
    arn = world.aws("acm").import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]
    world.aws("elbv2").create_listener(
        LoadBalancerArn=balancer(world)["LoadBalancerArn"], Protocol="HTTPS", Port=443,
        Certificates=[{"CertificateArn": arn}],
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )  # fmt: skip


def self_signed(name: str, days: int) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    who, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


@passes("certificate")
def certified(world: World) -> None:
    listen(world, "*.tfs.services")


@fails("certificate", "fail", "it is for thoth.example.com, not for thoth-staging.tfs.services", "thoth-infra apply")
def certificate_of_another_name(world: World) -> None:
    listen(world, "thoth.example.com")


def zone(world: World) -> str:
    found = world.shared("route53").create_hosted_zone(Name="tfs.services", CallerReference=world.account)
    return str(found["HostedZone"]["Id"])


def record(world: World, target: str) -> None:
    alias = {"HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": target, "EvaluateTargetHealth": True}
    change = {"Name": "thoth-staging.tfs.services", "Type": "A", "AliasTarget": alias}
    world.shared("route53").change_resource_record_sets(
        HostedZoneId=zone(world), ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": change}]}
    )


@passes("dns")
def named(world: World) -> None:
    record(world, balancer(world)["DNSName"])


@fails("dns", "fail", "leads to old.elb.amazonaws.com, not to", "thoth-infra apply --env staging")
def named_elsewhere(world: World) -> None:
    balancer(world)
    record(world, "dualstack.old.elb.amazonaws.com")


@passes("dns-resolution")
def resolved(world: World) -> None:
    named(world)
    world.resolve = lambda name: frozenset({"203.0.113.7", "203.0.113.8"})


@fails("dns-resolution", "fail", "thoth-staging.tfs.services does not resolve", "dig +trace thoth-staging.tfs.services")
def undelegated(world: World) -> None:
    named(world)
