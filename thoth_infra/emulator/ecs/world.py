"""The emulated ECS of one account and region, brought up to the time of each request."""

from __future__ import annotations

from thoth_infra.emulator.ecs import tasks as life
from thoth_infra.emulator.ecs.blue_green import BlueGreen, Deployer
from thoth_infra.emulator.ecs.hosts import Hosts
from thoth_infra.emulator.ecs.records import Revision, Service, Task, TaskSet
from thoth_infra.emulator.ecs.rolling import Roller, open_set, tell
from thoth_infra.emulator.ecs.surroundings import Durations, Surroundings

# A service that crashes for days while nobody looks is not lived through task by task.
_MOST_STEPS = 5000


class World:
    """Services, tasks and hosts. Every method takes the time, in seconds since the epoch, which never goes back."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.services: dict[str, Service] = {}
        self.tasks: dict[str, Task] = {}
        self.hosts = Hosts()
        self.deployments: dict[str, BlueGreen] = {}

    def put_service(self, service: Service, revision: Revision, around: Surroundings) -> None:
        """Add a service, with its first deployment or task set."""
        self.services[service.key] = service
        open_set(service, revision, self.now, around)

    def deploy(self, key: str, revision: Revision, around: Surroundings, *, fresh: bool = False) -> TaskSet:
        """Begin a rolling deployment of a revision; with ``fresh`` its tasks are all started anew."""
        return open_set(self.services[key], revision, self.now, around, fresh=fresh)

    def remove_service(self, key: str) -> None:
        """Stop all of a service's tasks and forget it."""
        self.services.pop(key, None)
        for task in self.tasks.values():
            if task.service == key:
                life.vanish(task, self.now, reason="Task stopped: its service was deleted")

    def run(self, task: Task, around: Surroundings, lasts: Durations) -> Task:
        """Start a task of no service."""
        self.tasks[task.id] = task
        if not around.is_managed(task.provider):
            task.due_at = self.now + lasts.scaled(lasts.provision)
        return task

    def of_service(self, service: Service) -> list[Task]:
        """Return a service's tasks, stopped ones among them."""
        return [task for task in self.tasks.values() if task.service == service.key]

    def advance(self, now: float, around: Surroundings, lasts: Durations) -> None:
        """Let everything happen that is due until ``now``, in order."""
        # What was asked for since the last time begins at that time.
        self._look(around, lasts)
        for _ in range(_MOST_STEPS):
            at = min(self._due(around, lasts), default=None)
            if at is None or at > now:
                break
            self.now = max(self.now, at)
            self._look(around, lasts)
        self.now = max(self.now, now)
        self._look(around, lasts)

    def _due(self, around: Surroundings, lasts: Durations) -> list[float]:
        """Return the times at which something happens, all later than now unless it is overdue."""
        times = [at for task in self.tasks.values() if (at := life.due(task)) is not None]
        times += [host.joins_at for host in self.hosts.all.values() if host.joins_at > self.now]
        for service in self.services.values():
            for one in service.sets:
                times += [one.retry_at] if one.retry_at > self.now else []
                if one.steady_since is not None and one.rollout == "IN_PROGRESS":
                    end = one.steady_since + lasts.scaled(lasts.bake)
                    times += [end] if end > self.now else []
        times += [at for task in self._waiting(around) if (at := _noticed_at(task, lasts)) > self.now]
        deployer = Deployer(self, around, lasts)
        return times + [at for one in self.deployments.values() for at in deployer.due(one)]

    def _look(self, around: Surroundings, lasts: Durations) -> None:
        tasks = list(self.tasks.values())
        self.hosts.look(tasks, around, self.now)
        for task in tasks:
            life.step(task, self.now, around, lasts)
        for service in self.services.values():
            for started in Roller(service, tasks, self.now, around, lasts).look():
                self.tasks[started.id] = started
        deployer = Deployer(self, around, lasts)
        for deployment in self.deployments.values():
            deployer.look(deployment)
        self._place(around, lasts)
        self.hosts.retire_idle(list(self.tasks.values()), around, self.now, lasts)
        self._forget(lasts)

    def _place(self, around: Surroundings, lasts: Durations) -> None:
        tasks = list(self.tasks.values())
        for cluster in {service.cluster for service in self.services.values()}:
            waiting = [task for task in self._waiting(around) if task.service.startswith(f"{cluster}/")]
            left = [task for task in waiting if not self.hosts.place(task, cluster, tasks, self.now, lasts)]
            noticed = [task for task in left if self.now >= _noticed_at(task, lasts)]
            self.hosts.ask(cluster, noticed, around, self.now, lasts)
            for task in left:
                if task.provider in self.hosts.refusals and (service := self.services.get(task.service)):
                    tell(service, self.now, _NO_ROOM, around)

    def _waiting(self, around: Surroundings) -> list[Task]:
        """Return the tasks that need a host and have none."""
        waiting = [task for task in self.tasks.values() if task.phase == "PROVISIONING" and task.host is None]
        return [task for task in waiting if around.is_managed(task.provider)]

    def _forget(self, lasts: Durations) -> None:
        old = self.now - lasts.keep_stopped
        for key in [key for key, task in self.tasks.items() if task.stopped_at is not None and task.stopped_at < old]:
            del self.tasks[key]


def _noticed_at(task: Task, lasts: Durations) -> float:
    return task.created_at + lasts.scaled(lasts.notice)


_NO_ROOM = (
    "was unable to place a task because no container instance met all of its requirements. "
    "Reason: No Container Instances were found in your capacity provider."
)
