"""What `doctor` and `bootstrap` ask: quotas, mail subscriptions, scans, backups, ages, owners."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.conftest import REGION, AsAccount

GPU = {"ServiceCode": "ec2", "QuotaCode": "L-DB2E81BA"}


@pytest.mark.patch("quotas_of_compute")
@pytest.mark.parametrize(
    ("service", "code", "value"), [("ec2", "L-DB2E81BA", 0), ("fargate", "L-3032A538", 6), ("vpc", "L-F678F1CE", 5)]
)
def test_a_new_account_has_the_default_quotas(aws: AsAccount, service: str, code: str, value: float) -> None:
    quotas = aws("service-quotas")
    asked = {"ServiceCode": service, "QuotaCode": code}
    assert quotas.get_aws_default_service_quota(**asked)["Quota"]["Value"] == value
    assert quotas.get_service_quota(**asked)["Quota"]["Value"] == value
    with pytest.raises(quotas.exceptions.NoSuchResourceException):
        quotas.get_service_quota(ServiceCode="ec2", QuotaCode="L-00000000")


@pytest.mark.patch("quotas_are_raised")
def test_a_quota_can_be_raised_and_not_lowered(aws: AsAccount, other_account: str) -> None:
    quotas = aws("service-quotas")
    quotas.request_service_quota_increase(**GPU, DesiredValue=8)
    assert quotas.get_service_quota(**GPU)["Quota"]["Value"] == 8
    assert quotas.get_aws_default_service_quota(**GPU)["Quota"]["Value"] == 0
    assert aws("service-quotas", account_id=other_account).get_service_quota(**GPU)["Quota"]["Value"] == 0
    with pytest.raises(quotas.exceptions.IllegalArgumentException):
        quotas.request_service_quota_increase(**GPU, DesiredValue=8)


@pytest.mark.patch("mail_wants_confirmation")
def test_a_subscription_by_mail_waits_for_its_confirmation(aws: AsAccount) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    asked = {"TopicArn": topic, "Protocol": "email", "Endpoint": "ada@example.com"}
    arn = sns.subscribe(**asked, ReturnSubscriptionArn=True)["SubscriptionArn"]
    assert sns.subscribe(**asked)["SubscriptionArn"] == "pending confirmation"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:q")

    def listed() -> list[str]:
        rows = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return [row["SubscriptionArn"] for row in rows if row["Protocol"] == "email"]

    assert listed() == ["PendingConfirmation"]
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "true"

    sns.confirm_subscription(TopicArn=topic, Token=arn.rpartition(":")[2])

    assert listed() == [arn]
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "false"
    with pytest.raises(sns.exceptions.InvalidParameterException):
        sns.confirm_subscription(TopicArn=topic, Token="guessed")


@pytest.mark.patch("role_of_spot")
def test_spots_service_linked_role_has_its_name(aws: AsAccount) -> None:
    aws("iam").create_service_linked_role(AWSServiceName="spot.amazonaws.com")

    assert aws("iam").get_role(RoleName="AWSServiceRoleForEC2Spot")["Role"]["Path"].startswith("/aws-service-role/")


@pytest.mark.patch("audiences_of_oidc")
def test_an_oidc_provider_gets_one_more_audience(aws: AsAccount) -> None:
    iam = aws("iam")
    made = iam.create_open_id_connect_provider(Url="https://idp.example.com", ClientIDList=["one"])
    arn = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}

    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(**arn, ClientID="two")

    assert iam.get_open_id_connect_provider(**arn)["ClientIDList"] == ["one", "two"]
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.add_client_id_to_open_id_connect_provider(
            OpenIDConnectProviderArn=arn["OpenIDConnectProviderArn"] + "x", ClientID="two"
        )


@pytest.mark.patch("scans_on_push")
def test_an_image_is_scanned_when_it_is_pushed(aws: AsAccount) -> None:
    ecr = aws("ecr")
    ecr.create_repository(repositoryName="scanned", imageScanningConfiguration={"scanOnPush": True})
    ecr.create_repository(repositoryName="unscanned")

    def counts(repository: str, **said: str) -> Any:
        image = _push(ecr, repository, **said)
        return ecr.describe_image_scan_findings(repositoryName=repository, imageId=image)["imageScanFindings"][
            "findingSeverityCounts"
        ]

    assert counts("scanned") == {}
    assert counts("scanned", critical_findings="2") == {"CRITICAL": 2}
    with pytest.raises(ecr.exceptions.ScanNotFoundException):
        counts("unscanned")


def _push(ecr: Any, repository: str, **said: str) -> Any:
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 1, "digest": "sha256:0"},
        "layers": [],
        "annotations": {f"thoth.emulator/{key.replace('_', '-')}": value for key, value in said.items()},
    }
    pushed = ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=f"t{len(said)}")
    return {"imageDigest": pushed["image"]["imageId"]["imageDigest"]}


@pytest.mark.patch("backups_on_demand")
def test_a_backup_leaves_a_recovery_point(aws: AsAccount, account: str) -> None:
    backup = aws("backup")
    backup.create_backup_vault(BackupVaultName="vault")
    arn = f"arn:aws:elasticfilesystem:{REGION}:{account}:file-system/fs-1"
    role = f"arn:aws:iam::{account}:role/backup"
    made = backup.start_backup_job(BackupVaultName="vault", ResourceArn=arn, IamRoleArn=role)

    (point,) = backup.list_recovery_points_by_backup_vault(BackupVaultName="vault")["RecoveryPoints"]
    assert (point["ResourceType"], point["Status"], point["ResourceArn"]) == ("EFS", "COMPLETED", arn)
    assert abs(datetime.now(UTC) - point["CreationDate"]) < timedelta(minutes=5)
    later = datetime.now(UTC) + timedelta(hours=1)
    found = backup.list_recovery_points_by_backup_vault(BackupVaultName="vault", ByCreatedAfter=later)
    assert found["RecoveryPoints"] == []

    backup.delete_recovery_point(BackupVaultName="vault", RecoveryPointArn=made["RecoveryPointArn"])

    assert backup.list_recovery_points_by_backup_vault(BackupVaultName="vault")["RecoveryPoints"] == []


@pytest.mark.patch("age_of_amis")
def test_an_ami_for_ecs_is_as_old_as_its_name_says(aws: AsAccount) -> None:
    newest = "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended"
    name = aws("ssm").get_parameter(Name=f"{newest}/image_name")["Parameter"]["Value"]

    (image,) = aws("ec2").describe_images(Filters=[{"Name": "name", "Values": [name]}])["Images"]

    assert image["CreationDate"][:10].replace("-", "") in name
    assert image["CreationDate"][:10] != time.strftime("%Y-%m-%d")


@pytest.mark.patch("owner_that_is_expected")
def test_a_bucket_of_somebody_else_is_refused(aws: AsAccount, account: str, other_account: str) -> None:
    s3 = aws("s3")
    own = {"Bucket": f"thoth-{account}", "ExpectedBucketOwner": account}
    s3.create_bucket(Bucket=own["Bucket"])
    s3.put_object(**own, Key="state", Body=b"{}")

    theirs = {**own, "ExpectedBucketOwner": other_account}
    for call, asked in ((s3.head_bucket, theirs), (s3.get_object, {**theirs, "Key": "state"})):
        with pytest.raises(ClientError) as refused:
            call(**asked)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert s3.get_object(**own, Key="state")["Body"].read() == b"{}"
    with pytest.raises(ClientError) as missing:
        s3.head_bucket(Bucket="thoth-nobody-has-it", ExpectedBucketOwner=account)
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_gpu_host_tells_its_driver_and_whether_its_agent_is_connected(
    aws: AsAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = gpu_host(aws, "gpu", monkeypatch)

    assert shown(aws, "gpu") == (True, ["570.133.20"])

    aws("ec2").create_tags(
        Resources=[instance],
        Tags=[
            {"Key": "thoth.emulator/agent", "Value": "disconnected"},
            {"Key": "thoth.emulator/nvidia-driver", "Value": "470.82.01"},
        ],
    )
    assert shown(aws, "gpu") == (False, ["470.82.01"])


def shown(aws: AsAccount, cluster: str) -> tuple[bool, list[str]]:
    ecs = aws("ecs")
    arns = ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]
    (row,) = ecs.describe_container_instances(cluster=cluster, containerInstances=arns)["containerInstances"]
    start = "ecs.capability.nvidia-driver-version."
    found = [one["name"].removeprefix(start) for one in row["attributes"] if one["name"].startswith(start)]
    assert all("value" not in one for one in row["attributes"] if one["name"].startswith(start))
    return row["agentConnected"], found


def gpu_host(aws: AsAccount, cluster: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have one GPU instance in a cluster, because a task asks for it; return its id."""
    ecs, ec2 = aws("ecs"), aws("ec2")
    ecs.create_cluster(clusterName=cluster)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    ec2.create_launch_template(
        LaunchTemplateName=f"{cluster}-hosts",
        LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "g4dn.xlarge"},
    )
    aws("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=cluster, MinSize=0, MaxSize=1, VPCZoneIdentifier=subnet,
        MixedInstancesPolicy={"LaunchTemplate": {
            "LaunchTemplateSpecification": {"LaunchTemplateName": f"{cluster}-hosts", "Version": "$Latest"},
            "Overrides": [{"InstanceType": "g4dn.xlarge"}],
        }},
    )  # fmt: skip
    groups = aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[cluster])["AutoScalingGroups"]
    ecs.create_capacity_provider(
        name=f"{cluster}-gpu", autoScalingGroupProvider={"autoScalingGroupArn": groups[0]["AutoScalingGroupARN"]}
    )
    needs = [{"type": "GPU", "value": "1"}]
    container = {"name": "t", "image": "nobody/t:1", "memory": 1, "resourceRequirements": needs}
    ecs.register_task_definition(family=f"{cluster}-t", containerDefinitions=[container])
    ecs.create_service(
        cluster=cluster, serviceName="transcription", taskDefinition=f"{cluster}-t", desiredCount=1,
        capacityProviderStrategy=[{"capacityProvider": f"{cluster}-gpu", "weight": 1}],
    )  # fmt: skip
    monkeypatch.setenv("THOTH_EMULATOR_PACE", "1000")
    until = time.monotonic() + 20
    while not (arns := ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]):
        assert time.monotonic() < until
        time.sleep(0.02)
    monkeypatch.delenv("THOTH_EMULATOR_PACE")  # or it would soon retire as idle
    found = ecs.describe_container_instances(cluster=cluster, containerInstances=arns)["containerInstances"]
    return str(found[0]["ec2InstanceId"])
