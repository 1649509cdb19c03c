"""The rest of moto as the emulated ECS meets it: registries, groups of instances, alarms, logs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from moto.ecs.exceptions import InvalidParameterException
from moto.moto_api._internal import mock_random

from thoth_infra.emulator.ecs.images import behaviour, in_ecr
from thoth_infra.emulator.ecs.records import Behaviour, HealthCheck, Host, Revision, Task
from thoth_infra.emulator.patches.registry import kept_on

# A group with this tag can't have more instances than it says: AWS has no more of that type just now.
CAPACITY_TAG = "thoth.emulator/capacity"


class Moto:
    """One account and region of moto."""

    def __init__(self, ecs: Any) -> None:
        self._ecs = ecs
        self._at = (ecs.account_id, ecs.region_name)

    def behaviour(self, image: str) -> Behaviour | None:
        """Look an image of ECR up in its repository; other registries are taken to have theirs."""
        place = in_ecr(image)
        if place is None:
            return Behaviour()
        repository = self._backend("ecr", place["account"], place["region"]).repositories.get(place["repository"])
        for found in repository.images if repository else ():
            if place["digest"] == found.get_image_digest() or (
                not place["digest"] and place["tag"] in found.image_tags
            ):
                annotations = json.loads(found.image_manifest).get("annotations") or {}
                return behaviour(annotations, found.get_image_digest())
        return None

    def is_managed(self, provider: str) -> bool:
        """Whether it is one of the cluster's own capacity providers."""
        return self._ecs._get_provider(provider) is not None

    def launch(self, cluster: str, provider: str) -> Host | str:
        """Let the provider's group start one more instance."""
        group = self._group(provider)
        if group is None:
            return f"capacity provider {provider} has no Auto Scaling group"
        # moto's group does not notice that an instance of its was ended.
        group.instance_states[:] = [one for one in group.instance_states if one.instance.state_code in (0, 16)]
        size = len(group.instance_states)
        instance_type = _type(group)
        if size + 1 > int(group.max_size):
            return f"the group {group.name} is at its maximum of {group.max_size}"
        allowed = next((_value(tag) for tag in group.tags if _key(tag) == CAPACITY_TAG), None)
        if allowed is not None and size + 1 > int(allowed):
            why = (
                f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested"
                f" ({self._at[1]}a). Our system will be working on provisioning additional capacity."
            )
            _activity(group, "Failed", f"{why} Launching EC2 instance failed.")
            return why
        known = {state.instance.id for state in group.instance_states}
        group.set_desired_capacity(size + 1)
        instance = next(state.instance for state in group.instance_states if state.instance.id not in known)
        _activity(group, "Successful", f"Launching a new EC2 instance: {instance.id}")
        return self._host(cluster, provider, instance)

    def living(self, instance_ids: Sequence[str]) -> set[str]:
        """Return the instances that EC2 still runs."""
        ec2 = self._backend("ec2")
        running = {instance.id for instance in ec2.all_running_instances()}
        return running & set(instance_ids)

    def interrupted(self, instance_id: str) -> bool:
        """Whether it was a Spot instance: nobody else takes one away."""
        instance = self._backend("ec2").get_instance_by_id(instance_id)
        return bool(instance and getattr(instance, "lifecycle", None) == "spot")

    def retire(self, host: Host) -> None:
        """Terminate the instance, and let its group be one smaller."""
        group = self._group(host.provider)
        if group is not None:
            group.instance_states[:] = [s for s in group.instance_states if s.instance.id != host.instance_id]
            group.desired_capacity = len(group.active_instances())
        self._backend("ec2").terminate_instances([host.instance_id])

    def alarming(self, names: Sequence[str]) -> str | None:
        """Return the first alarm in ALARM."""
        alarms = self._backend("cloudwatch").alarms
        return next((name for name in names if name in alarms and alarms[name].state_value == "ALARM"), None)

    def route(self, listeners: Sequence[str], target_group: str) -> None:
        """Replace the default action of the listeners."""
        from moto.elbv2.models import FakeAction

        for balancer in self._backend("elbv2").load_balancers.values():
            for arn, listener in balancer.listeners.items():
                if arn in listeners:
                    listener.default_actions = [FakeAction({"Type": "forward", "TargetGroupArn": target_group})]

    def say(self, task: Task, lines: Sequence[str], at: float) -> None:
        """Write to the log group of the task's first container, if it is there."""
        logs = self._backend("logs")
        if not lines or task.revision.log is None or task.revision.log[0] not in logs.groups:
            return
        group, prefix = task.revision.log
        stream = f"{prefix}/{task.revision.images[0][0]}/{task.id}"
        if stream not in logs.groups[group].streams:
            logs.create_log_stream(group, stream)
        events = [{"timestamp": int(at * 1000), "message": line} for line in lines]
        logs.put_log_events(group, stream, events)

    def revision(self, arn: str) -> Revision:
        """Read what matters here of a task definition."""
        definition = self._ecs.describe_task_definition(arn)
        containers = sorted(definition.container_definitions, key=lambda one: not one.get("essential", True))
        if not containers:  # which moto lets be registered, and AWS does not
            raise InvalidParameterException("Container list cannot be empty.")
        first = containers[0]
        check = first.get("healthCheck")
        options = first.get("logConfiguration", {}).get("options", {})
        needs = [need for one in containers for need in one.get("resourceRequirements") or ()]
        return Revision(
            definition.arn,
            tuple((one["name"], one["image"]) for one in containers),
            gpus=sum(int(need["value"]) for need in needs if need["type"] == "GPU"),
            memory=int(definition.memory or sum(one.get("memory") or 0 for one in containers)),
            health_check=HealthCheck(check.get("interval", 30), check.get("retries", 3), check.get("startPeriod", 0))
            if check
            else None,
            log=(options["awslogs-group"], options.get("awslogs-stream-prefix", "ecs"))
            if "awslogs-group" in options
            else None,
        )

    def unique(self) -> str:
        """Return a new identifier."""
        return uuid4().hex

    def _backend(self, service: str, account: str | None = None, region: str | None = None) -> Any:
        from moto.backends import get_backend

        return get_backend(service)[account or self._at[0]][region or self._at[1]]

    def _group(self, provider: str) -> Any:
        found = self._ecs._get_provider(provider)
        arn = found.auto_scaling_group_provider["autoScalingGroupArn"] if found else ""
        groups = self._backend("autoscaling").autoscaling_groups
        return groups.get(arn.rpartition("autoScalingGroupName/")[2])

    def _host(self, cluster: str, provider: str, instance: Any) -> Host:
        kind = _kinds(instance.instance_type)
        gpus = sum(gpu["Count"] for gpu in kind.get("GpuInfo", {}).get("Gpus", ()))
        return Host(
            mock_random.uuid4().hex,
            cluster,
            provider,
            instance.id,
            instance.instance_type,
            instance.availability_zone,
            instance.image_id,
            gpus,
            kind.get("VCpuInfo", {}).get("DefaultVCpus", 4),
            kind.get("MemoryInfo", {}).get("SizeInMiB", 16384),
            joins_at=0.0,
        )


