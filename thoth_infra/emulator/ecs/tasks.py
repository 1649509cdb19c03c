"""The life of one task: provisioned, placed, pulled, run, checked, stopped; and every way in which that ends early."""

from __future__ import annotations

from thoth_infra.emulator.ecs.records import Task
from thoth_infra.emulator.ecs.surroundings import Durations, Surroundings

ESSENTIAL_EXITED = "Essential container in task exited"
UNHEALTHY = "Task failed container health checks"
UNHEALTHY_TARGET = "Task failed ELB health checks"
SCALED_IN = "Scaling activity initiated by deployment"


def due(task: Task) -> float | None:
    """Return when the task next changes by itself."""
    times = [at for at in (task.due_at, task.health_due_at) if at is not None]
    return min(times, default=None)


def step(task: Task, now: float, around: Surroundings, lasts: Durations) -> None:
    """Let what is due at ``now`` happen to the task."""
    if task.health_due_at is not None and task.health_due_at <= now:
        _checked(task, around)
    if task.due_at is None or task.due_at > now:
        return
    task.due_at = None
    if task.phase == "PROVISIONING":
        task.phase, task.due_at = "PENDING", now + lasts.scaled(lasts.pull)
    elif task.phase == "PENDING":
        _start(task, now, around, lasts)
    elif task.phase == "RUNNING":
        _exit(task, now, around)
    elif task.phase == "STOPPING":
        task.phase, task.stopped_at = "STOPPED", now
        task.exit_code = 0 if task.exit_code is None and task.started_at else task.exit_code


def stop(task: Task, now: float, lasts: Durations, *, code: str, reason: str) -> None:
    """Begin to stop a task; one that runs is given the time to end by itself."""
    if task.phase in ("STOPPING", "STOPPED"):
        return
    task.stop_code, task.stopped_reason, task.stopping_at = code, reason, now
    task.health_due_at = None
    task.phase, task.due_at = "STOPPING", now + lasts.scaled(lasts.stop)


def vanish(task: Task, now: float, *, reason: str) -> None:
    """End a task whose host is gone."""
    if task.phase != "STOPPED":
        task.phase, task.stopped_at, task.due_at, task.health_due_at = "STOPPED", now, None, None
        task.stop_code = task.stop_code or "TerminationNotice"
        task.stopped_reason = task.stopped_reason or reason


def _start(task: Task, now: float, around: Surroundings, lasts: Durations) -> None:
    for _, image in task.revision.images:
        found = around.behaviour(image)
        if found is None:
            _could_not_pull(task, image, now)
            return
        task.digest = task.digest or found.digest
    behaviour = around.behaviour(task.revision.images[0][1])
    if behaviour is None:
        raise AssertionError("its image was found a moment ago")
    task.phase, task.started_at = "RUNNING", now
    around.say(task, behaviour.says, now)
    check = task.revision.health_check
    if check and not task.command:
        wait = check.interval if behaviour.healthy else check.start_period + check.interval * check.retries
        task.health_due_at = now + lasts.scaled(wait)
    if task.command:
        task.due_at = now + lasts.scaled(lasts.stop)
    elif behaviour.exit_code is not None:
        task.due_at = now + lasts.scaled(behaviour.exit_after)


def _could_not_pull(task: Task, image: str, now: float) -> None:
    task.phase, task.stopped_at, task.stop_code = "STOPPED", now, "TaskFailedToStart"
    task.stopped_reason = (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
        f"{image}: {image}: not found"
    )
    task.container_reason = task.stopped_reason


def _checked(task: Task, around: Surroundings) -> None:
    task.health_due_at = None
    behaviour = around.behaviour(task.revision.images[0][1])
    task.health = "HEALTHY" if behaviour is None or behaviour.healthy else "UNHEALTHY"
    task.ever_healthy = task.ever_healthy or task.health == "HEALTHY"


def _exit(task: Task, now: float, around: Surroundings) -> None:
    behaviour = around.behaviour(task.revision.images[0][1])
    code = 0
    if task.command and behaviour:
        code = next((code for word, code in behaviour.runs if word in task.command), 0)
    elif behaviour:
        code = behaviour.exit_code or 0
    out_of_memory = bool(behaviour and behaviour.out_of_memory and not task.command)
    task.phase, task.stopped_at, task.health_due_at = "STOPPED", now, None
    task.stop_code, task.stopped_reason = "EssentialContainerExited", ESSENTIAL_EXITED
    task.exit_code = 137 if out_of_memory else code
    if out_of_memory:
        task.container_reason = "OutOfMemoryError: Container killed due to memory usage"
