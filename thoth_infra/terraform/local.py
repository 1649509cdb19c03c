"""Runs a Terraform binary of this machine, if it is exactly the pinned version."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from thoth_infra.errors import EngineError
from thoth_infra.files import private_folder, write_atomic
from thoth_infra.terraform import command
from thoth_infra.terraform.cli_config import Providers, prepare
from thoth_infra.terraform.launch import Completed, EngineKind, Launch, workspace_variables
from thoth_infra.terraform.mirror import host_platform
from thoth_infra.terraform.variables import for_local
from thoth_infra.terraform.version import Pin
from thoth_infra.terraform.workspace import Workspace

BINARY_VARIABLE: Final = "THOTH_TERRAFORM"
_VERSION_TIMEOUT_S: Final = 30


@dataclass(frozen=True)
class LocalEngine:
    """A local binary. Its version is asked for at the first launch, after every guard has agreed."""

    pin: Pin
    binary: Path
    kind: EngineKind = "local"

    @property
    def version(self) -> str:
        return self.pin.version

    def providers(self, workspace: Workspace, variables: Mapping[str, str]) -> Providers:
        return prepare(workspace, variables, host_platform())

    def launch(
        self,
        arguments: tuple[str, ...],
        workspace: Workspace,
        variables: Mapping[str, str],
        tty: bool = False,
    ) -> Launch:
        self._check_version(workspace, variables)
        ours = workspace_variables(workspace, self.providers(workspace, variables), tty)
        argv = (str(self.binary), *arguments)
        return Launch(argv, for_local(variables) | ours, workspace.tree, interactive=tty)

    def failure(self, completed: Completed) -> EngineError | None:  # noqa: ARG002
        return None

    def _check_version(self, workspace: Workspace, variables: Mapping[str, str]) -> None:
        found = _cached_version(self.binary, workspace, variables)
        if found != self.pin.version:
            raise EngineError(
                f"{self.binary} is Terraform {found}; this project is pinned to {self.pin.version}",
                how_to_get(self.pin),
            )


def find_binary(variables: Mapping[str, str]) -> Path | None:
    """Return the local Terraform: the one that ``THOTH_TERRAFORM`` names, else the first on PATH."""
    named = variables.get(BINARY_VARIABLE)
    found = shutil.which(named or "terraform", path=variables.get("PATH"))
    if named and not found:
        raise EngineError(f"{BINARY_VARIABLE}={named} is not a program", "Name a terraform binary, or unset it.")
    return Path(found).absolute() if found else None


def how_to_get(pin: Pin) -> str:
    """Say how to come by an engine."""
    return (
        f"Start a Docker engine (it runs {pin.image}), or install Terraform {pin.version} and put it on "
        f"PATH or name it in {BINARY_VARIABLE}."
    )


def _cached_version(binary: Path, workspace: Workspace, variables: Mapping[str, str]) -> str:
    """Return the binary's version, asking it only when the file has changed since the last time."""
    status = binary.stat()
    identity = [str(binary), str(status.st_ino), status.st_mtime_ns, status.st_size]
    cache = private_folder(workspace.scratch) / "engine.json"
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
        if known["binary"] == identity:
            return str(known["version"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not asked yet, or not by this version of ours
    version = ask_version(binary, workspace.scratch, variables)
    write_atomic(cache, json.dumps({"binary": identity, "version": version}), mode=0o600)
    return version


def ask_version(binary: Path, cwd: Path, variables: Mapping[str, str]) -> str:
    """Return which Terraform a binary is. Raises EngineError when it does not say."""
    argv = [str(binary), *command.argv(command.Version())]
    environment = for_local(variables) | {"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    try:
        answer = subprocess.run(
            argv, cwd=cwd, env=environment, capture_output=True, check=True, timeout=_VERSION_TIMEOUT_S
        )
        return str(json.loads(answer.stdout)["terraform_version"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        raise EngineError(
            f"{binary} does not say which Terraform it is: {error}",
            f"Point {BINARY_VARIABLE} at a Terraform binary that runs here.",
        ) from error