def _key(tag: dict[str, Any]) -> Any:
    # moto keeps tags as they came: with a capital from CreateOrUpdateTags, without from its own hands.
    return tag.get("Key", tag.get("key"))


def _value(tag: dict[str, Any]) -> Any:
    return tag.get("Value", tag.get("value"))


def activities(group: Any) -> list[dict[str, Any]]:
    """Return what a group did, newest first."""
    found: list[dict[str, Any]] = kept_on(group, "activities").setdefault("all", [])
    return found


def _activity(group: Any, status: str, message: str) -> None:
    from moto.core.utils import utcnow

    done = activities(group)
    if done and done[0]["StatusMessage"] == message:
        return
    done.insert(
        0,
        {
            "ActivityId": uuid4().hex,
            "AutoScalingGroupName": group.name,
            "Description": "Launching a new EC2 instance",
            "Cause": "an instance was started in response to a difference between desired and actual capacity",
            "StartTime": utcnow(),
            "EndTime": utcnow(),
            "StatusCode": status,
            "StatusMessage": message,
            "Progress": 100,
        },
    )


def _type(group: Any) -> str:
    policy = group.mixed_instances_policy or {}
    overrides = policy.get("LaunchTemplate", {}).get("Overrides", ())
    return str(overrides[0]["InstanceType"] if overrides else group.instance_type)


def _kinds(instance_type: str) -> dict[str, Any]:
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    return dict(INSTANCE_TYPES.get(instance_type, {}))
