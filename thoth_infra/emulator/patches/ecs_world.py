"""Services, tasks and hosts of ECS: our simulation in the place of moto's fixed answers."""

from __future__ import annotations

import threading
import time
from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.exceptions import EcsClientException, ECSException, InvalidParameterException
from moto.ecs.responses import EC2ContainerServiceResponse as Response

from thoth_infra.emulator.ecs import tasks as life
from thoth_infra.emulator.ecs.records import Service, Task
from thoth_infra.emulator.ecs.surroundings import Durations, durations
from thoth_infra.emulator.ecs.world import World
from thoth_infra.emulator.patches import ecs_answers as answers
from thoth_infra.emulator.patches.ecs_around import Moto
from thoth_infra.emulator.patches.registry import action, kept_on, patch, wrap

_LIKE = ("networkConfiguration", "capacityProviderStrategy", "serviceConnectConfiguration", "platformVersion")


def world_of(backend: Any, lasts: Durations | None = None) -> tuple[World, Moto]:
    """Return the world of an ECS backend, brought up to now."""
    around = Moto(backend)
    world: World = kept_on(backend, "world").setdefault("world", None) or World(time.time())
    kept_on(backend, "world")["world"] = world
    world.advance(time.time(), around, lasts or durations())
    return world, around


def show(backend: Any, world: World, moto_service: Any) -> None:
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
        show(self.ecs_backend, world, moto_service)
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
            if asked.get("taskDefinition") or asked.get("forceNewDeployment"):
                wanted = around.revision(asked.get("taskDefinition") or moto_service.task_definition)
                primary = service.primary
                if asked.get("forceNewDeployment") or primary is None or wanted.arn != primary.revision.arn:
                    world.deploy(service.key, wanted, around, fresh=bool(asked.get("forceNewDeployment")))
            world.advance(time.time(), around, durations())
            show(self.ecs_backend, world, moto_service)
        return answer

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
            show(self.ecs_backend, world, moto_service)
        return answer


_LEFT_TO_CODEDEPLOY = (
    "Unable to update task definition on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to "
    "trigger a new deployment."
)


@patch("ecs", needed=lambda: True)
def tasks_live() -> None:
    """moto's tasks run at once and for ever, and ListTasks does not know which service a task is of."""

    def run_task(self: Any) -> Any:
        world, around = world_of(self.ecs_backend)
        revision = around.revision(self._get_param("taskDefinition"))
        strategy = self._get_param("capacityProviderStrategy") or []
        provider = strategy[0]["capacityProvider"] if strategy else self._get_param("launchType") or "FARGATE"
        if known := [
            task for task in world.tasks.values() if task.token and task.token == self._get_param("clientToken")
        ]:
            return ActionResult({"tasks": [_shown(self, world, task) for task in known], "failures": []})
        overrides = self._get_param("overrides") or {}
        command = [word for one in overrides.get("containerOverrides", ()) for word in one.get("command") or ()]
        started = []
        for _ in range(self._get_int_param("count", 1) or 1):
            task = Task(
                around.unique(),
                revision,
                provider,
                world.now,
                started_by=self._get_param("startedBy") or "",
                group=self._get_param("group") or f"family:{revision.arn.rpartition('/')[2].partition(':')[0]}",
                command=tuple(command),
                tags=list(self._get_param("tags") or ()),
                overrides=overrides,
                token=self._get_param("clientToken") or "",
            )
            started.append(world.run(task, around, durations()))
        return ActionResult({"tasks": [_shown(self, world, task) for task in started], "failures": []})

    def describe_tasks(self: Any) -> Any:
        world, _ = world_of(self.ecs_backend)
        cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default"))
        found, missing = [], []
        for asked in self._get_param("tasks") or []:
            task = world.tasks.get(asked.rpartition("/")[2])
            if task is None:
                arn = asked if asked.startswith("arn:") else f"{cluster.arn.replace(':cluster/', ':task/')}/{asked}"
                missing.append({"arn": arn, "reason": "MISSING"})
            else:
                found.append(_shown(self, world, task))
        return ActionResult({"tasks": found, "failures": missing})

    def list_tasks(self: Any) -> Any:
        world, _ = world_of(self.ecs_backend)
        cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default"))
        wanted = self._get_param("desiredStatus") or "RUNNING"
        service, family = self._get_param("serviceName"), self._get_param("family")
        host, started_by = self._get_param("containerInstance"), self._get_param("startedBy")
        if service:
            self.ecs_backend._get_service(cluster.name, service)
        arns = [
            answers.task_arn(task, self.ecs_backend, cluster.name)
            for task in world.tasks.values()
            if ("RUNNING" if task.going else "STOPPED") == wanted
            and (not service or task.service == f"{cluster.name}/{service.rpartition('/')[2]}")
            and (not family or f"/{family}:" in task.revision.arn)
            and (not host or task.host == host.rpartition("/")[2])
            and (not started_by or task.started_by == started_by)
        ]
        return ActionResult({"taskArns": arns})

    def stop_task(self: Any) -> Any:
        world, _ = world_of(self.ecs_backend)
        task = world.tasks.get(self._get_param("task").rpartition("/")[2])
        if task is None:
            raise InvalidParameterException("The referenced task was not found.")
        life.stop(task, world.now, durations(), code="UserInitiated",
                  reason=self._get_param("reason") or "Task stopped by user")  # fmt: skip
        return ActionResult({"task": _shown(self, world, task)})

    for replaced in (run_task, describe_tasks, list_tasks, stop_task):
        setattr(Response, replaced.__name__, replaced)


