"""ECS services as an operator sees them: how many run, stop all, start them as they were, restart one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from thoth_infra.aws.clients import Clients
from thoth_infra.errors import ThothError

_DIMENSION = "ecs:service:DesiredCount"
_SUSPENSIONS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


@dataclass(frozen=True)
class Scaling:
    """Autoscaling of a service: its bounds, and which kinds of scaling are suspended."""

    minimum: int
    maximum: int
    suspended: dict[str, bool]


@dataclass(frozen=True)
class ServiceStatus:
    """One ECS service: numbers of tasks, and its autoscaling where it has any."""

    name: str
    desired: int
    running: int
    pending: int
    task_definition: str
    scaling: Scaling | None


@dataclass(frozen=True)
class Place:
    """Where an environment's services run and where what they were is remembered."""

    cluster: str
    services: tuple[str, ...]
    bucket: str
    memory_key: str
    codedeploy: tuple[str, str]
    """Application and deployment group of the services that CodeDeploy replaces."""


def status(clients: Clients, place: Place, names: Sequence[str] = ()) -> tuple[ServiceStatus, ...]:
    """Return the state of the named services (all by default). Raises ThothError for one that is not there."""
    wanted = tuple(names) or place.services
    found = clients("ecs").describe_services(cluster=place.cluster, services=list(wanted))
    services = {s["serviceName"]: s for s in found["services"] if s["status"] == "ACTIVE"}
    missing = [name for name in wanted if name not in services]
    if missing:
        raise ThothError(f"cluster {place.cluster} has no service {', '.join(missing)}", "apply the environment first")
    scaling = _scaling(clients, place.cluster)
    return tuple(
        ServiceStatus(
            name,
            services[name]["desiredCount"],
            services[name]["runningCount"],
            services[name]["pendingCount"],
            services[name]["taskDefinition"].rpartition("/")[2],
            scaling.get(name),
        )
        for name in wanted
    )


def images(clients: Clients, place: Place) -> dict[str, str]:
    """Return the image reference of each service's own container, by service; none for a service that is not there."""
    ecs = clients("ecs")
    try:
        found = ecs.describe_services(cluster=place.cluster, services=list(place.services))["services"]
    except ecs.exceptions.ClusterNotFoundException:
        return {}
    references = {}
    for service in found:
        if service["status"] != "ACTIVE":
            continue
        # Of a service that CodeDeploy replaces, the task set that has the traffic runs.
        primary = (one["taskDefinition"] for one in service.get("taskSets", ()) if one["status"] == "PRIMARY")
        revision = next(primary, service["taskDefinition"])
        containers = ecs.describe_task_definition(taskDefinition=revision)["taskDefinition"]["containerDefinitions"]
        own = (one["image"] for one in containers if one["name"] == service["serviceName"])
        references[service["serviceName"]] = str(next(own, ""))
    return references


def _scaling(clients: Clients, cluster: str) -> dict[str, Scaling]:
    pages = clients("application-autoscaling").get_paginator("describe_scalable_targets")
    targets = [t for page in pages.paginate(ServiceNamespace="ecs") for t in page["ScalableTargets"]]
    prefix = f"service/{cluster}/"
    return {
        t["ResourceId"].removeprefix(prefix): Scaling(t["MinCapacity"], t["MaxCapacity"], _suspended(t))
        for t in targets
        if t["ResourceId"].startswith(prefix)
    }


def _suspended(target: dict[str, Any]) -> dict[str, bool]:
    state = target.get("SuspendedState", {})
    return {name: bool(state.get(name, False)) for name in _SUSPENSIONS}


def stop(clients: Clients, place: Place) -> tuple[ServiceStatus, ...]:
    """Bring every service to zero and suspend its autoscaling; return what was remembered.

    What they were is written down before anything changes, and an earlier record is kept: a stop that was
    cut off in the middle and is run again must not remember its own zeros.
    """
    remembered = _recall(clients, place) or status(clients, place)
    _remember(clients, place, remembered)
    everything = dict.fromkeys(_SUSPENSIONS, True)
    for service in remembered:
        if service.scaling:
            _scale(clients, place, service.name, service.scaling, everything)
        clients("ecs").update_service(cluster=place.cluster, service=service.name, desiredCount=0)
    return remembered


