"""The emulated ECS's records in the words of its API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from thoth_infra.emulator.ecs.images import PREFIX
from thoth_infra.emulator.ecs.records import Event, Host, Service, Task, TaskSet

#: The driver of the ECS GPU AMI, unless an instance's tag says otherwise.
DRIVER: Final = "570.133.20"


def when(at: float | None) -> datetime | None:
    """Return a time as the API's serializer takes it."""
    return None if at is None else datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


def events(found: Sequence[Event]) -> list[dict[str, Any]]:
    """Return a service's events."""
    return [{"id": event.id, "createdAt": when(event.at), "message": event.message} for event in found]


def deployment(one: TaskSet, service: Service, tasks: Sequence[Task], like: dict[str, Any]) -> dict[str, Any]:
    """Return a rolling deployment; ``like`` holds what the simulation does not know of it."""
    mine = [task for task in tasks if task.set_id == one.id]
    return {
        **like,
        "id": one.id,
        "status": one.status,
        "taskDefinition": one.revision.arn,
        "desiredCount": service.desired if one.status == "PRIMARY" else 0,
        "runningCount": _count(mine, "RUNNING"),
        "pendingCount": _count(mine, "PROVISIONING", "PENDING"),
        "failedTasks": one.failed,
        "createdAt": when(one.created_at),
        "updatedAt": when(one.updated_at),
        "rolloutState": one.rollout,
        "rolloutStateReason": one.reason,
    }


