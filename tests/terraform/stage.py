"""A session whose processes are recorded and answered, for tests of what is started and what is made of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from thoth_infra.terraform.launch import Completed, Launch
from thoth_infra.terraform.local import LocalEngine
from thoth_infra.terraform.runner import RecordingRunner
from thoth_infra.terraform.session import Terraform
from thoth_infra.terraform.version import Pin
from thoth_infra.terraform.workspace import Workspace


class Stage:
    """A session whose processes are recorded, and answered by ``answer``."""

    def __init__(self, workspace: Workspace, variables: dict[str, str], terraform: Path) -> None:
        self.workspace = workspace
        self.variables = variables
        self.engine = LocalEngine(Pin("1.11.4"), terraform)
        self.runner = RecordingRunner(self.answer)
        self.replies: dict[str, Completed] = {}
        self.effects: dict[str, Callable[[Launch], object]] = {}
        self.told: list[str] = []

    def answer(self, launch: Launch) -> Completed:
        command = launch.argv[1]
        if effect := self.effects.get(command):
            effect(launch)
        return self.replies.get(command, Completed(0))

    def session(self, **settings: Any) -> Terraform:
        return Terraform(self.workspace, self.engine, self.runner, self.variables, notify=self.told.append, **settings)

    @property
    def calls(self) -> list[str]:
        return [" ".join(launch.argv[1:]) for launch in self.runner.launches]


def write_plan(launch: Launch, content: bytes) -> None:
    out = next(word for word in launch.argv if word.startswith("-out=")).removeprefix("-out=")
    Path(out).write_bytes(content)
