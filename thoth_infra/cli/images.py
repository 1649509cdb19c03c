"""``thoth-infra images``: the containers that the rendered task definitions run."""

from __future__ import annotations

import os
import subprocess
from dataclasses import asdict
from pathlib import Path

import click

from thoth_infra.aws import images
from thoth_infra.cli.context import Project, pass_project
from thoth_infra.cli.tables import table
from thoth_infra.config.load import names
from thoth_infra.errors import EngineError, ThothError
from thoth_infra.terraform.pump import our_stderr

_MIB = 1 << 20


@click.group(name="images")
def images_group() -> None:
    """Build the container images, and tell their sizes."""


@images_group.command()
@click.argument("image", nargs=-1)
@click.option("--tag", help="Tag of the images [default: the git commit, with -dirty when something is not committed].")
@click.option("--base", metavar="IMAGE", help="Another base than the pinned one, for instance with your proxy's CA.")
@click.option("--network", metavar="MODE", help="Network of the build, as of docker build.")
@pass_project
def build(project: Project, image: tuple[str, ...], tag: str | None, base: str | None, network: str | None) -> None:
    """Build the images, or those that are named, with Docker."""
    revision = _revision(project.root)
    if tag is None and revision is None:
        raise ThothError("this is no git checkout, so the images have no commit to be named after", "give --tag")
    prefix = project.load(names(project.root)[0]).environment.project
    built = []
    for name in images.targets(project.root, image):
        called = images.reference(prefix, name, str(tag or revision))
        project.say(f"building {called} …")
        _docker(project.root, images.build_command(name, called, base=base, network=network, revision=revision), name)
        built.append(images.inspected(name, called, _docker(project.root, images.inspect_command(called), name)))
    rows = [(one.name, one.reference, f"{one.size / _MIB:,.0f} MiB", one.id[:19]) for one in built]
    project.emit([asdict(one) for one in built], table(("IMAGE", "REFERENCE", "SIZE", "ID"), rows))


def _docker(root: Path, command: tuple[str, ...], name: str) -> str:
    """Run Docker; its progress goes to stderr, its answer is returned."""
    asks = command[1] == "image"
    try:
        done = subprocess.run(
            command, cwd=root, check=False, text=True, stdout=subprocess.PIPE if asks else our_stderr()
        )
    except FileNotFoundError:
        raise EngineError("docker is not installed", "images are built by a Docker engine: install one") from None
    if done.returncode:
        raise EngineError(f"the image {name} could not be built (docker exit code {done.returncode})",
                          "its last lines above say why; behind a proxy look at --base and --network")  # fmt: skip
    return done.stdout or ""


def _revision(root: Path) -> str | None:
    """Return the commit that the images are made of; None outside a git checkout."""
    try:
        commit = _git(root, "rev-parse", "--short=12", "HEAD")
        return f"{commit}-dirty" if _git(root, "status", "--porcelain") else commit
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ("git", *arguments)
    return subprocess.run(command, cwd=root, env=clean, check=True, capture_output=True, text=True).stdout.strip()