def task_set(one: TaskSet, service: Service, tasks: Sequence[Task], arn: str) -> dict[str, Any]:
    """Return one colour of a blue/green service."""
    mine = [task for task in tasks if task.set_id == one.id]
    wanted = -(-service.desired * one.scale // 100)
    steady = _count(mine, "RUNNING") == wanted and all(task.well for task in mine if task.going)
    return {
        "id": one.id,
        "taskSetArn": f"{arn.replace(':service/', ':task-set/')}/{one.id}",
        "serviceArn": arn,
        "status": one.status,
        "taskDefinition": one.revision.arn,
        "computedDesiredCount": int(wanted),
        "pendingCount": _count(mine, "PROVISIONING", "PENDING"),
        "runningCount": _count(mine, "RUNNING"),
        "createdAt": when(one.created_at),
        "updatedAt": when(one.updated_at),
        "scale": {"value": one.scale, "unit": "PERCENT"},
        "stabilityStatus": "STEADY_STATE" if steady else "STABILIZING",
        "loadBalancers": [{"targetGroupArn": one.target_group}] if one.target_group else [],
        "startedBy": "CODE_DEPLOY",
    }


def task(one: Task, backend: Any, cluster: Any, hosts: dict[str, Host]) -> dict[str, Any]:
    """Return a task."""
    prefix = f"arn:aws:ecs:{backend.region_name}:{backend.account_id}"
    host = hosts.get(one.host or "")
    managed = host is not None or not one.provider.startswith("FARGATE")
    containers = [
        {
            "containerArn": f"{prefix}:container/{cluster.name}/{one.id}/{name}",
            "taskArn": task_arn(one, backend, cluster.name),
            "name": name,
            "image": image,
            "imageDigest": one.digest,
            "runtimeId": f"{one.id}-{index}",
            "lastStatus": "PENDING"
            if one.phase == "PROVISIONING"
            else "RUNNING"
            if one.phase == "STOPPING"
            else one.phase,
            "exitCode": one.exit_code,
            "reason": one.container_reason or None,
            "healthStatus": one.health,
            "managedAgents": [{"name": "ExecuteCommandAgent", "lastStatus": "RUNNING"}]
            if one.exec_enabled and one.phase == "RUNNING"
            else None,
        }
        for index, (name, image) in enumerate(one.revision.images)
    ]
    answer = {
        "taskArn": task_arn(one, backend, cluster.name),
        "clusterArn": cluster.arn,
        "taskDefinitionArn": one.revision.arn,
        "containerInstanceArn": instance_arn(host, backend) if host else None,
        "capacityProviderName": one.provider,
        "launchType": "EC2" if managed else "FARGATE",
        "availabilityZone": host.zone if host else f"{backend.region_name}a",
        "lastStatus": one.phase,
        "desiredStatus": "RUNNING" if one.going else "STOPPED",
        "healthStatus": one.health,
        "containers": containers,
        "group": one.group,
        "startedBy": one.started_by or None,
        "createdAt": when(one.created_at),
        "startedAt": when(one.started_at),
        "stoppingAt": when(one.stopping_at),
        "stoppedAt": when(one.stopped_at),
        "stopCode": one.stop_code or None,
        "stoppedReason": one.stopped_reason or None,
        "enableExecuteCommand": one.exec_enabled,
        "overrides": one.overrides,
        "attachments": [],
        "tags": one.tags,
    }
    return {key: value for key, value in answer.items() if value is not None}


def task_arn(one: Task, backend: Any, cluster: str) -> str:
    """Return a task's ARN."""
    return f"arn:aws:ecs:{backend.region_name}:{backend.account_id}:task/{cluster}/{one.id}"


def instance_arn(host: Host, backend: Any) -> str:
    """Return a container instance's ARN."""
    return f"arn:aws:ecs:{backend.region_name}:{backend.account_id}:container-instance/{host.cluster}/{host.id}"


def container_instance(host: Host, backend: Any, tasks: Sequence[Task]) -> dict[str, Any]:
    """Return a container instance."""
    mine = [task for task in tasks if task.host == host.id]
    marks = _marks(host, backend)
    used = [f"gpu-{index}" for index in range(host.gpus)]
    return {
        "containerInstanceArn": instance_arn(host, backend),
        "ec2InstanceId": host.instance_id,
        "capacityProviderName": host.provider,
        "status": "DRAINING" if host.draining else "ACTIVE",
        "agentConnected": marks.get("agent") != "disconnected",
        "runningTasksCount": _count(mine, "RUNNING", "STOPPING"),
        "pendingTasksCount": _count(mine, "PROVISIONING", "PENDING"),
        "versionInfo": {"agentVersion": "1.97.1", "dockerVersion": "DockerVersion: 25.0.8"},
        "registeredResources": _resources(host.vcpus * 1024, host.memory, used),
        "remainingResources": _resources(host.vcpus * 1024, host.free_memory(tasks), used[: host.free_gpus(tasks)]),
        "registeredAt": when(host.joins_at),
        # moto's serializer makes the API's list of names and values of it.
        "attributes": {
            "ecs.instance-type": host.instance_type,
            "ecs.ami-id": host.ami,
            "ecs.availability-zone": host.zone,
            # The agent tells the driver in the name, without a value.
            **(
                {f"ecs.capability.nvidia-driver-version.{marks.get('nvidia-driver', DRIVER)}": None}
                if host.gpus
                else {}
            ),
        },
        "attachments": [],
        "tags": [],
    }


def _marks(host: Host, backend: Any) -> dict[str, str]:
    """Return what an instance's tags say of its host: ``thoth.emulator/agent``, ``thoth.emulator/nvidia-driver``."""
    from moto.ec2.models import ec2_backends

    tags = ec2_backends[backend.account_id][backend.region_name].describe_tags({"resource-id": [host.instance_id]})
    return {tag["key"].removeprefix(PREFIX): tag["value"] for tag in tags if tag["key"].startswith(PREFIX)}


def _resources(cpu: int, memory: int, gpus: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"name": "CPU", "type": "INTEGER", "integerValue": cpu},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": memory},
        {"name": "GPU", "type": "STRINGSET", "stringSetValue": list(gpus)},
    ]


def _count(tasks: Sequence[Task], *phases: str) -> int:
    return sum(task.phase in phases for task in tasks)
