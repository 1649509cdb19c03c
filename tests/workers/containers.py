"""The workers' images, built and run with Docker as their rendered task definitions say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.workers.rig import PROJECT, TINY_MODEL, Rig
from thoth_infra.contract.services import Service
from thoth_infra.contract.storage import CONTAINER_GID, CONTAINER_UID, JOBS, MODELS
from thoth_infra.contract.variables import MountPath
from thoth_infra.render.variables import variables

BASE = "python:3.12-slim-bookworm"
TAG = "drill"
_MODEL = f"{MODELS.path}/tiny"
# The builder of older engines; a newer one is used where it is installed.
_BUILDER = {**os.environ, "DOCKER_BUILDKIT": os.environ.get("DOCKER_BUILDKIT", "0")}


def docker(*arguments: str, check: bool = True) -> str:
    """Run Docker and return what it printed."""
    done = subprocess.run(("docker", *arguments), capture_output=True, text=True, check=False, env=_BUILDER)
    assert not check or done.returncode == 0, (
        f"docker {' '.join(arguments)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    )
    return done.stdout.strip()


def engine_or_skip() -> None:
    """Skip the test, with the reason, where no Docker engine answers."""
    if shutil.which("docker") is None or not docker("info", "--format", "{{.ServerVersion}}", check=False):
        pytest.skip("no Docker engine answers")


def base() -> str:
    """Return the base image; with this machine's certificates where a proxy makes them necessary."""
    bundle = os.environ.get("SSL_CERT_FILE")
    if not bundle:
        return BASE
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(bundle, Path(folder, "ca.crt"))
        Path(folder, "Dockerfile").write_text(
            f"FROM {BASE}\nCOPY ca.crt /etc/ssl/certs/ca-certificates.crt\n"
            "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt\n"
        )
        docker("build", "--quiet", "--tag", "thoth-drill-base", folder)
    return "thoth-drill-base"


def build(images: tuple[str, ...]) -> dict[str, Any]:
    """Build with ``thoth-infra images build``; return what it tells of each image."""
    command = (
        sys.executable,
        "-m",
        "thoth_infra",
        "--json",
        "images",
        "build",
        *images,
        "--tag",
        TAG,
        "--base",
        base(),
        "--network",
        "host",
    )
    done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True, env=_BUILDER)
    assert done.returncode == 0, done.stderr[-4000:]
    return {image["name"]: image for image in json.loads(done.stdout)}


@dataclass
class Containers:
    """Containers of one rig, each as its task definition has it."""

    rig: Rig
    names: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        """Put the tiny model into the cache, and give the folders to the containers' user, as EFS does."""
        shutil.copytree(TINY_MODEL, self.rig.mount(MODELS) / "tiny", dirs_exist_ok=True)
        for volume in (JOBS, MODELS):
            subprocess.run(("chown", "-R", f"{CONTAINER_UID}:{CONTAINER_GID}", str(self.rig.mount(volume))), check=True)

    def start(
        self, service: Service, *, health_seconds: int | None = None, given: Mapping[str, str] | None = None
    ) -> str:
        """Run a service's image with the rendered command, variables, user, mounts, health check and stop time-out.

        ``given`` stands in for the variables.
        """
        task = variables(self.rig.env)["services"][service.name]
        check, name = task["health_check"], f"{self.rig.folder.name}-{service.name}-{len(self.names)}"
        docker(
            "run", "--detach", "--name", name, "--network", "host", "--init", "--read-only",
            "--tmpfs", "/tmp:mode=1777", "--user", f"{CONTAINER_UID}:{CONTAINER_GID}",
            "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
            "--stop-timeout", str(self.rig.env.timeouts.stop_seconds),
            "--health-cmd", " ".join(check["command"]),
            "--health-interval", f"{health_seconds or check['interval']}s",
            "--health-timeout", f"{check['timeout']}s", "--health-retries", str(check["retries"]),
            "--health-start-period", f"{0 if health_seconds else check['start_period']}s",
            *(word for mount, path in self._mounts(service) for word in ("--volume", f"{path}:{mount}")),
            *(word for k, v in (given or self._variables(service)).items() for word in ("--env", f"{k}={v}")),
            f"{self.rig.env.project}/{service.image}:{TAG}", *task["command"],
        )  # fmt: skip
        self.names.append(name)
        return name

    def health(self, name: str) -> str:
        """Return ``starting``, ``healthy`` or ``unhealthy``."""
        return docker("inspect", "--format", "{{.State.Health.Status}}", name)

    def remove(self) -> None:
        """Remove the containers; their logs stay in the rig's folder."""
        for name in self.names:
            (self.rig.folder / f"{name}.log").write_text(docker("logs", name, check=False))
            docker("rm", "--force", name, check=False)

    def _mounts(self, service: Service) -> list[tuple[str, Path]]:
        return [(volume.path, self.rig.mount(volume)) for volume, _ in service.mounts]

    def _variables(self, service: Service) -> Mapping[str, str]:
        inside = {v.name: v.source.volume.path for v in service.environment if isinstance(v.source, MountPath)}
        account = self.rig.emulator.variables(account_id=self.rig.env.accounts.own, region=self.rig.env.region)
        found = {
            **{name: value for name, value in account.items() if value and not value.startswith(os.devnull)},
            **self.rig.variables(service),
            **inside,
        }
        return {**found, **({"WHISPER_MODEL": _MODEL} if "WHISPER_MODEL" in found else {})}
