"""CodeDeploy's blue/green deployments: a second task set, traffic moved to it, the first one ended; or undone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from thoth_infra.emulator.ecs import tasks as life
from thoth_infra.emulator.ecs.records import Revision, TaskSet
from thoth_infra.emulator.ecs.surroundings import Durations, Surroundings

if TYPE_CHECKING:
    from thoth_infra.emulator.ecs.world import World

Status = Literal["Created", "InProgress", "Succeeded", "Failed", "Stopped"]
STEPS = ("BeforeInstall", "Install", "AfterInstall", "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")
ENDED = ("Succeeded", "Failed", "Stopped")
_INSTALL_TIMEOUT = 3600.0


@dataclass
class LifecycleEvent:
    """One step of a deployment's target."""

    name: str
    status: str = "Pending"
    started_at: float | None = None
    ended_at: float | None = None


@dataclass
class BlueGreen:
    """One deployment of a service that CodeDeploy replaces."""

    id: str
    service: str
    revision: Revision
    created_at: float
    target_groups: tuple[str, str]
    listeners: tuple[str, ...]
    shifts: tuple[tuple[float, int], ...]
    """When which percentage of the traffic moves, in seconds after the first shift began."""
    terminate_after: float
    alarms: tuple[str, ...] = ()
    rolls_back_on: tuple[str, ...] = ()
    creator: str = "user"
    description: str = ""
    status: Status = "Created"
    events: list[LifecycleEvent] = field(default_factory=lambda: [LifecycleEvent(name) for name in STEPS])
    percent: int = 0
    blue: str = ""
    green: str = ""
    started_at: float | None = None
    shifting_since: float | None = None
    shifted_at: float | None = None
    ended_at: float | None = None
    error: tuple[str, str] | None = None
    rollback: str = ""
    """The deployment that undoes this one."""
    rollback_of: str = ""

    @property
    def running(self) -> bool:
        """Whether the deployment has not ended."""
        return self.status not in ENDED


