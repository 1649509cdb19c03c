"""What an engine makes of a command: a process to start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from thoth_infra.errors import EngineError
from thoth_infra.terraform.cli_config import Providers
from thoth_infra.terraform.workspace import Workspace

EngineKind = Literal["docker", "local"]


@dataclass(frozen=True)
class Launch:
    """A process to start: never through a shell, and with exactly this environment.

    ``interactive``: it owns the terminal. ``stdin``: it may read our input (``interactive`` implies it).
    ``interrupt``: a command that passes an interrupt on to Terraform, where the process itself is
    only its client; None to signal the process.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)  # holds credentials
    cwd: Path
    interactive: bool = False
    stdin: bool = False
    interrupt: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Completed:
    """How a process ended: ``stdout`` in full where it was captured, else its end, as of ``stderr``."""

    code: int
    stdout: str = ""
    stderr: str = ""


class Engine(Protocol):
    """Something that can run exactly the pinned Terraform."""

    @property
    def kind(self) -> EngineKind: ...

    @property
    def version(self) -> str:
        """Terraform's version."""

    def providers(self, workspace: Workspace, variables: Mapping[str, str]) -> Providers:
        """Return where Terraform takes its providers from; writes its configuration for that."""

    def launch(
        self,
        arguments: tuple[str, ...],
        workspace: Workspace,
        variables: Mapping[str, str],
        tty: bool = False,
    ) -> Launch:
        """Return the process that runs ``terraform ARGUMENTS`` in the workspace's tree.

        ``variables`` is the whole environment to draw from; ``tty``: the command talks to a person.
        Raises EngineError when this engine can't run the pinned version.
        """

    def failure(self, completed: Completed) -> EngineError | None:
        """Return the error when the engine itself failed, rather than Terraform."""


def workspace_variables(workspace: Workspace, providers: Providers, tty: bool) -> dict[str, str]:
    """Return the variables that Terraform gets from us, in every engine."""
    ours = {"TF_DATA_DIR": str(workspace.data_dir), "CHECKPOINT_DISABLE": "1"} | providers.variables
    return ours if tty else ours | {"TF_IN_AUTOMATION": "1"}
