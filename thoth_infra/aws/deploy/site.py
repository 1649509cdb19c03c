"""What the steps of a deployment work on: an environment's cluster, through clients, with a clock to be turned."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from thoth_infra.aws.clients import Clients
from thoth_infra.aws.deploy.record import Part
from thoth_infra.errors import ThothError

_BATCH = 100


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Site:
    """An environment's cluster, and how to wait in it."""

    clients: Clients
    cluster: str
    codedeploy: tuple[str, str]
    """Application and deployment group."""
    poll_seconds: float = 5.0
    timeout_seconds: float = 3600.0
    """Longest time that any one wait may take."""
    sleep: Callable[[float], None] = field(default=time.sleep)
    clock: Callable[[], float] = field(default=time.monotonic)
    now: Callable[[], datetime] = field(default=_now)
    tell: Callable[[str], None] = field(default=lambda _: None)
    """Takes each line of progress."""

    def service(self, name: str) -> dict[str, Any]:
        """Return what ECS knows of a service. Raises ThothError where it is not there."""
        found = self.clients("ecs").describe_services(cluster=self.cluster, services=[name])["services"]
        for service in found:
            if service["status"] == "ACTIVE":
                return dict(service)
        raise ThothError(f"cluster {self.cluster} has no service {name}", "apply the environment first")

    def tasks(self, service: str, status: str) -> list[dict[str, Any]]:
        """Return a service's tasks: those that are to run, or those that were stopped in the last hour."""
        ecs = self.clients("ecs")
        pages = ecs.get_paginator("list_tasks").paginate(
            cluster=self.cluster, serviceName=service, desiredStatus=status
        )
        return self.described([arn for page in pages for arn in page["taskArns"]])

    def described(self, arns: Sequence[str]) -> list[dict[str, Any]]:
        """Return what ECS knows of tasks."""
        ecs = self.clients("ecs")
        batches = [list(arns[start : start + _BATCH]) for start in range(0, len(arns), _BATCH)]
        return [task for batch in batches for task in ecs.describe_tasks(cluster=self.cluster, tasks=batch)["tasks"]]


@dataclass(frozen=True)
class Look:
    """One look at one service on its way to a revision."""

    service: str
    progress: str
    done: bool = False
    failed: str | None = None
    seen: tuple[str, ...] = ()
    """What AWS says of it that may explain a failure or a delay, the latest first."""


def why_stopped(task: dict[str, Any]) -> str:
    """Say in one line why a task stopped."""
    said = [task.get("stoppedReason", "")]
    for container in task.get("containers", ()):
        if reason := container.get("reason"):
            said.append(reason)
        if (code := container.get("exitCode")) not in (None, 0):
            said.append(f"{container['name']}: exit code {code}")
    known = [text for text in dict.fromkeys(said) if text]
    return "; ".join(known) or "stopped without a reason"


def images_of(tasks: Iterable[dict[str, Any]], service: str) -> set[str]:
    """Return the digests of a service's own container in tasks that run."""
    return {
        container.get("imageDigest") or container.get("image", "").rpartition("@")[2]
        for task in tasks
        if task["lastStatus"] == "RUNNING"
        for container in task.get("containers", ())
        if container["name"] == service
    }


def failures_of(site: Site, service: str, revision: str, since: datetime) -> list[dict[str, Any]]:
    """Return the tasks of a revision that ended by themselves since a time, the latest first."""
    stopped = [
        task
        for task in site.tasks(service, "STOPPED")
        if task["taskDefinitionArn"] == revision
        and task.get("createdAt", since) >= since
        and not task.get("stoppedReason", "").startswith("Scaling activity")
    ]
    return sorted(stopped, key=lambda task: task.get("stoppedAt") or since, reverse=True)


def news_of(service: dict[str, Any], since: datetime) -> list[str]:
    """Return a service's events since a time that tell of trouble, the latest first."""
    told = [event["message"] for event in service.get("events", ()) if event["createdAt"] >= since]
    return [text for text in told if not any(word in text for word in _NO_NEWS)]


_NO_NEWS = ("has started", "has stopped", "steady state", "deployment completed", "registered", "has begun draining")


def refusals_of(site: Site, service: dict[str, Any], since: datetime) -> list[str]:
    """Return why the groups behind a service's capacity providers could not start instances."""
    names = [row["capacityProvider"] for row in service.get("capacityProviderStrategy", ())]
    own = [name for name in names if not name.startswith("FARGATE")]
    if not own:
        return []
    providers = site.clients("ecs").describe_capacity_providers(capacityProviders=own)["capacityProviders"]
    said = []
    for provider in providers:
        group = provider["autoScalingGroupProvider"]["autoScalingGroupArn"].rpartition("autoScalingGroupName/")[2]
        answer = site.clients("autoscaling").describe_scaling_activities(AutoScalingGroupName=group, MaxRecords=20)
        for activity in answer["Activities"]:
            if activity["StatusCode"] in ("Failed", "Cancelled") and activity["StartTime"] >= since:
                said.append(f"{group}: {activity.get('StatusMessage', activity['Description'])}")
    return list(dict.fromkeys(said))


def progress_of(running: int, wanted: int, others: int) -> str:
    """Say how far the tasks of a revision have come."""
    rest = f", {others} of the old one to go" if others else ""
    return f"{running} of {wanted} new tasks run{rest}"


def stays_at(part: Part) -> str:
    """Return the revision that a part aims at."""
    if part.after is None:
        raise AssertionError(f"{part.service} has no revision yet")
    return part.after
