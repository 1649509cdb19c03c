"""ECS Exec: the task to enter, and the session in it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from thoth_infra.aws.clients import Clients
from thoth_infra.errors import ThothError

PLUGIN: Final = "session-manager-plugin"
# Later ones read the session, whose token opens it to anybody, from this variable instead of the command line.
_LAST_WITHOUT_VARIABLE: Final = (1, 2, 497, 0)
_VARIABLE: Final = "AWS_SSM_START_SESSION_RESPONSE"
_INSTALL: Final = (
    "install it: https://docs.aws.amazon.com/systems-manager/latest/userguide/"
    "session-manager-working-with-install-plugin.html"
)
_AGENT: Final = "ExecuteCommandAgent"
_HEALTH: Final = {"HEALTHY": 2, "UNKNOWN": 1, "UNHEALTHY": 0}
_AT_ONCE: Final = 100


@dataclass(frozen=True)
class Target:
    """A container of a running task; ``runtime_id`` is Docker's."""

    cluster: str
    task: str
    container: str
    runtime_id: str


@dataclass(frozen=True)
class Session:
    """How the plugin is run; ``variables`` hold the token and must not be shown."""

    argv: tuple[str, ...]
    variables: dict[str, str]


def missing_plugin() -> ThothError:
    """Return the error of a machine without the plugin."""
    return ThothError(f"{PLUGIN} is not installed", _INSTALL)


def check_version(said: str) -> None:
    """Raise ThothError unless the plugin's ``--version`` says that it takes the session from a variable."""
    found = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)\.(\d+)", said.strip())
    if found is None:
        raise ThothError(f"{PLUGIN} --version says {said.strip()[:40]!r}", _INSTALL)
    if tuple(int(part) for part in found.groups()) <= _LAST_WITHOUT_VARIABLE:
        raise ThothError(
            f"{PLUGIN} {found[0]} is too old: it takes the session's token on its command line, for all to see",
            _INSTALL,
        )


def target(clients: Clients, cluster: str, service: str, enabled: bool, task_id: str = "") -> Target:
    """Return the newest healthy task of a service, or ``task_id``.

    ``enabled``: whether the environment's configuration lets people in.

    Raises:
        ThothError: no such task runs, or it can't be entered.
    """
    key = f"services.{service}.exec_enabled"
    if not enabled:
        raise ThothError(f"{service} is closed: {key} is false", f"set {key} to true, apply, and restart the service")
    tasks = _running(clients("ecs"), cluster, service)
    if task_id:
        tasks = [task for task in tasks if _id(task).startswith(task_id)]
    if not tasks:
        wrong = f"no task {task_id} of {service} is running" if task_id else f"no task of {service} is running"
        raise ThothError(wrong, "`thoth-infra status` shows what runs; `thoth-infra start-services` starts it")
    if task_id and len(tasks) > 1:
        raise ThothError(f"{task_id} could be {', '.join(sorted(map(_id, tasks)))}", "give more of the id")
    task = max(tasks, key=lambda one: (_HEALTH.get(one.get("healthStatus", "UNKNOWN"), 1), one["startedAt"], _id(one)))
    if not task.get("enableExecuteCommand"):
        raise ThothError(
            f"task {_id(task)} was started before {key} became true",
            f"replace it: thoth-infra restart-service {service}",
        )
    container = next((one for one in task["containers"] if one["name"] == service), task["containers"][0])
    agents = {one["name"]: one.get("lastStatus", "unknown") for one in container.get("managedAgents", ())}
    if agents.get(_AGENT) != "RUNNING":
        raise ThothError(
            f"the agent of task {_id(task)} is {agents.get(_AGENT, 'missing')}",
            f"it starts a moment after the task: try again; if it stays so: thoth-infra restart-service {service}",
        )
    return Target(cluster, _id(task), container["name"], container["runtimeId"])


def open_session(clients: Clients, where: Target, command: str, profile: str) -> Session:
    """Ask ECS for a session that runs ``command``, and return how the plugin joins it."""
    ecs = clients("ecs")
    try:
        answer = ecs.execute_command(
            cluster=where.cluster, task=where.task, container=where.container, command=command, interactive=True
        )
    except ecs.exceptions.TargetNotConnectedException:
        raise ThothError(
            f"the agent of task {where.task} is not connected",
            "the task's network must reach ssmmessages; then try again",
        ) from None
    asked = {"Target": f"ecs:{where.cluster}_{where.task}_{where.runtime_id}"}
    argv = (PLUGIN, _VARIABLE, clients.region, "StartSession", profile, json.dumps(asked), ecs.meta.endpoint_url)
    return Session(argv, {_VARIABLE: json.dumps(answer["session"])})


def _running(ecs: Any, cluster: str, service: str) -> list[dict[str, Any]]:
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, serviceName=service, desiredStatus="RUNNING")
    arns = [arn for page in pages for arn in page["taskArns"]]
    found: list[dict[str, Any]] = []
    for chunk in _chunks(arns):
        found += ecs.describe_tasks(cluster=cluster, tasks=list(chunk))["tasks"]
    return [task for task in found if task["lastStatus"] == "RUNNING"]


def _chunks(arns: Sequence[str]) -> list[Sequence[str]]:
    return [arns[start : start + _AT_ONCE] for start in range(0, len(arns), _AT_ONCE)]


def _id(task: dict[str, Any]) -> str:
    return str(task["taskArn"]).rpartition("/")[2]
