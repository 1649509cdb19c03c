"""EC2 Auto Scaling: groups, lifecycle hooks and policies."""

from __future__ import annotations

import copy
import math
from typing import Any

from moto.autoscaling.models import FakeAutoScalingGroup, FakeScalingPolicy
from moto.autoscaling.responses import AutoScalingResponse as Response
from moto.core.responses import ActionResult

from thoth_infra.emulator.patches.registry import action, ignores, kept_on, patch, wrap

_GROUP_FIELDS = (
    "DefaultInstanceWarmup",
    "DesiredCapacityType",
    "InstanceMaintenancePolicy",
    "MaxInstanceLifetime",
)


@patch("autoscaling", needed=ignores(Response, *_GROUP_FIELDS))
def group_fields() -> None:
    """moto drops warm-up, lifetime, capacity type and maintenance policy of a group: a difference at every plan."""

    @wrap(Response, "create_auto_scaling_group", "update_auto_scaling_group")
    def keep_fields(original: Any, self: Any) -> Any:
        answer = original(self)
        group = self.autoscaling_backend.autoscaling_groups[self._get_param("AutoScalingGroupName")]
        for field in _GROUP_FIELDS:
            if (value := self._get_param(field)) is not None:
                setattr(group, field, value)
        return answer


@patch("autoscaling", needed=lambda: True)
def update_keeps_mixed_instances() -> None:
    """moto takes a group's mixed-instances policy away at every update that doesn't repeat it."""

    @wrap(FakeAutoScalingGroup, "update")
    def update(original: Any, self: Any, *args: Any, **given: Any) -> Any:
        replaced = ("mixed_instances_policy", "launch_config_name", "launch_template")
        if not any(given.get(key) for key in replaced) and self.mixed_instances_policy:
            policy = copy.deepcopy(self.mixed_instances_policy)
            # moto stores the template's id and name but accepts only one of them
            policy["LaunchTemplate"]["LaunchTemplateSpecification"].pop("LaunchTemplateName", None)
            given["mixed_instances_policy"] = policy
        return original(self, *args, **given)


@patch("autoscaling", needed=ignores(Response.put_lifecycle_hook, "NotificationTargetARN"))
def lifecycle_hook_target() -> None:
    """moto invents a notification target and a role for every hook and drops the ones that were given."""

    @wrap(Response, "put_lifecycle_hook")
    def put_lifecycle_hook(original: Any, self: Any) -> Any:
        answer = original(self)
        group, name = self._get_param("AutoScalingGroupName"), self._get_param("LifecycleHookName")
        hook = self.autoscaling_backend.lifecycle_hooks[f"{group}_{name}"]
        hook.notification_target_arn = self._get_param("NotificationTargetARN")
        hook.notification_metadata = self._get_param("NotificationMetadata")
        hook.role_arn = self._get_param("RoleARN")
        return answer


@patch("autoscaling", needed=ignores(FakeScalingPolicy, "enabled"))
def policy_enabled() -> None:
    """moto's policies have no Enabled and an empty predictive configuration: both differ at every plan."""

    @wrap(FakeScalingPolicy, "__init__")
    def init(original: Any, self: Any, *args: Any, **given: Any) -> None:
        original(self, *args, **given)
        self.enabled = True
        self.predictive_scaling_configuration = self.predictive_scaling_configuration or None


@patch("autoscaling", needed=ignores(getattr(Response, "describe_scaling_activities", None), "AutoScalingGroupName"))
def scaling_activities() -> None:
    """moto's groups never did anything: they don't tell why one could start no instance."""

    @action(Response)
    def describe_scaling_activities(self: Any) -> Any:
        wanted = self._get_param("AutoScalingGroupName")
        groups = self.autoscaling_backend.autoscaling_groups
        chosen = [groups[wanted]] if wanted in groups else [] if wanted else list(groups.values())
        found = [row for group in chosen for row in kept_on(group, "activities").get("all", ())]
        return ActionResult({"Activities": sorted(found, key=lambda row: row["StartTime"], reverse=True)})


@patch("autoscaling", needed=lambda: True)
def instances_distribution() -> None:
    """moto's groups buy every instance on demand, whatever their instances distribution says."""

    @wrap(FakeAutoScalingGroup, "replace_autoscaling_group_instances")
    def launch(original: Any, self: Any, *args: Any, **given: Any) -> Any:
        before = len(self.instance_states)
        answer = original(self, *args, **given)
        policy = self.mixed_instances_policy or {}
        distribution = policy.get("InstancesDistribution") or {}
        base = int(distribution.get("OnDemandBaseCapacity") or 0)
        share = distribution.get("OnDemandPercentageAboveBaseCapacity")
        share = 100 if share is None else int(share)
        for size, state in enumerate(self.instance_states[before:], before + 1):
            bought = sum(other.instance.lifecycle != "spot" for other in self.instance_states[: size - 1])
            wanted = base + math.ceil(max(0, size - base) * share / 100)
            if bought >= wanted:
                state.instance.lifecycle = "spot"
        return answer
