"""Surroundings for the simulated ECS, without moto: images, hosts and alarms are what a test says."""

# ruff: noqa: ARG002 - a stand-in takes what the protocol gives it

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from thoth_infra.emulator.ecs.records import Behaviour, HealthCheck, Host, Revision, Service, Task
from thoth_infra.emulator.ecs.surroundings import Durations
from thoth_infra.emulator.ecs.world import World

LASTS = Durations(pace=1.0)
CHECK = HealthCheck(interval=30, retries=3, start_period=60)


@dataclass
class Around:
    """The rest of AWS, as a test wants it."""

    images: dict[str, Behaviour | None] = field(default_factory=dict)
    capacity: int = 100
    alarms: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    routed: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    launched: int = 0
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def behaviour(self, image: str) -> Behaviour | None:
        return self.images.get(image, Behaviour(digest=image))

    def is_managed(self, provider: str) -> bool:
        return provider == "gpu"

    def launch(self, cluster: str, provider: str) -> Host | str:
        if self.launched - len(self.gone) >= self.capacity:
            return "We currently do not have sufficient g4dn.xlarge capacity"
        self.launched += 1
        number = self.launched
        return Host(
            f"h{number}", cluster, provider, f"i-{number}", "g4dn.xlarge", "us-east-1a", "ami", 1, 4, 16000, 0.0
        )

    def living(self, instance_ids: Sequence[str]) -> set[str]:
        return set(instance_ids) - self.gone

    def interrupted(self, instance_id: str) -> bool:
        return True

    def retire(self, host: Host) -> None:
        self.gone.add(host.instance_id)

    def alarming(self, names: Sequence[str]) -> str | None:
        return next((name for name in names if name in self.alarms), None)

    def route(self, listeners: Sequence[str], target_group: str) -> None:
        self.routed.append(target_group)

    def say(self, task: Task, lines: Sequence[str], at: float) -> None:
        self.said += lines

    def revision(self, arn: str) -> Revision:
        return revision(arn)

    def unique(self) -> str:
        return f"{next(self._numbers):015x}{0:017x}"


def revision(name: str, *, gpus: int = 0, check: HealthCheck | None = CHECK) -> Revision:
    """Return a revision whose one image has the revision's name."""
    return Revision(name, (("app", name),), gpus=gpus, memory=1000, health_check=check)


@dataclass
class Stage:
    """A world with one service, and a clock that only tests move."""

    around: Around
    service: Service
    world: World = field(default_factory=lambda: World(0.0))

    def open(self, name: str = "good:1") -> Stage:
        """Start the service with a revision and let it settle."""
        self.world.put_service(self.service, revision(name, gpus=self.gpus), self.around)
        return self.after(2000)

    @property
    def gpus(self) -> int:
        return int(self.service.strategy[0][0] == "gpu")

    def roll(self, name: str) -> Stage:
        """Begin a deployment."""
        self.world.deploy(self.service.key, revision(name, gpus=self.gpus), self.around)
        return self

    def after(self, seconds: float) -> Stage:
        """Let time pass."""
        self.world.advance(self.world.now + seconds, self.around, LASTS)
        return self

    def running(self) -> list[str]:
        """Return the revisions of the tasks that run, sorted."""
        return sorted(task.revision.arn for task in self.world.tasks.values() if task.phase == "RUNNING")

    @property
    def going(self) -> list[Task]:
        return [task for task in self.world.tasks.values() if task.going]


def stage(desired: int = 2, provider: str = "FARGATE", **settings: object) -> Stage:
    """Return a world whose one service has a circuit breaker."""
    service = Service("ai", "worker", desired, ((provider, 0, 1),), breaker=True, breaker_rolls_back=True)
    for name, value in settings.items():
        setattr(service, name, value)
    return Stage(Around(), service)
