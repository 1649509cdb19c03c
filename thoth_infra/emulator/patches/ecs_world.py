"""Services of ECS: our simulation in the place of moto's fixed answers."""

from __future__ import annotations

import threading
import time
from typing import Any

from moto.ecs.exceptions import ECSException, InvalidParameterException
from moto.ecs.responses import EC2ContainerServiceResponse as Response

from thoth_infra.emulator.ecs.records import Service
from thoth_infra.emulator.ecs.surroundings import Durations, durations
from thoth_infra.emulator.ecs.world import World
from thoth_infra.emulator.patches import ecs_answers as answers
from thoth_infra.emulator.patches.ecs_around import Moto
from thoth_infra.emulator.patches.registry import kept_on, patch, wrap

_LIKE = ("networkConfiguration", "capacityProviderStrategy", "serviceConnectConfiguration", "platformVersion")


def world_of(backend: Any, lasts: Durations | None = None) -> tuple[World, Moto]:
    """Return the world of an ECS backend, brought up to now."""
    around = Moto(backend)
    world: World = kept_on(backend, "world").setdefault("world", None) or World(time.time())
    kept_on(backend, "world")["world"] = world
    world.advance(time.time(), around, lasts or durations())
    return world, around


def show(world: World, moto_service: Any) -> None:
    """Write what the simulation knows of a service onto moto's model of it, which the API shows."""
    service = world.services.get(f"{moto_service.cluster_name}/{moto_service.name}")
    if service is None:
        return
    tasks = world.of_service(service)
    moto_service.desired_count = service.desired
    moto_service.running_count = sum(task.phase == "RUNNING" for task in tasks)
    moto_service.pending_count = sum(task.phase in ("PROVISIONING", "PENDING") for task in tasks)
    moto_service.events = answers.events(service.events)
    if service.blue_green:
        moto_service.deployments = []
        moto_service.task_sets = [answers.task_set(one, service, tasks, moto_service.arn) for one in service.sets]
        primary = service.primary
        if primary is not None:
            moto_service.task_definition = primary.revision.arn
        return
    like = {key: value for key in _LIKE if (value := getattr(moto_service, key, None))}
    if not getattr(moto_service, "capacityProviderStrategy", None):
        like["launchType"] = moto_service.launch_type
    moto_service.deployments = [answers.deployment(one, service, tasks, like) for one in service.sets]
    primary = service.primary
    if primary is not None:
        moto_service.task_definition = primary.revision.arn


