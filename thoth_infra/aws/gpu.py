"""The GPU hosts of a cluster: what they are, what runs and is free on them, how busy and how old they are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from thoth_infra.aws.clients import Clients
from thoth_infra.contract.metrics import GPU_MEMORY, GPU_UTILIZATION, NAMESPACE, Metric
from thoth_infra.contract.services import SERVICES

_BATCH: Final = 100
# Workers emit once a minute, and CloudWatch may be two minutes late.
_FRESH: Final = timedelta(minutes=5)
_BOOTING: Final = "BOOTING"


@dataclass(frozen=True)
class GpuHost:
    """One GPU instance. ``gpus`` in all, ``free`` not held by a task; ``age_hours`` since its launch.

    ``utilization`` and ``memory`` are percents, the mean of what its tasks reported in the last minutes; None where
    none did. A host whose status is BOOTING has not joined the cluster yet.
    """

    instance_id: str
    instance_type: str
    market: str
    zone: str
    status: str
    gpus: int
    free: int
    tasks: dict[str, int]
    """Number of tasks by service."""
    utilization: float | None
    memory: float | None
    age_hours: float
    ami_id: str
    ami_name: str
    ami_age_days: int | None


@dataclass(frozen=True)
class Fleet:
    """All GPU hosts of an environment, oldest first and those that boot last, and the sums of them.

    ``utilization`` and ``memory`` are what alarms and dashboard see: the mean over all workers of the last minutes.
    """

    hosts: tuple[GpuHost, ...]
    gpus: int
    free: int
    utilization: float | None
    memory: float | None


@dataclass(frozen=True)
class _Seen:
    """What was asked of AWS about all hosts at once."""

    instances: Mapping[str, dict[str, Any]]
    images: Mapping[str, dict[str, Any]]
    tasks: Mapping[str, list[dict[str, Any]]]
    """The tasks on each container instance."""
    reported: Mapping[str, dict[Metric, float]] = field(default_factory=dict)
    """What each task reported, by its id."""


def fleet(clients: Clients, cluster: str, environment: str, now: datetime | None = None) -> Fleet:
    """Return the GPU hosts of a cluster, those among them that have not joined it yet."""
    at = now or datetime.now(UTC)
    rows = list(_container_instances(clients, cluster))
    joined = [row["ec2InstanceId"] for row in rows]
    booting = [one for one in _in_groups(clients, cluster) if one not in joined]
    instances = _instances(clients, [*joined, *booting])
    seen = _Seen(
        instances,
        _images(clients, {one["ImageId"] for one in instances.values()}),
        _tasks(clients, cluster) if rows else {},
        _reported(clients, environment, at) if rows else {},
    )
    made = [_host(row, seen, at) for row in rows]
    made += [_booting(one, seen, at) for one in booting if one in instances]
    means = _means(clients, environment, at) if rows else {}
    return Fleet(
        tuple(sorted(made, key=lambda host: (host.status == _BOOTING, -host.age_hours, host.instance_id))),
        sum(host.gpus for host in made),
        sum(host.free for host in made),
        means.get(GPU_UTILIZATION),
        means.get(GPU_MEMORY),
    )


def _container_instances(clients: Clients, cluster: str) -> Iterator[dict[str, Any]]:
    ecs = clients("ecs")
    pages = ecs.get_paginator("list_container_instances").paginate(cluster=cluster)
    for arns in _batches([arn for page in pages for arn in page["containerInstanceArns"]]):
        yield from ecs.describe_container_instances(cluster=cluster, containerInstances=arns)["containerInstances"]


def _in_groups(clients: Clients, cluster: str) -> list[str]:
    """Return the instances of the Auto Scaling groups behind the cluster's own capacity providers."""
    ecs = clients("ecs")
    found = ecs.describe_clusters(clusters=[cluster])["clusters"]
    names = [name for one in found for name in one.get("capacityProviders", ()) if not name.startswith("FARGATE")]
    if not names:
        return []
    providers = ecs.describe_capacity_providers(capacityProviders=names)["capacityProviders"]
    arns = [one["autoScalingGroupProvider"]["autoScalingGroupArn"] for one in providers]
    groups = [arn.rpartition("autoScalingGroupName/")[2] for arn in arns]
    pages = clients("autoscaling").get_paginator("describe_auto_scaling_groups")
    answer = pages.paginate(AutoScalingGroupNames=groups)
    return [one["InstanceId"] for page in answer for group in page["AutoScalingGroups"] for one in group["Instances"]]


