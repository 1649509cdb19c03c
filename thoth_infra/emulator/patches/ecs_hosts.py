"""Container instances of ECS: they join by themselves, have GPUs, and go when their instance is gone."""

from __future__ import annotations

import time
from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.exceptions import EcsClientException
from moto.ecs.responses import EC2ContainerServiceResponse as Response

from thoth_infra.emulator.ecs import tasks as life
from thoth_infra.emulator.ecs.surroundings import durations
from thoth_infra.emulator.ecs.world import World
from thoth_infra.emulator.patches import ecs_answers as answers
from thoth_infra.emulator.patches.ecs_world import world_of
from thoth_infra.emulator.patches.registry import patch


@patch("ecs", needed=lambda: True)
def hosts_join() -> None:
    """moto's container instances are registered by hand, have no GPU and stay when their instance is gone."""

    def list_container_instances(self: Any) -> Any:
        world, _ = world_of(self.ecs_backend)
        cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default"))
        wanted = self._get_param("status")
        found = world.hosts.joined(cluster.name, world.now)
        kept = [host for host in found if not wanted or wanted == ("DRAINING" if host.draining else "ACTIVE")]
        return ActionResult({"containerInstanceArns": [answers.instance_arn(host, self.ecs_backend) for host in kept]})

    def describe_container_instances(self: Any) -> Any:
        world, _ = world_of(self.ecs_backend)
        found = _hosts(self, world)
        tasks = list(world.tasks.values())
        shown = [answers.container_instance(host, self.ecs_backend, tasks) for host in found]
        return ActionResult({"containerInstances": shown, "failures": []})

    def update_container_instances_state(self: Any) -> Any:
        world, around = world_of(self.ecs_backend)
        draining = self._get_param("status") == "DRAINING"
        found = _hosts(self, world)
        for host in found:
            host.draining = draining
        if draining:
            for task in world.tasks.values():
                if task.host in {host.id for host in found} and task.service:
                    life.stop(task, world.now, durations(), code="ServiceSchedulerInitiated", reason=_DRAINED)
        world.advance(time.time(), around, durations())
        tasks = list(world.tasks.values())
        shown = [answers.container_instance(host, self.ecs_backend, tasks) for host in found]
        return ActionResult({"containerInstances": shown, "failures": []})

    for replaced in (list_container_instances, describe_container_instances, update_container_instances_state):
        setattr(Response, replaced.__name__, replaced)


_DRAINED = "Task stopped: its container instance is draining"


def _hosts(response: Any, world: World) -> list[Any]:
    ids = {asked.rpartition("/")[2] for asked in response._get_param("containerInstances") or []}
    if not ids:
        raise EcsClientException("Container Instances cannot be empty.")
    return [host for host in world.hosts.all.values() if host.id in ids]
