"""Chooses what runs Terraform."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from typing import Final, Literal

from thoth_infra.errors import EngineError
from thoth_infra.terraform.docker import DockerEngine
from thoth_infra.terraform.launch import Completed, Engine, EngineKind, Launch
from thoth_infra.terraform.local import LocalEngine, find_binary, how_to_get
from thoth_infra.terraform.version import Pin

__all__ = ["Completed", "DockerEngine", "Engine", "EngineKind", "Launch", "LocalEngine", "resolve"]

Choice = Literal["auto", "docker", "local"]

_PROBE_TIMEOUT_S: Final = 2.0


def resolve(choice: Choice, pin: Pin, variables: Mapping[str, str]) -> Engine:
    """Return the engine to use: Docker when an engine answers, else a local Terraform.

    Starts no Terraform: a local binary's version is checked at its first launch.
    Raises EngineError when there is neither, or not the one asked for.
    """
    if choice != "local":
        docker, reason = docker_client(variables)
        if docker:
            return DockerEngine(pin, docker)
        if choice == "docker":
            raise EngineError(reason, how_to_get(pin))
    binary = find_binary(variables)
    if binary:
        return LocalEngine(pin, binary)
    without = "no terraform on PATH" if choice == "local" else f"{reason}, and no terraform on PATH"
    raise EngineError(without, how_to_get(pin))


def docker_client(variables: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the Docker client if an engine answers it, else why not."""
    client = shutil.which("docker", path=variables.get("PATH"))
    if client is None:
        return None, "no docker on PATH"
    probe = [client, "version", "--format", "{{.Server.Version}}"]
    try:
        answer = subprocess.run(
            probe, env=dict(variables), capture_output=True, text=True, check=False, timeout=_PROBE_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return None, f"no Docker engine answered within {_PROBE_TIMEOUT_S:g} seconds"
    except OSError as error:
        return None, f"{client} does not run: {error.strerror}"
    if answer.returncode == 0 and answer.stdout.strip():
        return client, ""
    said = answer.stderr.strip().splitlines() or ["it gave no reason"]
    return None, f"no Docker engine answers ({said[-1]})"
