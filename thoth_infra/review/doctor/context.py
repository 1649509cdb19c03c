"""What checks look at, and with what: everything that a test wants to choose is a field here."""

from __future__ import annotations

import shutil
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from thoth_infra.aws import identity
from thoth_infra.aws.clients import Clients
from thoth_infra.config.environment import Environment
from thoth_infra.config.shared import SharedAccount
from thoth_infra.errors import ThothError
from thoth_infra.terraform.workspace import Workspace

RootModule: TypeAlias = Environment | SharedAccount


class SharedClients:
    """Clients of one place, each made once: threads share them, which botocore allows for clients, not for sessions."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        self._make, self._made, self._lock = make, dict[str, Any](), threading.Lock()

    def __call__(self, service: str) -> Any:
        """Return the client of a service."""
        with self._lock:
            if service not in self._made:
                self._made[service] = self._make(service)
            return self._made[service]


def nobody(service: str) -> Any:
    """Stand for clients where there are none: what needs no account must not ask for them."""
    raise AssertionError(service)


def addresses(name: str) -> frozenset[str]:
    """Return the addresses that this machine's resolver knows of a name; none where it knows none."""
    try:
        return frozenset(str(row[4][0]) for row in socket.getaddrinfo(name, 443, proto=socket.IPPROTO_TCP))
    except OSError:
        return frozenset()


@dataclass(frozen=True)
class Settings:
    """The machine: how to ask it, and what time it is there."""

    root: Path
    variables: Mapping[str, str]
    engine: Literal["auto", "docker", "local"] = "auto"
    emulated: bool = False
    python: tuple[int, ...] = sys.version_info[:3]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free
    resolve: Callable[[str], frozenset[str]] = addresses


@dataclass(frozen=True)
class Context:
    """One environment on one machine. ``name`` is None for what concerns the machine alone.

    ``root_module`` is None where the configuration can't be loaded, and ``problem`` says why. ``variables`` are those
    that lead to the environment's own credentials.
    """

    settings: Settings
    name: str | None = None
    root_module: RootModule | None = None
    problem: ThothError | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    workspace: Workspace | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    clients: Callable[[str], Any] = nobody
    facts: dict[str, Any] = field(default_factory=dict)
    """What an earlier check learned and a later one needs."""

    @property
    def root(self) -> Path:
        """The project."""
        return self.settings.root

    @property
    def module(self) -> RootModule:
        """What is looked at; only for checks that need ``configuration``."""
        assert self.root_module is not None  # noqa: S101 - such checks are skipped without it
        return self.root_module

    @property
    def env(self) -> Environment:
        """The environment; only for checks of environments."""
        assert isinstance(self.root_module, Environment)  # noqa: S101 - such checks are skipped otherwise
        return self.root_module

    @property
    def shared(self) -> Callable[[str], Any]:
        """Clients in the shared account; only for checks that need ``shared-role``."""
        found: Callable[[str], Any] = self.facts["shared"]
        return found

    @property
    def profile_option(self) -> str:
        """What an aws command needs to reach the same account: its profile, unless credentials came otherwise."""
        in_use = identity.profile_in_use(self.variables)
        if self.settings.emulated:  # the real account has the same to be done
            in_use = self.module.identity.profile
        elif self.variables.get("AWS_ACCESS_KEY_ID"):
            in_use = None
        profile = f" --profile {in_use}" if in_use else ""
        return f"{profile} --region {self.module.region}"

    def aws(self, command: str) -> str:
        """Return an ``aws`` command that acts where this looked."""
        return f"aws {command}{self.profile_option}"

    def thoth(self, command: str) -> str:
        """Return one of our commands for this environment."""
        emulate = " --emulate" if self.settings.emulated else ""
        return f"thoth-infra {command} --env {self.name}{emulate}"


def of(
    settings: Settings,
    name: str,
    module: RootModule | None,
    *,
    problem: ThothError | None = None,
    overrides: Mapping[str, str] | None = None,
    workspace: Workspace | None = None,
    variables: Mapping[str, str] | None = None,
) -> Context:
    """Return the context of an environment, with its clients."""
    clients = SharedClients(Clients(variables, module.region)) if module and variables is not None else nobody
    return Context(settings, name, module, problem, overrides or {}, workspace, variables or {}, clients)