def _instances(clients: Clients, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Return the instances that are there; one that is gone would make a question by ids fail for all."""
    ec2, found = clients("ec2"), {}
    for batch in _batches(ids):
        filters = [
            {"Name": "instance-id", "Values": batch},
            {"Name": "instance-state-name", "Values": ["pending", "running", "shutting-down", "stopping", "stopped"]},
        ]
        for page in ec2.get_paginator("describe_instances").paginate(Filters=filters):
            for reservation in page["Reservations"]:
                found.update({instance["InstanceId"]: instance for instance in reservation["Instances"]})
    return found


def _images(clients: Clients, ids: set[str]) -> dict[str, dict[str, Any]]:
    if not ids:
        return {}
    # As a filter: an AMI that its owner has withdrawn is left out then, instead of an error.
    answer = clients("ec2").describe_images(Filters=[{"Name": "image-id", "Values": sorted(ids)}])
    return {image["ImageId"]: image for image in answer["Images"]}


def _tasks(clients: Clients, cluster: str) -> dict[str, list[dict[str, Any]]]:
    ecs = clients("ecs")
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster)
    found: dict[str, list[dict[str, Any]]] = {}
    for arns in _batches([arn for page in pages for arn in page["taskArns"]]):
        for task in ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]:
            if host := task.get("containerInstanceArn"):
                found.setdefault(host, []).append(task)
    return found


def _reported(clients: Clients, environment: str, now: datetime) -> dict[str, dict[Metric, float]]:
    """Return what each task said last of its GPU.

    The metrics are by service, not by host, since each host would be one more metric to pay for. The lines that they
    are made of stand in the log, a stream for each task.
    """
    logs = clients("logs")
    found: dict[str, dict[Metric, float]] = {}
    for name in _SERVICES:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/thoth/{environment}/{name}",
            startTime=int((now - _FRESH).timestamp() * 1000),
            filterPattern=f"{{ $.{GPU_UTILIZATION.name} >= 0 }}",
        )
        with suppress(logs.exceptions.ResourceNotFoundException):
            for row in (row for page in pages for row in page["events"]):
                if said := _values(row["message"]):
                    found[row["logStreamName"].rpartition("/")[2]] = said
    return found


def _values(line: str) -> dict[Metric, float]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    if not isinstance(told, dict):
        return {}
    return {metric: float(told[metric.name]) for metric in _METRICS if isinstance(told.get(metric.name), int | float)}


def _means(clients: Clients, environment: str, now: datetime) -> dict[Metric, float]:
    """Return the mean of each GPU metric over the last minutes and all GPU services, from one question."""
    asked = [(metric, service) for metric in _METRICS for service in _SERVICES]
    answer = clients("cloudwatch").get_metric_data(
        MetricDataQueries=[
            {"Id": f"m{index}", "MetricStat": _statistic(environment, metric, service)}
            for index, (metric, service) in enumerate(asked)
        ],
        StartTime=now - _FRESH,
        EndTime=now,
    )
    values: dict[Metric, list[float]] = {}
    for row in answer["MetricDataResults"]:
        metric, _ = asked[int(row["Id"].removeprefix("m"))]
        values.setdefault(metric, []).extend(row["Values"])
    return {metric: round(sum(found) / len(found), 1) for metric, found in values.items() if found}


def _statistic(environment: str, metric: Metric, service: str) -> dict[str, Any]:
    dimensions = [{"Name": "Environment", "Value": environment}, {"Name": "Service", "Value": service}]
    named = {"Namespace": NAMESPACE, "MetricName": metric.name, "Dimensions": dimensions}
    return {"Metric": named, "Period": 60, "Stat": "Average"}


def _host(row: dict[str, Any], seen: _Seen, now: datetime) -> GpuHost:
    tasks = seen.tasks.get(row["containerInstanceArn"], [])
    said = [seen.reported.get(task["taskArn"].rpartition("/")[2], {}) for task in tasks]
    return _made(
        row["ec2InstanceId"],
        seen,
        now,
        status=row["status"],
        gpus=_gpus(row.get("registeredResources", ())),
        free=_gpus(row.get("remainingResources", ())),
        tasks=dict(sorted(Counter(task.get("group", "").removeprefix("service:") for task in tasks).items())),
        utilization=_mean(one[GPU_UTILIZATION] for one in said if GPU_UTILIZATION in one),
        memory=_mean(one[GPU_MEMORY] for one in said if GPU_MEMORY in one),
    )


def _booting(instance_id: str, seen: _Seen, now: datetime) -> GpuHost:
    nothing: dict[str, Any] = {"gpus": 0, "free": 0, "tasks": {}, "utilization": None, "memory": None}
    return _made(instance_id, seen, now, status=_BOOTING, **nothing)


def _made(instance_id: str, seen: _Seen, now: datetime, **rest: Any) -> GpuHost:
    instance = seen.instances.get(instance_id, {})
    ami = instance.get("ImageId", "?")
    image = seen.images.get(ami, {})
    made = image.get("CreationDate")
    return GpuHost(
        instance_id=instance_id,
        instance_type=instance.get("InstanceType", "?"),
        market=instance.get("InstanceLifecycle", "on-demand"),
        zone=instance.get("Placement", {}).get("AvailabilityZone", "?"),
        age_hours=round((now - instance.get("LaunchTime", now)).total_seconds() / 3600, 1),
        ami_id=ami,
        ami_name=image.get("Name", ""),
        ami_age_days=(now - datetime.fromisoformat(made)).days if made else None,
        **rest,
    )


def _gpus(resources: Iterable[dict[str, Any]]) -> int:
    return sum(len(r.get("stringSetValue", ())) for r in resources if r["name"] == "GPU")


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return round(sum(found) / len(found), 1) if found else None


def _batches(items: list[str]) -> Iterator[list[str]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))


_METRICS: Final = (GPU_UTILIZATION, GPU_MEMORY)
_SERVICES: Final = tuple(service.name for service in SERVICES if service.gpu)