class Deployer:
    """Moves the blue/green deployments of one world on."""

    def __init__(self, world: World, around: Surroundings, lasts: Durations) -> None:
        self.world = world
        self.around = around
        self.lasts = lasts

    def look(self, deployment: BlueGreen) -> None:
        """Do what is due at the world's time."""
        now = self.world.now
        if not deployment.running or deployment.service not in self.world.services:
            return
        if deployment.status == "Created":
            self._begin(deployment, now)
        alarm = self.around.alarming(deployment.alarms) if deployment.alarms else None
        if alarm:
            said = "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected"
            why = f"{said}: {alarm}"
            self.end(
                deployment,
                "Stopped",
                ("ALARM_ACTIVE", why),
                undo="DEPLOYMENT_STOP_ON_ALARM" in deployment.rolls_back_on,
            )
            return
        self._install(deployment, now)
        self._shift(deployment, now)
        self._finish(deployment, now)

    def due(self, deployment: BlueGreen) -> list[float]:
        """Return when the deployment next changes by itself."""
        times: list[float] = []
        if not deployment.running:
            return times
        if deployment.shifting_since is not None and deployment.shifted_at is None:
            times += [deployment.shifting_since + self.lasts.scaled(after) for after, _ in deployment.shifts]
        if deployment.shifted_at is not None:
            times.append(deployment.shifted_at + self.lasts.scaled(deployment.terminate_after))
        if deployment.started_at is not None:
            times.append(deployment.started_at + self.lasts.scaled(_INSTALL_TIMEOUT))
        return [at for at in times if at > self.world.now]

    def end(
        self, deployment: BlueGreen, status: Status, error: tuple[str, str] | None = None, *, undo: bool = False
    ) -> None:
        """End a deployment early; with ``undo`` traffic goes back to where it was and the new tasks go."""
        deployment.status, deployment.error, deployment.ended_at = status, error, self.world.now
        for event in deployment.events:
            if event.status in ("Pending", "InProgress"):
                event.status = "Skipped" if event.status == "Pending" else "Failed"
                event.ended_at = self.world.now
        if undo:
            self._undo(deployment)

    def _begin(self, deployment: BlueGreen, now: float) -> None:
        service = self.world.services[deployment.service]
        blue = service.primary
        for other in [one for one in service.sets if one is not blue]:
            self._drop(deployment.service, other)
        number = int(self.around.unique()[:15], 16)
        green = TaskSet(f"ecs-svc/{number:019d}", deployment.revision, now, status="ACTIVE", updated_at=now)
        first, second = deployment.target_groups
        green.target_group = second if blue is not None and blue.target_group == first else first
        service.sets.append(green)
        deployment.status, deployment.started_at = "InProgress", now
        deployment.blue, deployment.green = blue.id if blue else "", green.id
        self._pass(deployment, "BeforeInstall", now)
        self._at(deployment, "Install", now)

    def _install(self, deployment: BlueGreen, now: float) -> None:
        green = self._set(deployment, deployment.green)
        if green is None or deployment.shifting_since is not None:
            return
        service = self.world.services[deployment.service]
        going = [task for task in self.world.of_service(service) if task.set_id == green.id and task.going]
        if len(going) >= service.desired and all(task.well for task in going):
            for step in ("Install", "AfterInstall", "BeforeAllowTraffic"):
                self._pass(deployment, step, now)
            self._at(deployment, "AllowTraffic", now)
            deployment.shifting_since = now
        elif deployment.started_at is not None and now - deployment.started_at >= self.lasts.scaled(_INSTALL_TIMEOUT):
            why = (
                "The deployment timed out while waiting for the replacement task set to become healthy. "
                "This time out period is 60 minutes."
            )
            self.end(deployment, "Failed", ("TIMEOUT", why), undo="DEPLOYMENT_FAILURE" in deployment.rolls_back_on)

    def _shift(self, deployment: BlueGreen, now: float) -> None:
        if deployment.shifting_since is None or deployment.shifted_at is not None or not deployment.running:
            return
        for after, percent in deployment.shifts:
            if now >= deployment.shifting_since + self.lasts.scaled(after):
                deployment.percent = percent
        if deployment.percent < 100:
            return
        green = self._set(deployment, deployment.green)
        if green is None:
            raise AssertionError("a running deployment has its new task set")
        self._make_primary(deployment, green)
        for step in ("AllowTraffic", "AfterAllowTraffic"):
            self._pass(deployment, step, now)
        deployment.shifted_at = now

    def _finish(self, deployment: BlueGreen, now: float) -> None:
        if deployment.shifted_at is None or not deployment.running:
            return
        if now - deployment.shifted_at >= self.lasts.scaled(deployment.terminate_after):
            if blue := self._set(deployment, deployment.blue):
                self._drop(deployment.service, blue)
            green = self._set(deployment, deployment.green)
            if green is not None:
                green.rollout = "COMPLETED"
                self.world.services[deployment.service].good = green.revision
            deployment.status, deployment.ended_at = "Succeeded", now

    def _undo(self, deployment: BlueGreen) -> None:
        blue, green = self._set(deployment, deployment.blue), self._set(deployment, deployment.green)
        if blue is not None:
            self._make_primary(deployment, blue)
            deployment.percent = 0
            if green is not None:
                self._drop(deployment.service, green)

    def _make_primary(self, deployment: BlueGreen, chosen: TaskSet) -> None:
        for one in self.world.services[deployment.service].sets:
            one.status = "PRIMARY" if one is chosen else "ACTIVE"
        if chosen.target_group:
            self.around.route(deployment.listeners, chosen.target_group)

    def _drop(self, service: str, gone: TaskSet) -> None:
        kept = self.world.services[service]
        kept.sets = [one for one in kept.sets if one is not gone]
        for task in self.world.of_service(kept):
            if task.set_id == gone.id:
                life.stop(task, self.world.now, self.lasts, code="ServiceSchedulerInitiated", reason=life.SCALED_IN)

    def _set(self, deployment: BlueGreen, identifier: str) -> TaskSet | None:
        return next((one for one in self.world.services[deployment.service].sets if one.id == identifier), None)

    def _at(self, deployment: BlueGreen, name: str, now: float) -> None:
        event = next(one for one in deployment.events if one.name == name)
        event.status, event.started_at = "InProgress", now

    def _pass(self, deployment: BlueGreen, name: str, now: float) -> None:
        event = next(one for one in deployment.events if one.name == name)
        event.status, event.ended_at = "Succeeded", now
        event.started_at = event.started_at if event.started_at is not None else now
