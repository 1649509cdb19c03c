"""The service scheduler: keep a service's tasks at its desired count, and move them to a new revision.

A rolling deployment starts and stops tasks within the service's healthy percentages. Its circuit breaker gives up after
as many failed tasks as AWS lets it have: half the desired count, between 3 and 200.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from thoth_infra.emulator.ecs import tasks as life
from thoth_infra.emulator.ecs.records import Event, Revision, Service, Task, TaskSet
from thoth_infra.emulator.ecs.surroundings import Durations, Surroundings

_FEWEST_FAILURES, _MOST_FAILURES = 3, 200
_EVENTS = 100


def threshold(desired: int) -> int:
    """Return how many failed tasks make the circuit breaker give up."""
    return min(max(math.ceil(desired / 2), _FEWEST_FAILURES), _MOST_FAILURES)


def tell(service: Service, now: float, message: str, around: Surroundings) -> None:
    """Add an event to the service, newest first; the same one again only after a while."""
    text = f"(service {service.name}) {message}"
    if service.events and service.events[0].message == text:
        return
    service.events.insert(0, Event(around.unique(), now, text))
    del service.events[_EVENTS:]


def open_set(
    service: Service,
    revision: Revision,
    now: float,
    around: Surroundings,
    *,
    rollback: bool = False,
    fresh: bool = False,
) -> TaskSet:
    """Make a deployment of a revision the primary one; the one before it stays until its tasks are gone.

    A deployment of the same revision whose tasks are still there is taken up again, unless it must be a ``fresh`` one.
    """
    known = None if fresh else next((one for one in service.sets if one.revision.arn == revision.arn), None)
    for one in service.sets:
        one.status = "ACTIVE"
    if known is not None and known.rollout != "FAILED":
        known.status, known.rollout, known.updated_at, known.steady_since = "PRIMARY", "IN_PROGRESS", now, None
        known.is_rollback, known.reason = rollback, f"ECS deployment {known.id} in progress."
        service.sets.remove(known)
        service.sets.insert(0, known)
        return known
    number = int(around.unique()[:15], 16)
    made = TaskSet(f"ecs-svc/{number:019d}", revision, now, updated_at=now, is_rollback=rollback)
    made.reason = f"ECS deployment {made.id} in progress."
    service.sets.insert(0, made)
    return made


class Roller:
    """One look of the scheduler at one service."""

    def __init__(
        self, service: Service, tasks: Sequence[Task], now: float, around: Surroundings, lasts: Durations
    ) -> None:
        self.service = service
        self.tasks = [task for task in tasks if task.service == service.key]
        self.now = now
        self.around = around
        self.lasts = lasts
        self.started: list[Task] = []

    def look(self) -> list[Task]:
        """Do what is to be done now; return the tasks that were started."""
        self._replace_unhealthy()
        self._count_failures()
        if self.service.blue_green:
            for one in self.service.sets:
                self._fill(one, math.ceil(self.service.desired * one.scale / 100))
            return self.started
        primary = self.service.primary
        if primary is None:
            return self.started
        self._watch_alarms(primary)
        self._break(primary)
        primary = self.service.primary or primary
        self._roll(primary)
        self._settle(primary)
        return self.started

    def _of(self, one: TaskSet) -> list[Task]:
        return [task for task in self.tasks if task.set_id == one.id]

    def _replace_unhealthy(self) -> None:
        for task in self.tasks:
            if task.phase != "RUNNING":
                continue
            if task.health == "UNHEALTHY":
                life.stop(task, self.now, self.lasts, code="ServiceSchedulerInitiated", reason=life.UNHEALTHY)
                self._tell(f"(task {task.id}) failed container health checks.")
            elif self._unreachable(task):
                life.stop(task, self.now, self.lasts, code="ServiceSchedulerInitiated", reason=life.UNHEALTHY_TARGET)
                self._tell(f"(task {task.id}) is unhealthy in target-group due to (reason Health checks failed)")

    def _unreachable(self, task: Task) -> bool:
        group = next((one.target_group for one in self.service.sets if one.id == task.set_id), "")
        behaviour = self.around.behaviour(task.revision.images[0][1]) if group else None
        if behaviour is None or behaviour.answers_load_balancer or task.started_at is None:
            return False
        return self.now - task.started_at >= self.lasts.scaled(self.service.grace_period)

    def _count_failures(self) -> None:
        for one in self.service.sets:
            ended = [task for task in self._of(one) if task.phase in ("STOPPING", "STOPPED")]
            bad = [task for task in ended if task.stopped_reason != life.SCALED_IN and not task.ever_healthy]
            bad = [task for task in bad if task.stop_code not in ("UserInitiated", "TerminationNotice")]
            new = [task for task in bad if task.id not in one.failures]
            one.failures |= {task.id for task in new}
            if new:
                # Past the threshold each failure makes the next attempt wait longer, up to AWS's quarter of an hour.
                excess = max(0, one.failed - threshold(self.service.desired))
                one.retry_at = self.now + self.lasts.scaled(min(self.lasts.retry * 2**excess, 900.0))
                if excess:
                    self._tell("is unable to consistently start tasks successfully. For more information, see the "
                               "Troubleshooting section of the Amazon ECS Developer Guide.")  # fmt: skip

    def _watch_alarms(self, primary: TaskSet) -> None:
        service = self.service
        if primary.rollout != "IN_PROGRESS" or not service.alarms or primary.is_rollback:
            return
        if name := self.around.alarming(service.alarms):
            self._fail(primary, f"ECS deployment failed: alarm {name} is in ALARM.", service.alarms_roll_back)

    def _break(self, primary: TaskSet) -> None:
        if (
            primary.rollout == "IN_PROGRESS"
            and self.service.breaker
            and primary.failed >= threshold(self.service.desired)
        ):
            self._fail(
                primary, "ECS deployment circuit breaker: tasks failed to start.", self.service.breaker_rolls_back
            )

    def _fail(self, primary: TaskSet, reason: str, roll_back: bool) -> None:
        primary.rollout, primary.reason, primary.updated_at = "FAILED", reason, self.now
        self._tell(f"(deployment {primary.id}) deployment failed: {reason.removeprefix('ECS ')}")
        good = self.service.good
        if roll_back and not primary.is_rollback and good is not None and good.arn != primary.revision.arn:
            back = open_set(self.service, good, self.now, self.around, rollback=True)
            self._tell(f"rolling back to (deployment {back.id}).")

    def _roll(self, primary: TaskSet) -> None:
        """Start what the primary lacks, stop what the others have too much of, both within the percentages.

        A deployment that failed and could not be rolled back stalls: AWS leaves what runs as it is.
        """
        if primary.rollout == "FAILED":
            return
        service, desired = self.service, self.service.desired
        at_most = max(math.floor(desired * service.maximum_percent / 100), 1 if desired else 0)
        at_least = math.ceil(desired * service.minimum_percent / 100)
        others = [task for one in service.sets if one is not primary for task in self._of(one) if task.going]
        mine = [task for task in self._of(primary) if task.going]
        for task in _worst_first(mine)[: max(0, len(mine) - desired)]:
            self._stop(task)
        room = at_most - len(others) - min(len(mine), desired)
        self._fill(primary, min(desired, len(mine) + max(0, room)))
        well = sum(task.well for task in self.tasks if task.going)
        for task in _worst_first(others):
            if not task.well:
                self._stop(task)
            elif well > at_least and task.protected_until <= self.now:
                self._stop(task)
                well -= 1

    def _fill(self, one: TaskSet, count: int) -> None:
        going = [task for task in self._of(one) if task.going]
        if one.retry_at > self.now and len(going) < count:
            return
        for _ in range(count - len(going)):
            self._start(one)
        if self.service.blue_green:
            for task in going[count:] if count < len(going) else []:
                self._stop(task)

    def _start(self, one: TaskSet) -> None:
        provider = _provider(self.service, self.tasks + self.started)
        task = Task(
            self.around.unique(),
            one.revision,
            provider,
            self.now,
            service=self.service.key,
            set_id=one.id,
            started_by=one.id,
            group=f"service:{self.service.name}",
            subnets=self.service.subnets,
            tags=self.service.tags,
            exec_enabled=self.service.exec_enabled,
        )
        if not self.around.is_managed(provider):
            task.due_at = self.now + self.lasts.scaled(self.lasts.provision)
        self.started.append(task)
        self.tasks.append(task)
        self._tell(f"has started 1 tasks: (task {task.id}).")

    def _stop(self, task: Task) -> None:
        life.stop(task, self.now, self.lasts, code="ServiceSchedulerInitiated", reason=life.SCALED_IN)
        self._tell(f"has stopped 1 running tasks: (task {task.id}).")

    def _settle(self, primary: TaskSet) -> None:
        """Complete the deployment once only its own tasks run, all of them well, for as long as alarms are watched."""
        others = [one for one in self.service.sets if one is not primary]
        busy = [task for one in others for task in self._of(one) if task.phase != "STOPPED"]
        mine = [task for task in self._of(primary) if task.going]
        if busy or len(mine) != self.service.desired or not all(task.well for task in mine):
            primary.steady_since = None
            return
        if primary.rollout != "IN_PROGRESS":
            return
        if primary.steady_since is None:
            primary.steady_since = self.now
        bake = self.lasts.scaled(self.lasts.bake) if self.service.alarms and self.service.desired else 0.0
        if self.now - primary.steady_since < bake:
            return
        primary.rollout, primary.updated_at = "COMPLETED", self.now
        primary.reason = f"ECS deployment {primary.id} completed."
        self.service.good = primary.revision
        self.service.sets = [primary]
        self._tell(f"(deployment {primary.id}) deployment completed.")
        self._tell("has reached a steady state.")

    def _tell(self, message: str) -> None:
        tell(self.service, self.now, message, self.around)


def _worst_first(tasks: Sequence[Task]) -> list[Task]:
    return sorted(tasks, key=lambda task: (task.well, task.created_at))


def _provider(service: Service, tasks: Sequence[Task]) -> str:
    """Choose the capacity provider of the next task: base first, then by weight."""
    going = [task for task in tasks if task.going and task.service == service.key]
    counts = {name: sum(task.provider == name for task in going) for name, _, _ in service.strategy}
    for name, base, _ in service.strategy:
        if counts[name] < base:
            return name
    weighted = [
        (counts[name] / weight, index, name) for index, (name, _, weight) in enumerate(service.strategy) if weight
    ]
    return min(weighted)[2] if weighted else service.strategy[0][0] if service.strategy else "FARGATE"
