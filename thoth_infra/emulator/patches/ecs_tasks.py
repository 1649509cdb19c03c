"""Tasks of ECS: run, shown, stopped, protected, and entered."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.responses import EC2ContainerServiceResponse as Response

from thoth_infra.emulator.ecs import tasks as life
from thoth_infra.emulator.ecs.records import Task
from thoth_infra.emulator.ecs.surroundings import durations
from thoth_infra.emulator.ecs.world import World
from thoth_infra.emulator.patches import ecs_answers as answers
from thoth_infra.emulator.patches.ecs_world import world_of
from thoth_infra.emulator.patches.registry import action, patch


@patch("ecs", needed=lambda: True)
def tasks_live() -> None:
    """moto's tasks run at once and for ever."""

    def run_task(self: Any) -> Any:
        world, around = world_of(self.ecs_backend)
        revision = around.revision(self._get_param("taskDefinition"))
        strategy = self._get_param("capacityProviderStrategy") or []
        provider = strategy[0]["capacityProvider"] if strategy else self._get_param("launchType") or "FARGATE"
        token = self._get_param("clientToken") or ""
        if known := [task for task in world.tasks.values() if token and task.token == token]:
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
                token=token,
            )
            started.append(world.run(task, around, durations()))
        return ActionResult({"tasks": [_shown(self, world, task) for task in started], "failures": []})

    def stop_task(self: Any) -> Any:
        world, _ = world_of(self.ecs_backend)
        task = world.tasks.get(self._get_param("task").rpartition("/")[2])
        if task is None:
            raise InvalidParameterException("The referenced task was not found.")
        life.stop(task, world.now, durations(), code="UserInitiated",
                  reason=self._get_param("reason") or "Task stopped by user")  # fmt: skip
        return ActionResult({"task": _shown(self, world, task)})

    for replaced in (run_task, stop_task):
        setattr(Response, replaced.__name__, replaced)


@patch("ecs", needed=lambda: True)
def tasks_are_shown() -> None:
    """moto's tasks run at once and for ever, and ListTasks does not know which service a task is of."""

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

        def matches(task: Task) -> bool:
            return (
                ("RUNNING" if task.going else "STOPPED") == wanted
                and (not service or task.service == f"{cluster.name}/{service.rpartition('/')[2]}")
                and (not family or f"/{family}:" in task.revision.arn)
                and (not host or task.host == host.rpartition("/")[2])
                and (not started_by or task.started_by == started_by)
            )

        found = filter(matches, world.tasks.values())
        return ActionResult({"taskArns": [answers.task_arn(task, self.ecs_backend, cluster.name) for task in found]})

    for replaced in (describe_tasks, list_tasks):
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
                "The execute command failed because execute command was not enabled when the task was run or the "
                "execute command agent isn’t running. Wait and try again or run a new task with execute command "
                "enabled and try again."
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
