from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.conftest import AsAccount


@pytest.fixture
def ecs(aws: AsAccount) -> Any:
    client = aws("ecs")
    client.create_cluster(clusterName="ai")
    for _ in range(2):
        client.register_task_definition(family="api", containerDefinitions=[{"name": "api", "image": "x", "memory": 1}])
    return client


def _service(ecs: Any) -> Any:
    return ecs.describe_services(cluster="ai", services=["api"])["services"][0]


@pytest.mark.patch("service_fields")
def test_a_service_remembers_what_it_was_created_with(ecs: Any) -> None:
    asked = {
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 4, "base": 1}],
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "maximumPercent": 200,
            "minimumHealthyPercent": 100,
            "alarms": {"alarmNames": ["dlq"], "rollback": True, "enable": True},
        },
        "enableExecuteCommand": True,
        "enableECSManagedTags": True,
        "healthCheckGracePeriodSeconds": 120,
        "placementStrategy": [{"type": "binpack", "field": "memory"}],
        "placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.instance-type =~ g4dn.*"}],
        "availabilityZoneRebalancing": "ENABLED",
    }
    ecs.create_service(cluster="ai", serviceName="api", taskDefinition="api:1", desiredCount=1, **asked)

    found = _service(ecs)

    assert {key: found.get(key) for key in asked} == asked
    assert "launchType" not in found


@pytest.mark.patch("service_fields")
def test_service_connect_shows_on_the_deployment(ecs: Any) -> None:
    connect = {
        "enabled": True,
        "namespace": "thoth",
        "services": [{"portName": "http", "discoveryName": "api"}],
    }
    ecs.create_service(
        cluster="ai",
        serviceName="api",
        taskDefinition="api:1",
        desiredCount=1,
        serviceConnectConfiguration=connect,
    )

    assert _service(ecs)["deployments"][0]["serviceConnectConfiguration"] == connect


@pytest.mark.patch("deleted_unlisted")
def test_a_deleted_cluster_is_no_longer_listed(ecs: Any) -> None:
    ecs.create_cluster(clusterName="other")
    ecs.delete_cluster(cluster="ai")

    assert [arn.rsplit("/")[-1] for arn in ecs.list_clusters()["clusterArns"]] == ["other"]


@pytest.mark.patch("deleted_unlisted")
def test_a_deleted_service_is_no_longer_listed(ecs: Any) -> None:
    for name in ("api", "other"):
        ecs.create_service(cluster="ai", serviceName=name, taskDefinition="api:1", desiredCount=0)
    ecs.delete_service(cluster="ai", service="api")

    assert [arn.rsplit("/")[-1] for arn in ecs.list_services(cluster="ai")["serviceArns"]] == ["other"]


@pytest.mark.patch("capacity_providers_without_names")
def test_capacity_providers_are_described_without_their_names(aws: AsAccount) -> None:
    arn = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:1:autoScalingGroupName/gpu"
    aws("ecs").create_capacity_provider(name="gpu", autoScalingGroupProvider={"autoScalingGroupArn": arn})
    assert [found["name"] for found in aws("ecs").describe_capacity_providers()["capacityProviders"]] == ["gpu"]
