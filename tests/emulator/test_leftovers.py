"""What is made by hand is found, what is deleted is not, and no kind of the estate's resources goes unwatched."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.conftest import REGION, AsAccount
from thoth_infra.emulator import Emulator
from thoth_infra.emulator.leftovers import Item, Kept, Leftovers, Surveyor, by_design, compare
from thoth_infra.emulator.listings import LISTINGS, PARTS, UNLISTED, Listing, Parent
from thoth_infra.errors import EngineError

ROOT = Path(__file__).resolve().parents[2]
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
Client = Callable[[str], Any]

# What each maker returns is all that may be found: ids by kind.
Made = dict[str, set[str]]
MAKERS: dict[str, Callable[[Client], Made]] = {}


def maker(function: Callable[[Client], Made]) -> Callable[[Client], Made]:
    MAKERS[function.__name__] = function
    return function


@maker
def security_group(aws: Client) -> Made:
    return {"security group": {aws("ec2").create_security_group(GroupName="sg", Description="sg")["GroupId"]}}


@maker
def elastic_ip(aws: Client) -> Made:
    return {"Elastic IP": {aws("ec2").allocate_address()["AllocationId"]}}


@maker
def volume(aws: Client) -> Made:
    return {"volume": {aws("ec2").create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]}}


@maker
def launch_template(aws: Client) -> Made:
    answer = aws("ec2").create_launch_template(LaunchTemplateName="lt", LaunchTemplateData={"ImageId": "ami-1"})
    return {"launch template": {answer["LaunchTemplate"]["LaunchTemplateId"]}}


@maker
def web_acl(aws: Client) -> Made:
    visible = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}
    answer = aws("wafv2").create_web_acl(
        Name="w", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=visible, Rules=[]
    )
    return {"web ACL": {answer["Summary"]["ARN"]}}


@maker
def hosted_zone(aws: Client) -> Made:
    zone = aws("route53").create_hosted_zone(Name="thoth.test", CallerReference="1")["HostedZone"]["Id"]
    records = {f"{zone.split('/')[-1]}/{kind} thoth.test." for kind in ("NS", "SOA")}
    return {"hosted zone": {zone}, "DNS record": records}


@maker
def cluster_with_capacity_provider(aws: Client) -> Made:
    group = {"autoScalingGroupArn": "arn:aws:autoscaling:x"}
    aws("ecs").create_capacity_provider(name="gpu", autoScalingGroupProvider=group)
    arn = aws("ecs").create_cluster(clusterName="c")["cluster"]["clusterArn"]
    return {"ECS cluster": {arn}, "capacity provider": {"gpu"}}


@maker
def service_that_scales(aws: Client) -> Made:
    container = {"name": "t", "image": "t", "memory": 1}
    task = aws("ecs").register_task_definition(family="t", containerDefinitions=[container])["taskDefinition"]
    cluster = aws("ecs").create_cluster(clusterName="s")["cluster"]["clusterArn"]
    service = aws("ecs").create_service(cluster="s", serviceName="s", taskDefinition="t", desiredCount=0)["service"]
    aws("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs", ResourceId="service/s/s", ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=0, MaxCapacity=1,
    )  # fmt: skip
    return {
        "task definition": {task["taskDefinitionArn"]},
        "ECS cluster": {cluster},
        "ECS service": {f"{cluster}/{service['serviceArn']}"},
        "scalable target": {"service/s/s ecs:service:DesiredCount"},
    }


@maker
def queue(aws: Client) -> Made:
    return {"queue": {aws("sqs").create_queue(QueueName="q")["QueueUrl"]}}


@maker
def image_repository(aws: Client) -> Made:
    return {"image repository": {aws("ecr").create_repository(repositoryName="thoth/api")["repository"]["repositoryArn"]}}


@maker
def deployment_group(aws: Client) -> Made:
    aws("codedeploy").create_application(applicationName="app", computePlatform="ECS")
    aws("codedeploy").create_deployment_group(
        applicationName="app", deploymentGroupName="api", serviceRoleArn="arn:aws:iam::1:role/r"
    )
    return {"CodeDeploy application": {"app"}, "deployment group": {"app/api"}}


@maker
def iam_role_and_policy(aws: Client) -> Made:
    role = aws("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    allow = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}})
    policy = aws("iam").create_policy(PolicyName="p", PolicyDocument=allow)["Policy"]["Arn"]
    return {"IAM role": {role}, "IAM policy": {policy}}


@maker
def bucket_with_object(aws: Client) -> Made:
    name = f"thoth-left-{os.getpid()}-{next(_numbers)}"
    aws("s3").create_bucket(Bucket=name)
    tag = aws("s3").put_object(Bucket=name, Key="lesson.mp4", Body=b"x")["ETag"]
    return {
        "S3 bucket": {name},
        "S3 object": {f"{name}/lesson.mp4@{tag}"},
        "S3 object version": {f"{name}/lesson.mp4@null"},
    }


@maker
def file_system(aws: Client) -> Made:
    found = aws("efs").create_file_system(CreationToken="t")["FileSystemId"]
    point = aws("efs").create_access_point(ClientToken="t", FileSystemId=found)["AccessPointId"]
    return {"file system": {found}, "access point": {point}}


@maker
def database_with_its_snapshot(aws: Client) -> Made:
    aws("rds").create_db_instance(
        DBInstanceIdentifier="db", DBInstanceClass="db.t4g.micro", Engine="postgres", AllocatedStorage=20,
        MasterUsername="thoth", MasterUserPassword="not-a-secret", BackupRetentionPeriod=0,
    )  # fmt: skip
    aws("rds").create_db_snapshot(DBInstanceIdentifier="db", DBSnapshotIdentifier="db-final")
    aws("rds").delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True)
    return {"database snapshot": {"db-final"}}


@maker
def key_with_alias(aws: Client) -> Made:
    key = aws("kms").create_key()["KeyMetadata"]["KeyId"]
    aws("kms").create_alias(AliasName="alias/thoth", TargetKeyId=key)
    return {"KMS key": {key}, "KMS alias": {"alias/thoth"}}


@maker
def secret(aws: Client) -> Made:
    return {"secret": {aws("secretsmanager").create_secret(Name="s", SecretString="x")["ARN"]}}


@maker
def backup_vault(aws: Client) -> Made:
    aws("backup").create_backup_vault(BackupVaultName="vault")
    return {"backup vault": {"vault"}}


@maker
def parameter(aws: Client) -> Made:
    aws("ssm").put_parameter(Name="/thoth/p", Value="x", Type="String")
    return {"parameter": {"/thoth/p"}}


@maker
def log_group_with_filter_and_query(aws: Client) -> Made:
    aws("logs").create_log_group(logGroupName="/thoth/g")
    counted = [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]
    aws("logs").put_metric_filter(
        logGroupName="/thoth/g", filterName="f", filterPattern="x", metricTransformations=counted
    )
    query = aws("logs").put_query_definition(name="q", queryString="fields @message")["queryDefinitionId"]
    return {"log group": {"/thoth/g"}, "metric filter": {"/thoth/g f"}, "log query": {query}}


@maker
def alarms(aws: Client) -> Made:
    aws("cloudwatch").put_metric_alarm(
        AlarmName="a", MetricName="m", Namespace="n", EvaluationPeriods=1, Period=60, Statistic="Sum", Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    aws("cloudwatch").put_composite_alarm(AlarmName="any", AlarmRule="ALARM(a)")
    return {"alarm": {"a", "any"}}


@maker
def topic(aws: Client) -> Made:
    return {"SNS topic": {aws("sns").create_topic(Name="t")["TopicArn"]}}


@maker
def budget(aws: Client) -> Made:
    amount = {"Amount": "1", "Unit": "USD"}
    account = aws("sts").get_caller_identity()["Account"]
    aws("budgets").create_budget(
        AccountId=account,
        Budget={"BudgetName": "b", "BudgetLimit": amount, "TimeUnit": "MONTHLY", "BudgetType": "COST"},
    )
    return {"budget": {"b"}}


_numbers = itertools.count()
_accounts = itertools.count(200_000_000_000 + os.getpid())


@pytest.fixture(scope="module")
def by_hand(emulator: Emulator) -> tuple[dict[str, Made], Leftovers]:
    """Every maker's things, made in one account, and what a comparison finds there."""
    account = str(next(_accounts))
    surveyor = Surveyor(emulator, [account, account], REGION)
    before = surveyor.survey()
    client = lambda service: emulator.client(service, account_id=account, region=REGION)  # noqa: E731
    made = {name: make(client) for name, make in MAKERS.items()}
    return made, compare(before, surveyor.survey())


