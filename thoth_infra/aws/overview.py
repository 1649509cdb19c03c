"""All that `status` shows: services, their roll-outs and what troubles them, queues, deployment, what was stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from thoth_infra.aws import stopping
from thoth_infra.aws.clients import Clients
from thoth_infra.aws.deploy import blue_green
from thoth_infra.aws.deploy.ledger import Ledger
from thoth_infra.aws.deploy.revisions import image_of
from thoth_infra.aws.deploy.site import Site, failures_of, news_of, refusals_of, why_stopped
from thoth_infra.aws.diagnosis import diagnose
from thoth_infra.aws.services import Place, Scaling, all_of, scaling_of
from thoth_infra.aws.waiting import code_deploying
from thoth_infra.contract.queues import QUEUES

_RECENT: Final = timedelta(hours=1)
_MOST_TROUBLES: Final = 3
_STEADY: Final = "has reached a steady state"
_THREADS: Final = 8


@dataclass(frozen=True)
class Rollout:
    """An ECS deployment or a CodeDeploy task set; ``traffic``, in percent, where a load balancer shares it out."""

    id: str
    status: str
    """PRIMARY, ACTIVE or DRAINING."""
    state: str
    """IN_PROGRESS, COMPLETED or FAILED; of a task set: STABILIZING or STEADY_STATE."""
    reason: str
    revision: str
    desired: int
    running: int
    pending: int
    failed: int
    traffic: float | None = None


@dataclass(frozen=True)
class Trouble:
    """Something that AWS said, and what it means where that is known."""

    said: str
    name: str | None = None
    cause: str | None = None
    fix: str | None = None


@dataclass(frozen=True)
class ServiceStatus:
    """One ECS service. ``image`` is what its revision names; ``rollouts`` has several rows while one is under way."""

    name: str
    desired: int
    running: int
    pending: int
    scaling: Scaling | None
    revision: str
    image: str
    rollouts: tuple[Rollout, ...]
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True)
class QueueStatus:
    """A work queue: messages that wait, that are in work, and that were given up. About, as SQS has it."""

    name: str
    waiting: int
    in_work: int
    dead: int


@dataclass(frozen=True)
class UnderWay:
    """The deployment that was begun and has not ended."""

    id: str
    kind: str
    state: str
    by: str
    since: datetime
    services: tuple[str, ...]


@dataclass(frozen=True)
class Stopped:
    """What stop-services remembers: since when, by whom, and how far it or start-services has come."""

    phase: str
    since: datetime
    by: str
    services: dict[str, int]
    """The desired counts that start-services brings back."""


@dataclass(frozen=True)
class Overview:
    """An environment at one moment."""

    environment: str
    services: tuple[ServiceStatus, ...]
    queues: tuple[QueueStatus, ...]
    deployment: UnderWay | None
    codedeploy: tuple[str, ...]
    """CodeDeploy's deployments that have not ended."""
    stopped: Stopped | None


@dataclass(frozen=True)
class Watcher:
    """Looks at an environment, again and again; what can't change is asked for once."""

    environment: str
    site: Site
    place: Place
    _images: dict[str, dict[str, Any]] = field(default_factory=dict)

    def look(self) -> Overview:
        """Return the environment as it is now. Raises ThothError where it was never applied."""
        clients, place = self.site.clients, self.place
        found = all_of(clients, place)
        with ThreadPoolExecutor(_THREADS) as pool:
            scaling = pool.submit(scaling_of, clients, place.cluster)
            stopped = pool.submit(stopping.recall, clients, place)
            deployment = pool.submit(_under_way, Ledger.of(clients, place))
            depths = pool.submit(queues, clients, place.cluster)
            busy = code_deploying(self.site)
            weights = {name: share for one in busy for name, share in blue_green.traffic(self.site, one).items()}
            services = pool.map(
                lambda name: self._service(found[name], scaling.result().get(name), weights), place.services
            )
            memory = stopped.result()
            return Overview(
                self.environment,
                tuple(services),
                depths.result(),
                deployment.result(),
                tuple(busy),
                _stopped(memory) if memory else None,
            )

    def _service(self, found: dict[str, Any], scaling: Scaling | None, weights: Mapping[str, float]) -> ServiceStatus:
        name = found["serviceName"]
        return ServiceStatus(
            name,
            found["desiredCount"],
            found["runningCount"],
            found["pendingCount"],
            scaling,
            _short(found["taskDefinition"]),
            image_of(self._definition(found["taskDefinition"]), name),
            tuple(rollouts(found, weights)),
            self._troubles(found),
        )

    def _definition(self, revision: str) -> dict[str, Any]:
        # A revision never changes.
        if revision not in self._images:
            answer = self.site.clients("ecs").describe_task_definition(taskDefinition=revision)
            self._images[revision] = answer["taskDefinition"]
        return self._images[revision]

    def _troubles(self, found: dict[str, Any]) -> tuple[Trouble, ...]:
        since = self.site.now() - _RECENT
        events = found.get("events", ())
        if steady := next((event for event in events if _STEADY in event["message"]), None):
            since = max(since, steady["createdAt"])
        said = news_of(found, since)
        # A task that fails again and again runs in between: only a steady state says that all is well.
        if not events or _STEADY not in events[0]["message"]:
            stopped = failures_of(self.site, found["serviceName"], found["taskDefinition"], since)
            said += [*map(why_stopped, stopped), *refusals_of(self.site, found, since)]
        return told(said)


