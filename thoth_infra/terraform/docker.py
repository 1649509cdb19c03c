"""Runs the pinned Terraform image with Docker."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from thoth_infra.errors import EngineError
from thoth_infra.terraform.cli_config import Providers, prepare
from thoth_infra.terraform.launch import Completed, EngineKind, Launch, workspace_variables
from thoth_infra.terraform.mirror import host_platform
from thoth_infra.terraform.variables import CERTIFICATES, for_container
from thoth_infra.terraform.version import Pin
from thoth_infra.terraform.workspace import Workspace

#: Terraform keeps nothing of worth in its home; the caller's uid has none in the image.
CONTAINER_HOME: Final = "/tmp"  # noqa: S108
#: ``docker run`` ends with these when it could not create or start the container.
_DOCKER_FAILED: Final = frozenset({125, 126, 127})


@dataclass(frozen=True)
class Container:
    """One run of the image. ``names``: variables whose values Docker takes from its client's environment."""

    image: str
    name: str
    environment: str
    user: str
    workdir: Path
    writable: tuple[Path, ...]
    readable: tuple[Path, ...] = ()
    names: tuple[str, ...] = ()
    host_network: bool = False
    tty: bool = False


def docker_argv(container: Container, arguments: tuple[str, ...], docker: str = "docker") -> tuple[str, ...]:
    """Return the command line that runs ``terraform ARGUMENTS`` in ``container``.

    Everything is mounted at the path it has on the host, so that saved plans and the links in the data
    directory mean the same inside and outside. Raises EngineError for a path that Docker can't mount.
    """
    return (
        *(docker, "run", "--rm", "-i", *(["-t"] if container.tty else [])),
        *("--name", container.name),
        *("--label", f"thoth-infra.environment={container.environment}"),
        *("--user", container.user),
        *("--workdir", str(container.workdir)),
        *("--security-opt", "no-new-privileges", "--cap-drop", "ALL"),
        *(["--network", "host"] if container.host_network else []),
        *(word for path in container.writable for word in ("--mount", _mount(path))),
        *(word for path in container.readable for word in ("--mount", f"{_mount(path)},readonly")),
        *("--env", f"HOME={CONTAINER_HOME}"),
        *(word for name in container.names for word in ("--env", name)),
        container.image,
        *arguments,
    )


@dataclass(frozen=True)
class DockerEngine:
    """The image of the pinned version, run by the Docker client at ``docker``."""

    pin: Pin
    docker: str = "docker"
    kind: EngineKind = "docker"

    @property
    def version(self) -> str:
        return self.pin.version

    def providers(self, workspace: Workspace, variables: Mapping[str, str]) -> Providers:
        return prepare(workspace, variables, host_platform("linux"))

    def launch(
        self,
        arguments: tuple[str, ...],
        workspace: Workspace,
        variables: Mapping[str, str],
        tty: bool = False,
    ) -> Launch:
        providers = self.providers(workspace, variables)
        inside = container_variables(workspace, providers, variables, tty)
        container = Container(
            image=self.pin.image,
            name=f"thoth-infra-{workspace.environment}-{secrets.token_hex(4)}",
            environment=workspace.environment,
            user=f"{os.getuid()}:{os.getgid()}",
            workdir=workspace.tree,
            writable=writable_folders(workspace, providers),
            readable=readable_paths(workspace, providers, variables),
            names=tuple(sorted(inside)),
            host_network=workspace.emulated,
            tty=tty,
        )
        return Launch(
            argv=docker_argv(container, arguments, self.docker),
            env=dict(variables) | inside,
            cwd=workspace.project,
            interactive=tty,
            interrupt=(self.docker, "kill", "--signal", "INT", container.name),
        )

    def failure(self, completed: Completed) -> EngineError | None:
        if completed.code not in _DOCKER_FAILED:
            return None
        said = completed.stderr.strip().splitlines()
        reason = next((line for line in said if "rror" in line or "denied" in line), "see its message above")
        return EngineError(
            f"Docker could not run {self.pin.image}: {reason.removeprefix('docker: ')}",
            f"Try `docker pull {self.pin.image}` where a registry can be reached, or `--engine local` with "
            f"Terraform {self.pin.version} on PATH.",
        )


def container_variables(
    workspace: Workspace, providers: Providers, variables: Mapping[str, str], tty: bool
) -> dict[str, str]:
    """Return the container's variables, HOME apart.

    Credentials were resolved on the host: without them Terraform must say so, not ask an instance
    metadata service that would answer for the machine.
    """
    ours = workspace_variables(workspace, providers, tty) | {"AWS_EC2_METADATA_DISABLED": "true"}
    return for_container(variables) | ours


def writable_folders(workspace: Workspace, providers: Providers) -> tuple[Path, ...]:
    """Return the folders that Terraform writes to, none of them inside another."""
    wanted = [workspace.project, workspace.tree, workspace.scratch, *filter(None, [providers.cache])]
    return tuple(_outermost(wanted, within=()))


def readable_paths(
    workspace: Workspace, providers: Providers, variables: Mapping[str, str]
) -> tuple[Path, ...]:
    """Return what Terraform only reads: the mirror, the user's CLI configuration, certificates."""
    named = (Path(value) for name in CERTIFICATES if (value := variables.get(name)))
    certificates = [path for path in named if path.is_absolute() and path.exists()]
    within = writable_folders(workspace, providers)
    return tuple(_outermost([*providers.readable, *certificates], within))


def _outermost(paths: Iterable[Path], within: tuple[Path, ...]) -> Iterable[Path]:
    """Yield each path once, leaving out those inside another one or inside ``within``."""
    wanted = list(dict.fromkeys(paths))
    for path in wanted:
        others = [other for other in (*wanted, *within) if other != path]
        if path not in within and not any(path.is_relative_to(other) for other in others):
            yield path


def _mount(path: Path) -> str:
    if "," in str(path) or '"' in str(path):
        raise EngineError(
            f"Docker can't mount {path}: a comma or a quote separates its options",
            "Move the folder, or use `--engine local`.",
        )
    return f"type=bind,src={path},dst={path}"
