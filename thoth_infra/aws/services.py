"""An environment's ECS services: where they are, and the numbers that say how many of their tasks run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from thoth_infra.aws.clients import Clients
from thoth_infra.aws.deploy.revisions import image_of
from thoth_infra.errors import ThothError

DIMENSION: Final = "ecs:service:DesiredCount"
SUSPENSIONS: Final = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
# DescribeServices takes no more at once.
_BATCH: Final = 10


@dataclass(frozen=True)
class Scaling:
    """Autoscaling of a service: its bounds, and which kinds of scaling are suspended."""

    minimum: int
    maximum: int
    suspended: dict[str, bool]

    @property
    def is_suspended(self) -> bool:
        """Whether no kind of scaling acts."""
        return all(self.suspended.values())


@dataclass(frozen=True)
class Numbers:
    """How many tasks a service is to have: desired, and what autoscaling may make of that."""

    name: str
    desired: int
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

    @property
    def deployments(self) -> str:
        """The folder, in the bucket, in which deployments are remembered."""
        return f"{os.path.dirname(self.memory_key)}/deployments"  # noqa: PTH120 - an S3 key


def described(clients: Clients, cluster: str, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what ECS knows of the services that are there, by name."""
    ecs = clients("ecs")
    batches = [list(names[start : start + _BATCH]) for start in range(0, len(names), _BATCH)]
    answers = [ecs.describe_services(cluster=cluster, services=batch) for batch in batches]
    return {s["serviceName"]: s for answer in answers for s in answer["services"] if s["status"] == "ACTIVE"}


def all_of(clients: Clients, place: Place) -> dict[str, dict[str, Any]]:
    """Return what ECS knows of all the environment's services. Raises ThothError where one is not there."""
    found = described(clients, place.cluster, place.services)
    if missing := [name for name in place.services if name not in found]:
        raise ThothError(f"cluster {place.cluster} has no service {', '.join(missing)}", "apply the environment first")
    return found


def numbers(clients: Clients, place: Place) -> tuple[Numbers, ...]:
    """Return the numbers of all the environment's services. Raises ThothError where one is not there."""
    found, scaling = all_of(clients, place), scaling_of(clients, place.cluster)
    return tuple(Numbers(name, found[name]["desiredCount"], scaling.get(name)) for name in place.services)


def images(clients: Clients, place: Place) -> dict[str, str]:
    """Return the image reference of each service's own container, by service; none for a service that is not there."""
    ecs = clients("ecs")
    try:
        found = described(clients, place.cluster, place.services)
    except ecs.exceptions.ClusterNotFoundException:
        return {}
    references = {}
    for name, service in found.items():
        # Of a service that CodeDeploy replaces, the task set that has the traffic runs.
        primary = (one["taskDefinition"] for one in service.get("taskSets", ()) if one["status"] == "PRIMARY")
        revision = next(primary, service["taskDefinition"])
        definition = ecs.describe_task_definition(taskDefinition=revision)["taskDefinition"]
        references[name] = image_of(definition, name)
    return references


def scaling_of(clients: Clients, cluster: str) -> dict[str, Scaling]:
    """Return the autoscaling of a cluster's services, by name; a service without any is left out."""
    pages = clients("application-autoscaling").get_paginator("describe_scalable_targets")
    targets = [t for page in pages.paginate(ServiceNamespace="ecs") for t in page["ScalableTargets"]]
    prefix = f"service/{cluster}/"
    return {
        t["ResourceId"].removeprefix(prefix): Scaling(t["MinCapacity"], t["MaxCapacity"], _suspended(t))
        for t in targets
        if t["ResourceId"].startswith(prefix) and t.get("ScalableDimension", DIMENSION) == DIMENSION
    }


def _suspended(target: dict[str, Any]) -> dict[str, bool]:
    state = target.get("SuspendedState", {})
    return {name: bool(state.get(name, False)) for name in SUSPENSIONS}
