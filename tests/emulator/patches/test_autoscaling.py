from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.conftest import AsAccount


@pytest.fixture
def autoscaling(aws: AsAccount) -> Any:
    """A group ``gpu`` of mixed instances, of size 0."""
    ec2, client = aws("ec2"), aws("autoscaling")
    data = {"ImageId": "ami-12c6146b", "InstanceType": "g4dn.xlarge"}
    ec2.create_launch_template(LaunchTemplateName="gpu", LaunchTemplateData=data)
    specification = {"LaunchTemplateName": "gpu", "Version": "$Latest"}
    overrides = [{"InstanceType": "g4dn.xlarge"}, {"InstanceType": "g5.xlarge"}]
    client.create_auto_scaling_group(
        AutoScalingGroupName="gpu",
        MinSize=0,
        MaxSize=4,
        AvailabilityZones=["us-east-1a"],
        DefaultInstanceWarmup=300,
        MaxInstanceLifetime=604800,
        InstanceMaintenancePolicy={"MinHealthyPercentage": 90, "MaxHealthyPercentage": 120},
        MixedInstancesPolicy={
            "LaunchTemplate": {"LaunchTemplateSpecification": specification, "Overrides": overrides},
            "InstancesDistribution": {
                "OnDemandBaseCapacity": 1,
                "SpotAllocationStrategy": "price-capacity-optimized",
            },
        },
    )
    return client


def _group(client: Any) -> Any:
    return client.describe_auto_scaling_groups(AutoScalingGroupNames=["gpu"])["AutoScalingGroups"][0]


@pytest.mark.patch("group_fields")
def test_a_group_remembers_warm_up_lifetime_and_maintenance(autoscaling: Any) -> None:
    found = _group(autoscaling)

    assert (found["DefaultInstanceWarmup"], found["MaxInstanceLifetime"]) == (300, 604800)
    assert found["InstanceMaintenancePolicy"] == {"MinHealthyPercentage": 90, "MaxHealthyPercentage": 120}


@pytest.mark.patch("update_keeps_mixed_instances")
def test_changing_the_size_keeps_the_mixed_instances(autoscaling: Any) -> None:
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="gpu", MaxSize=6)

    found = _group(autoscaling)

    assert found["MaxSize"] == 6
    types = [one["InstanceType"] for one in found["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]]
    assert types == ["g4dn.xlarge", "g5.xlarge"]


@pytest.mark.patch("lifecycle_hook_target")
def test_a_lifecycle_hook_tells_only_what_it_was_given(autoscaling: Any) -> None:
    autoscaling.put_lifecycle_hook(
        AutoScalingGroupName="gpu",
        LifecycleHookName="drain",
        LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
        NotificationMetadata="x",
    )

    hook = autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="gpu")["LifecycleHooks"][0]

    assert hook["NotificationMetadata"] == "x"
    assert "NotificationTargetARN" not in hook
    assert "RoleARN" not in hook


@pytest.mark.patch("policy_enabled")
def test_a_policy_is_enabled_and_not_predictive(autoscaling: Any) -> None:
    autoscaling.put_scaling_policy(
        AutoScalingGroupName="gpu",
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={
            "TargetValue": 75.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
        },
    )

    policy = autoscaling.describe_policies(AutoScalingGroupName="gpu")["ScalingPolicies"][0]

    assert policy["Enabled"] is True
    assert "PredictiveScalingConfiguration" not in policy


@pytest.mark.patch("instances_distribution")
@pytest.mark.parametrize(("base", "share", "markets"), [(0, 0, "ssss"), (1, 0, "osss"), (2, 0, "ooss")])
def test_a_group_buys_what_its_distribution_says(
    autoscaling: Any, aws: AsAccount, base: int, share: int, markets: str
) -> None:
    policy = _group(autoscaling)["MixedInstancesPolicy"]
    policy["LaunchTemplate"]["LaunchTemplateSpecification"].pop("LaunchTemplateId", None)
    policy["InstancesDistribution"] = {
        "OnDemandBaseCapacity": base,
        "OnDemandPercentageAboveBaseCapacity": share,
    }
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="gpu", MixedInstancesPolicy=policy)
    for size in range(1, 5):
        autoscaling.set_desired_capacity(AutoScalingGroupName="gpu", DesiredCapacity=size)

    ids = [one["InstanceId"] for one in _group(autoscaling)["Instances"]]
    found = aws("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    market = {one["InstanceId"]: one.get("InstanceLifecycle", "o")[0] for row in found for one in row["Instances"]}
    assert "".join(market[one] for one in ids) == markets
