"""CodeDeploy, Application Auto Scaling, CloudWatch, Logs, Budgets and Route 53."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.conftest import AsAccount


@pytest.fixture
def codedeploy(aws: AsAccount) -> Any:
    client = aws("codedeploy")
    client.create_application(applicationName="api", computePlatform="ECS")
    client.create_deployment_group(
        applicationName="api",
        deploymentGroupName="api",
        serviceRoleArn="arn:aws:iam::123456789012:role/deploy",
        alarmConfiguration={"enabled": True, "alarms": [{"name": "5xx"}]},
    )
    return client


def _group(codedeploy: Any) -> Any:
    found = codedeploy.get_deployment_group(applicationName="api", deploymentGroupName="api")
    return found["deploymentGroupInfo"]


@pytest.mark.patch("alarm_configuration")
def test_a_deployment_group_tells_its_alarms(codedeploy: Any) -> None:
    found = _group(codedeploy)["alarmConfiguration"]

    assert (found["enabled"], found["alarms"]) == (True, [{"name": "5xx"}])


@pytest.mark.patch("deployment_group_update")
def test_a_deployment_group_can_change(codedeploy: Any) -> None:
    rollback = {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}

    codedeploy.update_deployment_group(
        applicationName="api", currentDeploymentGroupName="api", autoRollbackConfiguration=rollback
    )

    assert _group(codedeploy)["autoRollbackConfiguration"] == rollback
    assert _group(codedeploy)["alarmConfiguration"]["alarms"] == [{"name": "5xx"}]


@pytest.mark.patch("deletion")
def test_an_application_and_its_group_can_be_deleted(codedeploy: Any) -> None:
    codedeploy.delete_deployment_group(applicationName="api", deploymentGroupName="api")
    assert codedeploy.list_deployment_groups(applicationName="api")["deploymentGroups"] == []

    codedeploy.delete_application(applicationName="api")

    assert codedeploy.list_applications()["applications"] == []


@pytest.mark.patch("target_tags")
def test_scalable_targets_have_tags(aws: AsAccount) -> None:
    ecs, scaling = aws("ecs"), aws("application-autoscaling")
    ecs.create_cluster(clusterName="ai")
    ecs.register_task_definition(family="x", containerDefinitions=[{"name": "x", "image": "x", "memory": 1}])
    ecs.create_service(cluster="ai", serviceName="x", taskDefinition="x", desiredCount=0)
    arn = scaling.register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId="service/ai/x",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=0,
        MaxCapacity=4,
        Tags={"Project": "thoth", "Old": "x"},
    )["ScalableTargetARN"]

    scaling.tag_resource(ResourceARN=arn, Tags={"Project": "other"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["Old"])

    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"Project": "other"}


@pytest.mark.patch("composite_alarms")
def test_a_composite_alarm_keeps_its_rule_and_suppressor(aws: AsAccount) -> None:
    cloudwatch = aws("cloudwatch")
    asked = {
        "AlarmName": "any",
        "AlarmRule": "ALARM(dlq)",
        "ActionsSuppressor": "maintenance",
        "ActionsSuppressorWaitPeriod": 30,
        "ActionsSuppressorExtensionPeriod": 60,
    }
    cloudwatch.put_composite_alarm(**asked)

    found = cloudwatch.describe_alarms(AlarmNames=["any"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][0]

    assert {key: found.get(key) for key in asked} == asked


@pytest.mark.patch("query_definitions")
def test_saved_queries_can_be_put_changed_and_deleted(aws: AsAccount) -> None:
    logs = aws("logs")
    first = logs.put_query_definition(name="thoth/errors", queryString="x", logGroupNames=["/ecs/api"])
    logs.put_query_definition(
        name="thoth/errors", queryString="fields @message", queryDefinitionId=first["queryDefinitionId"]
    )
    logs.put_query_definition(name="other", queryString="y")

    found = logs.describe_query_definitions(queryDefinitionNamePrefix="thoth/")["queryDefinitions"]
    assert [query["queryString"] for query in found] == ["fields @message"]

    assert logs.delete_query_definition(queryDefinitionId=first["queryDefinitionId"])["success"]
    assert [query["name"] for query in logs.describe_query_definitions()["queryDefinitions"]] == ["other"]


@pytest.mark.patch("metric_filter_replaced")
def test_putting_a_metric_filter_again_replaces_it(aws: AsAccount) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="/ecs/api")
    metric = [{"metricName": "Errors", "metricNamespace": "Thoth", "metricValue": "1"}]
    for pattern in ("ERROR", "FATAL"):
        logs.put_metric_filter(
            logGroupName="/ecs/api", filterName="errors", filterPattern=pattern, metricTransformations=metric
        )

    found = logs.describe_metric_filters(logGroupName="/ecs/api")["metricFilters"]

    assert [one["filterPattern"] for one in found] == ["FATAL"]


@pytest.fixture
def budgets(aws: AsAccount, account: str) -> Any:
    client = aws("budgets")
    client.create_budget(
        AccountId=account,
        Budget=_budget("500"),
        NotificationsWithSubscribers=[
            {
                "Notification": ACTUAL,
                "Subscribers": [{"SubscriptionType": "EMAIL", "Address": "a@example.com"}],
            }
        ],
        ResourceTags=[{"Key": "Project", "Value": "thoth"}, {"Key": "Old", "Value": "x"}],
    )
    return client


ACTUAL = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}


def _budget(amount: str) -> dict[str, Any]:
    limit = {"Amount": amount, "Unit": "USD"}
    return {"BudgetName": "thoth", "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": limit}


@pytest.mark.patch("subscribers")
def test_a_budget_tells_the_subscribers_of_each_notification(budgets: Any, account: str) -> None:
    def addresses(threshold: float) -> list[str]:
        found = budgets.describe_subscribers_for_notification(
            AccountId=account, BudgetName="thoth", Notification={**ACTUAL, "Threshold": threshold}
        )
        return [one["Address"] for one in found["Subscribers"]]

    assert (addresses(80.0), addresses(100.0)) == (["a@example.com"], [])


@pytest.mark.patch("budget_update")
def test_a_budget_can_change(budgets: Any, account: str) -> None:
    budgets.update_budget(AccountId=account, NewBudget=_budget("900"))

    found = budgets.describe_budget(AccountId=account, BudgetName="thoth")["Budget"]

    assert found["BudgetLimit"]["Amount"] == "900"


@pytest.mark.patch("tags")
def test_a_budget_has_tags(budgets: Any, account: str) -> None:
    arn = f"arn:aws:budgets::{account}:budget/thoth"
    budgets.tag_resource(ResourceARN=arn, ResourceTags=[{"Key": "Project", "Value": "other"}])
    budgets.untag_resource(ResourceARN=arn, ResourceTagKeys=["Old"])

    found = budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"]

    assert found == [{"Key": "Project", "Value": "other"}]


@pytest.mark.patch("private_zone_by_vpc")
def test_a_zone_created_with_a_network_is_private(aws: AsAccount) -> None:
    vpc = aws("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    route53 = aws("route53")
    made = route53.create_hosted_zone(
        Name="thoth.internal", CallerReference="x", VPC={"VPCRegion": "us-east-1", "VPCId": vpc}
    )

    found = route53.get_hosted_zone(Id=made["HostedZone"]["Id"])

    assert found["HostedZone"]["Config"]["PrivateZone"] is True
    assert [one["VPCId"] for one in found["VPCs"]] == [vpc]