def start(clients: Clients, place: Place) -> tuple[ServiceStatus, ...]:
    """Give every service back the numbers that it had when it was stopped; return them.

    The record goes last, so that a start that was cut off can be run again. Raises ThothError when nothing
    was stopped.
    """
    remembered = _recall(clients, place)
    if not remembered:
        raise ThothError("the services were not stopped by stop-services", "`thoth-infra status` shows what runs")
    for service in remembered:
        clients("ecs").update_service(cluster=place.cluster, service=service.name, desiredCount=service.desired)
        if service.scaling:
            _scale(clients, place, service.name, service.scaling, service.scaling.suspended)
    clients("s3").delete_object(Bucket=place.bucket, Key=place.memory_key)
    return remembered


def restart(clients: Clients, place: Place, name: str) -> str:
    """Replace the tasks of a service by new ones of the same revision; return the deployment's id.

    ECS rolls a queue worker; a service behind the load balancer is replaced by CodeDeploy, to which ECS
    leaves it.
    """
    ecs = clients("ecs")
    (found,) = ecs.describe_services(cluster=place.cluster, services=[name])["services"] or [None]
    if found is None or found["status"] != "ACTIVE":
        raise ThothError(f"cluster {place.cluster} has no service {name}", f"choose one of {', '.join(place.services)}")
    if found.get("deploymentController", {}).get("type") == "CODE_DEPLOY":
        return _replace_blue_green(clients, place, found)
    updated = ecs.update_service(cluster=place.cluster, service=name, forceNewDeployment=True)
    return str(updated["service"]["deployments"][0]["id"])


def _replace_blue_green(clients: Clients, place: Place, service: dict[str, Any]) -> str:
    application, group = place.codedeploy
    container = service["loadBalancers"][0]
    # The capacity strategy is repeated: CodeDeploy would fall back to the launch type without it.
    properties = {
        "TaskDefinition": service["taskDefinition"],
        "LoadBalancerInfo": {"ContainerName": container["containerName"], "ContainerPort": container["containerPort"]},
        "CapacityProviderStrategy": [
            {"CapacityProvider": row["capacityProvider"], "Base": row.get("base", 0), "Weight": row.get("weight", 0)}
            for row in service.get("capacityProviderStrategy", [])
        ],
    }
    resources = [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}]
    content = json.dumps({"version": 0.0, "Resources": resources})
    deployment = clients("codedeploy").create_deployment(
        applicationName=application,
        deploymentGroupName=group,
        revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": content}},
        description="restart-service",
    )
    return str(deployment["deploymentId"])


def _scale(clients: Clients, place: Place, name: str, scaling: Scaling, suspended: dict[str, bool]) -> None:
    clients("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{place.cluster}/{name}",
        ScalableDimension=_DIMENSION,
        MinCapacity=scaling.minimum,
        MaxCapacity=scaling.maximum,
        SuspendedState=suspended,
    )


def _remember(clients: Clients, place: Place, services: Iterable[ServiceStatus]) -> None:
    body = json.dumps([asdict(service) for service in services], indent=2).encode()
    clients("s3").put_object(Bucket=place.bucket, Key=place.memory_key, Body=body, ContentType="application/json")


def _recall(clients: Clients, place: Place) -> tuple[ServiceStatus, ...]:
    s3 = clients("s3")
    try:
        body = s3.get_object(Bucket=place.bucket, Key=place.memory_key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return ()
    rows = json.loads(body)
    return tuple(
        ServiceStatus(**{**row, "scaling": Scaling(**row["scaling"]) if row["scaling"] else None}) for row in rows
    )
