"""The GPU hosts of a cluster: what they are, what is free on them, how old they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from thoth_infra.aws.clients import Clients

_BATCH = 100


@dataclass(frozen=True)
class GpuHost:
    """One GPU instance. ``gpus`` in all, ``free`` not held by a task; ``age_hours`` since its launch."""

    instance_id: str
    instance_type: str
    market: str
    zone: str
    status: str
    gpus: int
    free: int
    tasks: int
    age_hours: float
    ami_id: str


def hosts(clients: Clients, cluster: str, now: datetime | None = None) -> tuple[GpuHost, ...]:
    """Return the cluster's container instances, oldest first."""
    rows = list(_container_instances(clients, cluster))
    instances = _instances(clients, [row["ec2InstanceId"] for row in rows])
    made = (_host(row, instances.get(row["ec2InstanceId"], {}), now or datetime.now(UTC)) for row in rows)
    return tuple(sorted(made, key=lambda host: -host.age_hours))


def _container_instances(clients: Clients, cluster: str) -> Iterator[dict[str, Any]]:
    ecs = clients("ecs")
    pages = ecs.get_paginator("list_container_instances").paginate(cluster=cluster)
    for arns in _batches([arn for page in pages for arn in page["containerInstanceArns"]]):
        yield from ecs.describe_container_instances(cluster=cluster, containerInstances=arns)["containerInstances"]


def _instances(clients: Clients, ids: list[str]) -> dict[str, dict[str, Any]]:
    found = {}
    for batch in _batches(ids):
        answer = clients("ec2").describe_instances(InstanceIds=batch)
        for reservation in answer["Reservations"]:
            found.update({instance["InstanceId"]: instance for instance in reservation["Instances"]})
    return found


def _batches(items: list[str]) -> Iterator[list[str]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))


def _host(row: dict[str, Any], instance: dict[str, Any], now: datetime) -> GpuHost:
    launched = instance.get("LaunchTime", now)
    return GpuHost(
        instance_id=row["ec2InstanceId"],
        instance_type=instance.get("InstanceType", "?"),
        market=instance.get("InstanceLifecycle", "on-demand"),
        zone=instance.get("Placement", {}).get("AvailabilityZone", "?"),
        status=row["status"],
        gpus=_gpus(row.get("registeredResources", ())),
        free=_gpus(row.get("remainingResources", ())),
        tasks=row.get("runningTasksCount", 0),
        age_hours=round((now - launched).total_seconds() / 3600, 1),
        ami_id=instance.get("ImageId", "?"),
    )


def _gpus(resources: Iterable[dict[str, Any]]) -> int:
    return sum(len(r.get("stringSetValue", ())) for r in resources if r["name"] == "GPU")
