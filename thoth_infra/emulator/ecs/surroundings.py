"""What the emulated ECS asks of the rest of the emulated AWS, and how long things take in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from thoth_infra.emulator.ecs.records import Behaviour, Host, Revision, Task

PACE_VARIABLE = "THOTH_EMULATOR_PACE"


@dataclass(frozen=True)
class Durations:
    """Seconds of this world, as AWS takes them: half a minute to start a task, four minutes to boot a host."""

    provision: float = 5.0
    pull: float = 20.0
    stop: float = 10.0
    notice: float = 60.0
    """The metric by which a capacity provider sees that tasks wait has a period of a minute."""
    boot: float = 240.0
    idle_host: float = 900.0
    bake: float = 60.0
    alarm_poll: float = 10.0
    retry: float = 10.0
    shift: float = 30.0
    keep_stopped: float = 3600.0
    pace: float = 20.0
    """How many times faster than AWS the world goes; the times above and those asked for are divided by it."""

    def scaled(self, seconds: float) -> float:
        """Return how long something takes here that takes ``seconds`` on AWS."""
        return seconds / self.pace


def durations() -> Durations:
    """Return the durations at the pace that the environment asks for."""
    return Durations(pace=max(1.0, float(os.environ.get(PACE_VARIABLE, "") or Durations.pace)))


class Surroundings(Protocol):
    """The other services, as ECS meets them."""

    def behaviour(self, image: str) -> Behaviour | None:
        """Return what a container of this image does; None when no registry has it."""

    def is_managed(self, provider: str) -> bool:
        """Whether the tasks of a capacity provider need a host of ours."""

    def launch(self, cluster: str, provider: str) -> Host | str:
        """Start one more instance of the provider's group; return why not when that is refused."""

    def living(self, instance_ids: Sequence[str]) -> set[str]:
        """Return which of these instances still run."""

    def interrupted(self, instance_id: str) -> bool:
        """Whether an instance that is gone was taken back by the spot market."""

    def retire(self, host: Host) -> None:
        """End an instance that nothing needs."""

    def alarming(self, names: Sequence[str]) -> str | None:
        """Return the first of these alarms that is in ALARM."""

    def route(self, listeners: Sequence[str], target_group: str) -> None:
        """Send all that these listeners of a load balancer take in to a target group."""

    def say(self, task: Task, lines: Sequence[str], at: float) -> None:
        """Write what a task's first container logs."""

    def revision(self, arn: str) -> Revision:
        """Return a registered revision."""

    def unique(self) -> str:
        """Return a new identifier of 32 hexadecimal digits."""