def _shown(response: Any, world: World, task: Task) -> dict[str, Any]:
    cluster = response.ecs_backend._get_cluster(response._get_param("cluster", "default"))
    return answers.task(task, response.ecs_backend, cluster, world.hosts.all)


@patch("ecs", needed=lambda: True)
def tasks_are_protected() -> None:
    """moto has no task scale-in protection."""

    @action(Response)
    def update_task_protection(self: Any) -> Any:
        world, _ = world_of(self.ecs_backend)
        minutes = self._get_param("expiresInMinutes") or 120
        until = world.now + 60 * minutes if self._get_param("protectionEnabled") else 0.0
        for task in _asked(self, world):
            task.protected_until = until
        return ActionResult(_protections(self, world))

    @action(Response)
    def get_task_protection(self: Any) -> Any:
        world, _ = world_of(self.ecs_backend)
        return ActionResult(_protections(self, world))


def _asked(response: Any, world: World) -> list[Task]:
    ids = [asked.rpartition("/")[2] for asked in response._get_param("tasks") or world.tasks]
    return [world.tasks[one] for one in ids if one in world.tasks]


def _protections(response: Any, world: World) -> dict[str, Any]:
    cluster = response.ecs_backend._get_cluster(response._get_param("cluster", "default"))
    rows = []
    for task in _asked(response, world):
        guarded = task.protected_until > world.now
        row = {"taskArn": answers.task_arn(task, response.ecs_backend, cluster.name), "protectionEnabled": guarded}
        rows.append({**row, "expirationDate": answers.when(task.protected_until)} if guarded else row)
    return {"protectedTasks": rows, "failures": []}


@patch("ecs", needed=lambda: True)
def commands_are_executed() -> None:
    """moto has no ExecuteCommand; the session leads to an address at which nobody answers."""

    @action(Response)
    def execute_command(self: Any) -> Any:
        world, _ = world_of(self.ecs_backend)
        cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default"))
        task = world.tasks.get(self._get_param("task").rpartition("/")[2])
        if task is None or task.phase != "RUNNING":
            raise InvalidParameterException("The execute command failed because the task is not running.")
        if not task.exec_enabled:
            raise InvalidParameterException(
                "The execute command failed because execute command was not enabled when the task was run or the execute "
                "command agent isn’t running. Wait and try again or run a new task with execute command enabled and try "
                "again."
            )
        session = f"ecs-execute-command-{task.id[:17]}"
        region = self.ecs_backend.region_name
        return ActionResult(
            {
                "clusterArn": cluster.arn,
                "taskArn": answers.task_arn(task, self.ecs_backend, cluster.name),
                "containerName": self._get_param("container") or task.revision.images[0][0],
                "interactive": True,
                "session": {
                    "sessionId": session,
                    "streamUrl": f"wss://ssmmessages.{region}.amazonaws.com/v1/data-channel/{session}?role=publish_subscribe",
                    "tokenValue": f"token-of-{task.id}",
                },
            }
        )


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
