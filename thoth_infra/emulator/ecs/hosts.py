"""Instances that hold GPU tasks: placing a task on one, asking for one more, noticing that one is gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from thoth_infra.emulator.ecs import tasks as life
from thoth_infra.emulator.ecs.records import Host, Task
from thoth_infra.emulator.ecs.surroundings import Durations, Surroundings


class Hosts:
    """The hosts of all clusters."""

    def __init__(self) -> None:
        self.all: dict[str, Host] = {}
        self.refusals: dict[str, str] = {}
        """Why a capacity provider could not start its last instance."""

    def due(self) -> float | None:
        """Return when the next host joins its cluster."""
        return min((host.joins_at for host in self.all.values()), default=None)

    def joined(self, cluster: str, now: float) -> tuple[Host, ...]:
        """Return the hosts that have joined a cluster."""
        return tuple(host for host in self.all.values() if host.cluster == cluster and host.joins_at <= now)

    def place(self, task: Task, cluster: str, tasks: Sequence[Task], now: float, lasts: Durations) -> bool:
        """Put a task that waits on a host that has room; the fullest one first."""
        fitting = [
            host
            for host in self.joined(cluster, now)
            if host.provider == task.provider and not host.draining and _fits(host, task, tasks)
        ]
        if not fitting:
            return False
        host = min(fitting, key=lambda one: one.free_memory(tasks))
        task.host, task.due_at = host.id, now + lasts.scaled(lasts.provision)
        host.idle_since = None
        return True

    def ask(self, cluster: str, waiting: Sequence[Task], around: Surroundings, now: float, lasts: Durations) -> None:
        """Let each capacity provider whose tasks wait start the instances that they lack."""
        for provider in dict.fromkeys(task.provider for task in waiting):
            lacking = sum(task.revision.gpus or 1 for task in waiting if task.provider == provider)
            booting = sum(host.gpus for host in self.all.values() if host.provider == provider and host.joins_at > now)
            while lacking > booting:
                host = around.launch(cluster, provider)
                if isinstance(host, str):
                    self.refusals[provider] = host
                    break
                self.refusals.pop(provider, None)
                host.joins_at = now + lasts.scaled(lasts.boot)
                self.all[host.id] = host
                booting += max(1, host.gpus)

    def look(self, tasks: Iterable[Task], around: Surroundings, now: float) -> list[Task]:
        """Forget hosts whose instance is gone, and end their tasks; return those."""
        living = around.living([host.instance_id for host in self.all.values()])
        ended = []
        for host in [one for one in self.all.values() if one.instance_id not in living]:
            why = f"Host EC2 (instance {host.instance_id}) terminated."
            if around.interrupted(host.instance_id):
                why = f"Host EC2 (instance {host.instance_id}) terminated: the Spot instance was interrupted."
            for task in tasks:
                if task.host == host.id and task.phase != "STOPPED":
                    life.vanish(task, now, reason=why)
                    ended.append(task)
            del self.all[host.id]
        return ended

    def retire_idle(self, tasks: Sequence[Task], around: Surroundings, now: float, lasts: Durations) -> None:
        """End instances that have had no task for a while."""
        for host in list(self.all.values()):
            if host.joins_at > now or any(task.host == host.id and task.phase != "STOPPED" for task in tasks):
                host.idle_since = None
            elif host.idle_since is None:
                host.idle_since = now
            elif now - host.idle_since >= lasts.scaled(lasts.idle_host):
                around.retire(host)
                del self.all[host.id]


def _fits(host: Host, task: Task, tasks: Sequence[Task]) -> bool:
    return host.free_gpus(tasks) >= task.revision.gpus and host.free_memory(tasks) >= task.revision.memory