def _kinds(made: Made) -> Iterator[tuple[str, str]]:
    return ((kind, found) for kind, ids in made.items() for found in ids)


@pytest.mark.parametrize("name", MAKERS)
def test_a_resource_made_by_hand_is_left_over(by_hand: tuple[dict[str, Made], Leftovers], name: str) -> None:
    made, left = by_hand
    found = {(item.kind, item.id) for item in left.forgotten}
    assert set(_kinds(made[name])) <= {(kind, _without_zone_path(kind, id_)) for kind, id_ in found} | found


def _without_zone_path(kind: str, found: str) -> str:
    return found.removeprefix("/hostedzone/") if kind == "DNS record" else found


def test_nothing_else_is(by_hand: tuple[dict[str, Made], Leftovers]) -> None:
    made, left = by_hand
    wanted = {pair for each in made.values() for pair in _kinds(each)}
    found = {(item.kind, _without_zone_path(item.kind, item.id)) for item in left.forgotten}
    assert found == wanted
    assert len({item.account for item in left.forgotten}) == 1
    assert left.kept == ()


def test_what_was_deleted_is_not_left_over(emulator: Emulator, account: str, aws: AsAccount) -> None:
    surveyor = Surveyor(emulator, [account], REGION)
    kinds = {"ECS cluster", "KMS key", "NAT gateway", "instance", "secret", "VPC endpoint", "VPC peering"}
    listings = [listing for listing in LISTINGS if listing.kind in kinds]
    before = surveyor.survey(listings)

    ec2 = aws("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    nat = ec2.create_nat_gateway(SubnetId=subnet["SubnetId"], ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    endpoint = ec2.create_vpc_endpoint(VpcId=subnet["VpcId"], ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Gateway")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    aws("ecs").create_cluster(clusterName="c")
    key = aws("kms").create_key()["KeyMetadata"]["KeyId"]
    aws("secretsmanager").create_secret(Name="s", SecretString="x")
    made = compare(before, surveyor.survey(listings)).forgotten
    assert {item.kind for item in made} == kinds - {"VPC peering"}

    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpoint"]["VpcEndpointId"]])
    ec2.terminate_instances(InstanceIds=[instance])
    aws("ecs").delete_cluster(cluster="c")
    aws("kms").schedule_key_deletion(KeyId=key)
    aws("secretsmanager").delete_secret(SecretId="s", ForceDeleteWithoutRecovery=True)
    assert compare(before, surveyor.survey(listings)).forgotten == ()


