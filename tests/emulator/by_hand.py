"""Things made by hand in an account; each maker returns all that may then be found there, ids by kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.emulator.conftest import REGION

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
Client = Callable[[str], Any]

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
    return {"hosted zone": {zone}, "DNS record": {f"{zone}/{kind} thoth.test." for kind in ("NS", "SOA")}}


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
    return {
        "image repository": {aws("ecr").create_repository(repositoryName="thoth/api")["repository"]["repositoryArn"]}
    }


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
    name = f"thoth-left-{aws('sts').get_caller_identity()['Account']}"
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
