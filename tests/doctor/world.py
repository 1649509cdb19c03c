"""What a doctor looks at: a project of its own, a PATH of its own, an account of its own on the emulator."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from tests.doctor.denying import denying
from tests.emulator.conftest import REGION, AsAccount
from thoth_infra.aws.clients import Clients
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load
from thoth_infra.emulator.access import Emulator
from thoth_infra.errors import ThothError
from thoth_infra.review.doctor.context import Context, Settings, SharedClients, of
from thoth_infra.review.doctor.findings import Finding
from thoth_infra.review.doctor.registry import Check
from thoth_infra.review.doctor.run import all_checks, examine
from thoth_infra.terraform.workspace import Backend, Workspace

ROOT = Path(__file__).resolve().parents[2]
NAME, PREFIX, ROLE = "staging", "thoth-staging", "tfs-ai-staging"
IMAGES = ("api", "audio-extraction", "transcription", "music-terms")


@dataclass
class World:
    """Staging on a machine; a case changes it, then lets the doctor look."""

    aws: AsAccount
    emulator: Emulator
    root: Path
    bin: Path
    account: str
    shared_account: str
    hold: Callable[[str, str], None]
    """Set a variable of the emulator's process."""
    role: str = ROLE
    settings: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    engine: Literal["auto", "docker", "local"] = "auto"
    emulated: bool = False
    python: tuple[int, ...] = (3, 12, 1)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    free: Callable[[Path], int] = lambda path: 500 << 30
    resolve: Callable[[str], frozenset[str]] = lambda name: frozenset()
    credentials: dict[str, str] | None = None
    denied: tuple[str, ...] = ()
    """The operations of AWS that the role is not allowed."""
    asked: set[str] = field(default_factory=set)
    """The operations of AWS that were called, by the check's clients."""

    @property
    def env(self) -> Environment:
        return load(self.root, NAME, variables={}, settings=self._settings).environment

    @property
    def _settings(self) -> list[str]:
        own = [f'accounts.own="{self.account}"', f'accounts.shared="{self.shared_account}"']
        return [*own, f"state.bucket=thoth-state-{self.account}", *self.settings]

    @property
    def workspace(self) -> Workspace:
        env = self.env
        tree, scratch = self.root / "terraform" / NAME, self.root / ".thoth" / NAME
        backend = Backend(env.state.bucket, env.state.key, env.region)
        return Workspace(NAME, self.account, REGION, backend, self.root, tree, scratch)

    def context(self) -> Context:
        variables = {"PATH": str(self.bin), "HOME": str(self.root), **self.variables}
        settings = Settings(
            self.root, variables, self.engine, self.emulated, self.python, self.now, self.free, self.resolve
        )
        credentials = self.credentials
        if credentials is None:
            found = self.emulator.variables(account_id=self.account, region=REGION, role=self.role)
            credentials = {key: value for key, value in found.items() if value}
        try:
            loaded = load(self.root, NAME, variables=self.variables, settings=self._settings)
        except ThothError as problem:
            return of(settings, NAME, None, problem=problem)
        ours = {key: str(o) for key, o in loaded.overrides.items() if "--set" not in str(o)}
        context = of(
            settings, NAME, loaded.environment, overrides=ours, workspace=self.workspace, variables=credentials
        )
        return replace(context, clients=self.recording(context.clients))

    def recording(self, clients: Callable[[str], Any]) -> Callable[[str], Any]:
        """Return clients that note what they are asked."""

        def client(service: str) -> Any:
            found = clients(service)
            found.meta.events.register(
                "before-call", lambda model, **_: self.asked.add(f"{service}:{model.name}"), unique_id="noted"
            )
            return found

        return client

    def look(self, name: str) -> Finding:
        """Return what a check finds, after those that it needs."""
        needed = set(closure(name))
        checks = [check for check in all_checks() if check.name in needed]
        return next(finding for finding in self.findings(*checks) if finding.name == name)

    def findings(self, *checks: Check) -> list[Finding]:
        """Carry checks out; all of them when none is named."""
        wanted = checks or tuple(all_checks())
        with denying(self.emulator.url, *self.denied) as url:
            context = self.context()
            if self.denied:
                context = self.through(context, url)
            return list(examine(context, {check.scope for check in wanted}, wanted))

    def through(self, context: Context, url: str) -> Context:
        """Let a context reach the emulator through the proxy at ``url``."""
        assert context.root_module is not None
        variables = {**context.variables, "AWS_ENDPOINT_URL": url}
        clients = SharedClients(Clients(variables, context.root_module.region))
        return replace(context, variables=variables, clients=self.recording(clients))

    def program(self, name: str, script: str = "exit 0") -> Path:
        """Put a program on the PATH."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def docker(self, folder: str = "", image: bool = True) -> None:
        """Put a docker on the PATH whose engine answers."""
        self.program(
            "docker",
            f'case "$1" in\n  version) echo 27.5.1 ;;\n  info) echo "{folder}" ;;\n'
            f"  image) exit {0 if image else 1} ;;\nesac",
        )

    def shared(self, service: str) -> Any:
        """Return a client in the shared account."""
        return self.aws(service, account_id=self.shared_account)

    def push(self, **said: str) -> None:
        """Push all images under the configured tag to the shared account, with annotations."""
        ecr = self.shared("ecr")
        for image in IMAGES:
            repository = {"repositoryName": f"thoth/{image}"}
            ecr.create_repository(**repository, imageScanningConfiguration={"scanOnPush": True})
            manifest = {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 1, "digest": "sha256:0"},
                "layers": [],
                "annotations": {f"thoth.emulator/{key.replace('_', '-')}": text for key, text in said.items()},
            }
            ecr.put_image(**repository, imageManifest=json.dumps(manifest), imageTag=self.env.images.tag)

    def cluster(self) -> None:
        """Have the cluster, which tells that the environment was applied."""
        self.aws("ecs").create_cluster(clusterName=PREFIX)


def closure(name: str) -> Iterator[str]:
    """Yield a check and all that it needs."""
    for need in by_name(name).needs:
        yield from closure(need)
    yield name


def by_name(name: str) -> Check:
    return next(check for check in all_checks() if check.name == name)


def project(folder: Path) -> Path:
    """Make a project: the real environments and templates, nothing rendered."""
    root = folder / "project"
    for name in ("environments", "templates"):
        # Without locks: the checks of them make their own.
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("*.images.lock"))
    shutil.copy(ROOT / ".terraform-version", root)
    (root / "requirements").mkdir()
    return root


def clean() -> dict[str, str]:
    """Return the process's variables without what could lead to somebody's account."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "THOTH_", "TF_"))}