def test_state_and_its_lock_stay_by_design_but_no_lock_that_is_held(
    emulator: Emulator, account: str, aws: AsAccount
) -> None:
    bucket, key = f"thoth-state-{account}", "dev/terraform.tfstate"
    emulator.prepare_backend(account_id=account, bucket=bucket, region=REGION)
    surveyor = Surveyor(emulator, [account], REGION)
    listings = [listing for listing in LISTINGS if listing.service == "s3"]
    before = surveyor.survey(listings)
    s3 = aws("s3")
    for content in (b"1", b"2"):
        s3.put_object(Bucket=bucket, Key=f"{key}.tflock", Body=b"lock")
        s3.put_object(Bucket=bucket, Key=key, Body=content)
        s3.delete_object(Bucket=bucket, Key=f"{key}.tflock")

    left = compare(before, surveyor.survey(listings), by_design(bucket, key))
    assert left.forgotten == ()
    assert [(kept.kind, kept.count) for kept in left.kept] == [
        ("S3 object", 1), ("S3 object version", 2), ("S3 object version", 2), ("S3 delete marker", 2),
    ]  # fmt: skip

    s3.put_object(Bucket=bucket, Key=f"{key}.tflock", Body=b"lock")
    s3.put_object(Bucket=bucket, Key="production/terraform.tfstate", Body=b"of another environment")
    left = compare(before, surveyor.survey(listings), by_design(bucket, key))
    assert {item.id.split("@")[0] for item in left.forgotten if item.kind == "S3 object"} == {
        f"{bucket}/{key}.tflock", f"{bucket}/production/terraform.tfstate",
    }  # fmt: skip


def test_what_stays_by_design_is_counted_with_its_reason() -> None:
    revision = Item("1", "task definition", "arn:aws:ecs:us-east-1:1:task-definition/api:1")
    left = compare({Item("1", "VPC", "vpc-0")}, {revision, Item("1", "VPC", "vpc-0")}, by_design("b", "k"))
    assert left == Leftovers((), (Kept("task definition", 1, "skip_destroy: a rollback starts an earlier revision"),))


def test_a_listing_that_the_emulator_has_not_got_is_named(emulator: Emulator, account: str) -> None:
    beneath = Listing("x", "sqs", "list_queues", "QueueUrls[]", parent=Parent("sqs", "list_queues", "x", "y"))
    surveyor = Surveyor(emulator, [account], REGION)
    with pytest.raises(EngineError, match=f"account {account}: ivs list_playback_restriction_policies"):
        surveyor.survey([beneath, Listing("y", "ivs", "list_playback_restriction_policies", "x")])


def test_every_resource_type_of_the_templates_is_listed_or_part_of_what_is() -> None:
    used = {
        name
        for template in (ROOT / "templates").rglob("*.j2")
        for name in re.findall(r'^\s*resource "(aws_\w+)"', template.read_text(), re.MULTILINE)
    }
    listed = {name for listing in LISTINGS for name in listing.types}
    assert used - listed - set(PARTS) - set(UNLISTED) == set()
    assert listed & set(PARTS) == set()
    assert set(PARTS.values()) <= {listing.kind for listing in LISTINGS}