def _configure(service: Service, moto_service: Any, asked: dict[str, Any]) -> None:
    """Take over what CreateService or UpdateService says of a service."""
    if (count := asked.get("desiredCount")) is not None:
        service.desired = int(count)
    if strategy := asked.get("capacityProviderStrategy"):
        service.strategy = tuple(
            (row["capacityProvider"], row.get("base", 0), row.get("weight", 0)) for row in strategy
        )
    if configuration := asked.get("deploymentConfiguration"):
        service.minimum_percent = configuration.get("minimumHealthyPercent", service.minimum_percent)
        service.maximum_percent = configuration.get("maximumPercent", service.maximum_percent)
        breaker = configuration.get("deploymentCircuitBreaker") or {}
        service.breaker, service.breaker_rolls_back = bool(breaker.get("enable")), bool(breaker.get("rollback"))
        alarms = configuration.get("alarms") or {}
        service.alarms = tuple(alarms.get("alarmNames", ())) if alarms.get("enable") else ()
        service.alarms_roll_back = bool(alarms.get("rollback"))
    if (grace := asked.get("healthCheckGracePeriodSeconds")) is not None:
        service.grace_period = float(grace)
    if (execute := asked.get("enableExecuteCommand")) is not None:
        service.exec_enabled = bool(execute)
    network = (asked.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    service.subnets = tuple(network.get("subnets", service.subnets))
    service.blue_green = (moto_service.deployment_controller or {}).get("type") == "CODE_DEPLOY"


def _replace(world: World, around: Moto, service: Service, moto_service: Any, asked: dict[str, Any]) -> None:
    """Begin the deployment that an UpdateService asks for, if it asks for one."""
    forced = bool(asked.get("forceNewDeployment"))
    if not forced and not asked.get("taskDefinition"):
        return
    wanted = around.revision(asked.get("taskDefinition") or moto_service.task_definition)
    primary = service.primary
    if forced or primary is None or wanted.arn != primary.revision.arn:
        world.deploy(service.key, wanted, around, fresh=forced)


# One request at a time looks at the world and changes it.
ALONE = threading.RLock()


@patch("ecs", needed=lambda: True)
def one_at_a_time() -> None:
    """moto answers requests in several threads at once; the simulation is not made for that."""

    @wrap(Response, "call_action")
    def call_action(original: Any, self: Any) -> Any:
        with ALONE:
            return original(self)


@patch("ecs", needed=lambda: True)
def services_work() -> None:
    """moto's services start nothing, keep one deployment that is complete at once, and have no events."""

    @wrap(Response, "create_service")
    def create_service(original: Any, self: Any) -> Any:
        asked = self._get_params()
        world, around = world_of(self.ecs_backend)
        answer = original(self)
        moto_service = answer.result["service"]
        provider = "FARGATE" if asked.get("launchType") == "FARGATE" else "EC2"
        service = Service(moto_service.cluster_name, moto_service.name, 0, ((provider, 0, 1),))
        service.tags = list(asked.get("tags") or ()) if asked.get("propagateTags") == "SERVICE" else []
        _configure(service, moto_service, asked)
        if moto_service.task_definition:
            world.put_service(service, around.revision(moto_service.task_definition), around)
            if service.blue_green and service.sets and moto_service.load_balancers:
                service.sets[0].target_group = moto_service.load_balancers[0].get("targetGroupArn", "")
        world.advance(time.time(), around, durations())
        show(world, moto_service)
        return answer

    @wrap(Response, "update_service")
    def update_service(original: Any, self: Any) -> Any:
        asked = self._get_params()
        world, around = world_of(self.ecs_backend)
        moto_service = self.ecs_backend._get_service(asked.get("cluster", "default"), asked["service"])
        if moto_service.status != "ACTIVE":
            raise ECSException("ServiceNotActiveException", "Service was not ACTIVE.")
        blue_green = (moto_service.deployment_controller or {}).get("type") == "CODE_DEPLOY"
        if blue_green and (asked.get("taskDefinition") or asked.get("forceNewDeployment")):
            raise InvalidParameterException(_LEFT_TO_CODEDEPLOY)
        if asked.get("taskDefinition"):
            self.ecs_backend.describe_task_definition(asked["taskDefinition"])
        answer = original(self)
        moto_service = answer.result["service"]
        service = world.services.get(f"{moto_service.cluster_name}/{moto_service.name}")
        if service is not None:
            _configure(service, moto_service, asked)
            _replace(world, around, service, moto_service, asked)
            world.advance(time.time(), around, durations())
            show(world, moto_service)
        return answer


@patch("ecs", needed=lambda: True)
def services_are_shown() -> None:
    """moto shows what was asked for, not what runs."""

    @wrap(Response, "delete_service")
    def delete_service(original: Any, self: Any) -> Any:
        world, _ = world_of(self.ecs_backend)
        answer = original(self)
        moto_service = answer.result["service"]
        world.remove_service(f"{moto_service.cluster_name}/{moto_service.name}")
        moto_service.running_count = moto_service.desired_count = 0
        return answer

    @wrap(Response, "describe_services")
    def describe_services(original: Any, self: Any) -> Any:
        world, _ = world_of(self.ecs_backend)
        answer = original(self)
        for moto_service in answer.result["services"]:
            show(world, moto_service)
        return answer


_LEFT_TO_CODEDEPLOY = (
    "Unable to update task definition on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to "
    "trigger a new deployment."
)
