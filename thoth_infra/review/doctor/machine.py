"""The machine: Python and its packages, what runs Terraform, disks, Git, and the programs that some commands call."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from thoth_infra.review.doctor.context import Context
from thoth_infra.review.doctor.findings import Answer, fail, ok, skipped, some, warn
from thoth_infra.review.doctor.registry import check
from thoth_infra.terraform.engines import docker_client
from thoth_infra.terraform.local import ask_version, find_binary, how_to_get
from thoth_infra.terraform.version import read_pin

OLDEST_PYTHON: Final = (3, 11)
LOCK: Final = "requirements/dev.lock"
# A requirement of the lock: its hashes stand on lines of their own.
_LOCKED: Final = re.compile(r"^[A-Za-z0-9][^\\\n]*==[^\\\n]*", re.MULTILINE)
_GIB: Final = 1 << 30
# Providers, plans and an emulated AWS; images, of which transcription's with CUDA has several GiB.
PROJECT_GIB: Final = (2, 5)
DOCKER_GIB: Final = (5, 20)
_TIMEOUT_S: Final = 20


def _ask(context: Context, *command: str) -> tuple[int, str]:
    """Run a program of the user's PATH in the project; return its exit code and what it printed."""
    kept = {name: value for name, value in context.settings.variables.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command, cwd=context.root, env=kept, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, str(error)
    return done.returncode, (done.stdout or done.stderr).rstrip()


def _which(context: Context, program: str) -> str | None:
    return shutil.which(program, path=context.settings.variables.get("PATH"))


@check("python", "machine")
def python(context: Context) -> Answer:
    """The Python that runs this is new enough."""
    version = ".".join(map(str, context.settings.python))
    if context.settings.python[:2] < OLDEST_PYTHON:
        return fail(f"Python {version}, which is older than 3.11", "make venv PYTHON=python3.12")
    return ok(f"Python {version}")


@check("packages", "machine")
def packages(context: Context) -> Answer:
    """The packages that it uses are those of the lock."""
    lock = context.root / LOCK
    if not lock.is_file():
        return skipped(f"there is no {LOCK}")
    locked = _locked(lock.read_text(encoding="utf-8"))
    ours = [canonicalize_name(Requirement(row).name) for row in metadata.requires("thoth-infra") or ()]
    wrong = []
    for name in dict.fromkeys(ours):
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            installed = "missing"
        if locked.get(name, installed) != installed:
            wrong.append(f"{name} {installed} instead of {locked[name]}")
    if wrong:
        return warn(f"not what {LOCK} says: {some(wrong)}", "rm .venv/.installed; make venv")
    return ok(f"those of {LOCK}")


def _locked(text: str) -> dict[str, str]:
    """Return the version of each package that a lock wants here: it may have another one for another Python."""
    rows = [Requirement(row) for row in _LOCKED.findall(text)]
    here = [row for row in rows if row.marker is None or row.marker.evaluate()]
    return {canonicalize_name(row.name): str(row.specifier).removeprefix("==") for row in here}


@check("engine", "machine")
def engine(context: Context) -> Answer:
    """Something can run Terraform: a Docker engine that answers, or a local binary."""
    variables = context.settings.variables
    binary = find_binary(variables)
    if context.settings.engine == "local":
        if binary:
            return ok(f"--engine local: {binary}")
        return fail("--engine local, and no terraform on PATH", how_to_get(read_pin(context.root)))
    docker, reason = docker_client(variables)
    if docker:
        return ok("a Docker engine answers")
    if context.settings.engine == "docker" or not binary:
        without = "" if context.settings.engine == "docker" else ", and no terraform on PATH"
        return fail(f"{reason}{without}", how_to_get(read_pin(context.root)))
    return warn(
        f"{reason}: Terraform runs as {binary}, but images can't be built",
        "start a Docker engine (Linux: sudo systemctl start docker)",
    )


@check("terraform", "machine", needs=("engine",))
def terraform(context: Context) -> Answer:
    """Terraform is exactly the pinned version, and is here already."""
    pin = read_pin(context.root)
    variables = context.settings.variables
    docker = docker_client(variables)[0] if context.settings.engine != "local" else None
    if docker:
        code, _ = _ask(context, docker, "image", "inspect", "--format", "{{.Id}}", pin.image)
        if code:
            return warn(f"{pin.image} is not here yet; the first command pulls it", f"docker pull {pin.image}")
        return ok(f"{pin.image} is here")
    binary = find_binary(variables)
    assert binary is not None  # noqa: S101 - what `engine` is for
    with tempfile.TemporaryDirectory() as folder:
        found = ask_version(binary, Path(folder), variables)
    if found != pin.version:
        return fail(f"{binary} is {found}; the project is pinned to {pin.version}", how_to_get(pin))
    return ok(f"{binary} is {found}, as pinned")


@check("disk-project", "machine")
def disk_project(context: Context) -> Answer:
    """The project's disk has room for providers, plans and an emulated AWS."""
    return _room(context.settings.free(context.root), PROJECT_GIB, "the project's disk", "thoth-infra clean --env dev")


@check("disk-docker", "machine", needs=("engine",))
def disk_docker(context: Context) -> Answer:
    """Docker's disk has room for the images."""
    docker = docker_client(context.settings.variables)[0]
    if docker is None:
        return skipped("no Docker engine answers")
    code, folder = _ask(context, docker, "info", "--format", "{{.DockerRootDir}}")
    if code or not Path(folder).is_dir():
        return skipped("Docker keeps its images where this machine can't look")
    return _room(context.settings.free(Path(folder)), DOCKER_GIB, f"Docker's disk ({folder})", "docker system prune")


def _room(free: int, bounds: tuple[int, int], what: str, mend: str) -> Answer:
    least, enough = bounds
    said = f"{free / _GIB:.1f} GiB free on {what}"
    if free < least * _GIB:
        return fail(f"{said}; {least} are needed", mend)
    if free < enough * _GIB:
        return warn(f"{said}; {enough} would be comfortable", mend)
    return ok(said)


@check("git", "machine")
def git(context: Context) -> Answer:
    """The checkout is clean: what is applied and built is what is committed."""
    code, said = _ask(context, "git", "status", "--porcelain")
    if code:
        return warn("this is no git checkout: images and plans can't be traced to a commit", "git clone the project")
    if changed := said.splitlines():
        return warn(f"{len(changed)} files are not committed ({some(line[3:] for line in changed)})", "git status")
    return ok("nothing is uncommitted")


@check("ffmpeg", "machine")
def ffmpeg(context: Context) -> Answer:
    """FFmpeg is there, for `thoth-infra local`."""
    return _program(context, "ffmpeg", "thoth-infra local extracts no sound without it", "apt install ffmpeg")


@check("session-manager-plugin", "machine")
def session_manager_plugin(context: Context) -> Answer:
    """The Session Manager plugin is there, for `thoth-infra exec`."""
    where = (
        "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html"
    )
    return _program(
        context, "session-manager-plugin", "thoth-infra exec opens no shell without it", f"install it: {where}"
    )


@check("aws-cli", "machine")
def aws_cli(context: Context) -> Answer:
    """The AWS CLI is there, which signs in and which the remedies below use."""
    where = "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
    return _program(context, "aws", "`aws sso login` and the remedies here need it", f"install it: {where}")


def _program(context: Context, name: str, without: str, mend: str) -> Answer:
    found = _which(context, name)
    return ok(found) if found and os.access(found, os.X_OK) else warn(f"no {name} on PATH: {without}", mend)