def told(said: Iterable[str]) -> tuple[Trouble, ...]:
    """Return what was said, each cause once, with what it means; the latest first and not too many."""
    troubles: dict[str, Trouble] = {}
    for text in said:
        row = diagnose(text)
        troubles.setdefault(
            row.name if row else text,
            Trouble(text, row.name, row.cause, row.fix) if row else Trouble(text),
        )
    return tuple(troubles.values())[:_MOST_TROUBLES]


def rollouts(service: Mapping[str, Any], weights: Mapping[str, float]) -> Iterable[Rollout]:
    """Yield what ECS shows of a service's deployments or task sets; ``weights`` has the traffic while it is shifted."""
    for one in service.get("deployments", ()):
        yield Rollout(
            one["id"],
            one["status"],
            one.get("rolloutState", ""),
            one.get("rolloutStateReason", ""),
            _short(one["taskDefinition"]),
            one["desiredCount"],
            one["runningCount"],
            one["pendingCount"],
            one.get("failedTasks", 0),
        )
    for one in service.get("taskSets", ()):
        yield Rollout(
            one["id"],
            one["status"],
            one["stabilityStatus"],
            "",
            _short(one["taskDefinition"]),
            one["computedDesiredCount"],
            one["runningCount"],
            one["pendingCount"],
            0,
            weights.get(one["id"], 100.0 if one["status"] == "PRIMARY" else 0.0),
        )


def queues(clients: Clients, prefix: str) -> tuple[QueueStatus, ...]:
    """Return how many messages the environment's queues hold; queues that are not there are left out."""
    sqs = clients("sqs")
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=f"{prefix}-")
    urls = {url.rpartition("/")[2]: url for page in pages for url in page.get("QueueUrls", ())}
    depths = {
        name: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[_WAITING, _IN_WORK])["Attributes"]
        for name, url in urls.items()
        if name in {f"{prefix}-{queue.name}{suffix}" for queue in QUEUES for suffix in ("", "-dlq")}
    }
    return tuple(
        QueueStatus(
            queue.name,
            waiting=int(depths[f"{prefix}-{queue.name}"][_WAITING]),
            in_work=int(depths[f"{prefix}-{queue.name}"][_IN_WORK]),
            dead=int(depths.get(f"{prefix}-{queue.name}-dlq", {}).get(_WAITING, 0)),
        )
        for queue in QUEUES
        if f"{prefix}-{queue.name}" in depths
    )


_WAITING: Final = "ApproximateNumberOfMessages"
_IN_WORK: Final = "ApproximateNumberOfMessagesNotVisible"


def _under_way(ledger: Ledger) -> UnderWay | None:
    held = ledger.read()
    if held is None or held.deployment.ended:
        return None
    found = held.deployment
    services = tuple(part.service for part in found.parts)
    return UnderWay(found.id, found.kind, found.state, found.by, found.moments[0].at, services)


def _stopped(memory: stopping.Memory) -> Stopped:
    return Stopped(memory.phase, memory.at, memory.by, {one.name: one.desired for one in memory.services})


def _short(arn: str) -> str:
    return arn.rpartition("/")[2]
