"""``thoth-infra images``: the containers that the rendered task definitions run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click

from thoth_infra.aws import images, registry, services
from thoth_infra.aws.clients import Clients
from thoth_infra.aws.registry import Pushed
from thoth_infra.cli import docker
from thoth_infra.cli.context import Project, environment_option, pass_project
from thoth_infra.cli.operations import place
from thoth_infra.cli.session import registry_clients
from thoth_infra.cli.tables import table
from thoth_infra.cli.terraform import emulate_option
from thoth_infra.config import images_lock
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import lock_file, names
from thoth_infra.errors import EngineError, IdentityRefused, ThothError
from thoth_infra.files import write_atomic
from thoth_infra.terraform.pump import our_stderr

_MIB: Final = 1 << 20
_DIRTY: Final = "-dirty"
_COMMIT_FIRST: Final = "commit what the images are made of, then `thoth-infra images build`"


_tag = click.option(
    "--tag", help="Tag of the images [default: the git commit, with -dirty when something is not committed]."
)


@dataclass(frozen=True)
class Recorded:
    """An image whose digest went into the lock. ``pushed``: by this command; else the registry had it already."""

    name: str
    repository: str
    tag: str
    digest: str
    pushed: bool


@dataclass(frozen=True)
class Listed:
    """An image of the registry, and where it is used: in the lock, in services."""

    image: Pushed
    locked: bool
    services: tuple[str, ...]


@click.group(name="images")
def images_group() -> None:
    """Build the container images, push them, record their digests, and list what the registry has."""


@images_group.command()
@click.argument("image", nargs=-1)
@_tag
@click.option("--base", metavar="IMAGE", help="Another base than the pinned one, for instance with your proxy's CA.")
@click.option("--network", metavar="MODE", help="Network of the build, as of docker build.")
@pass_project
def build(project: Project, image: tuple[str, ...], tag: str | None, base: str | None, network: str | None) -> None:
    """Build the images, or those that are named, with Docker."""
    revision = _revision(project.root)
    tag = _given(tag, revision)
    prefix = project.load(names(project.root)[0]).environment.project
    built = []
    for name in images.targets(project.root, image):
        called = images.reference(prefix, name, tag)
        project.say(f"building {called} …")
        _docker(project.root, images.build_command(name, called, base=base, network=network, revision=revision), name)
        built.append(images.inspected(name, called, _docker(project.root, images.inspect_command(called), name)))
    rows = [(one.name, one.reference, f"{one.size / _MIB:,.0f} MiB", one.id[:19]) for one in built]
    project.emit([asdict(one) for one in built], table(("IMAGE", "REFERENCE", "SIZE", "ID"), rows))


@images_group.command()
@click.argument("image", nargs=-1)
@environment_option
@emulate_option
@_tag
@click.option(
    "--allow-dirty", is_flag=True, help="Push images that are made of more than a commit; not where protected."
)
@pass_project
def push(
    project: Project, image: tuple[str, ...], environment: str, emulate: bool, tag: str | None, allow_dirty: bool
) -> None:
    """Push images that were built to the environment's registry, and record their digests in its lock.

    All images, or those that are named. The lock (environments/ENV.images.lock) is written once all are there; images
    that were not pushed keep the digest that it has. An image that the registry has already is not sent again.
    """
    env = project.load(environment).environment
    chosen, tag = images.named(image), _given(tag, _revision(project.root))
    here = {name: images.reference(env.project, name, tag) for name in chosen}
    found = docker.built(here.values())
    if missing := [name for name in chosen if here[name] not in found]:
        again = f"thoth-infra images build {' '.join(missing)}"
        raise ThothError(f"not built for {tag}: {', '.join(missing)}", f"build first: `{again} --tag {tag}`")
    _refuse_dirty(env, {name: found[here[name]] for name in chosen}, tag, allow_dirty)
    with registry_clients(project, env, emulate) as (clients, _):
        ids = {name: found[here[name]].id for name in chosen}
        there = {name: registry.held(clients, env.ecr_account, env.repository(name), tag) for name in chosen}
        if other := [name for name, held in there.items() if held and not held.is_image(ids[name])]:
            take = f"thoth-infra images lock --env {env.name} --tag {tag}"
            raise ThothError(
                f"account {env.ecr_account} has another {', '.join(other)} under the tag {tag}: tags are never moved",
                f"build and push under another one (`--tag`), or take what is there: `{take}`",
            )
        done = {
            name: Recorded(name, env.repository(name), tag, held.digest, False) for name, held in there.items() if held
        }
        if wanted := [name for name in chosen if name not in done]:
            with docker.signed_in(registry.login(clients, env.ecr_account, env.region)) as engine:
                for name in wanted:
                    digest = _pushed(project, clients, engine, env, name, tag, here[name], ids[name])
                    done[name] = Recorded(name, env.repository(name), tag, digest, True)
    _record(project, env, tag, [done[name] for name in chosen])


@images_group.command()
@click.argument("image", nargs=-1)
@environment_option
@emulate_option
@click.option("--tag", required=True, help="Tag that the registry has.")
@pass_project
def lock(project: Project, image: tuple[str, ...], environment: str, emulate: bool, tag: str) -> None:
    """Record in the environment's lock what the registry has under a tag. Needs no Docker."""
    env = project.load(environment).environment
    chosen = images.named(image)
    if tag.endswith(_DIRTY) and _protected(env):
        raise ThothError(f"{tag} is made of more than a commit, and {env.name} is protected", _COMMIT_FIRST)
    with registry_clients(project, env, emulate) as (clients, _):
        found = {name: registry.held(clients, env.ecr_account, env.repository(name), tag) for name in chosen}
    if missing := [name for name, held in found.items() if held is None]:
        raise ThothError(
            f"the registry of account {env.ecr_account} has no {', '.join(missing)} under the tag {tag}",
            f"`thoth-infra images list --env {env.name}` shows what it has",
        )
    held = {name: one for name, one in found.items() if one}
    _record(project, env, tag, [Recorded(name, env.repository(name), tag, held[name].digest, False) for name in chosen])


@images_group.command(name="list")
@click.argument("image", nargs=-1)
@environment_option
@emulate_option
@pass_project
def list_images(project: Project, image: tuple[str, ...], environment: str, emulate: bool) -> None:
    """List what the environment's registry has, and which of it is locked and runs."""
    env = project.load(environment).environment
    with registry_clients(project, env, emulate) as (clients, at_home):
        found = [
            one
            for name in images.named(image)
            for one in registry.listing(clients, env.ecr_account, env.repository(name), name)
        ]
        try:
            running = services.images(at_home(), place(env))
        except IdentityRefused as error:
            running = {}
            project.say(f"note: which images run is not known: {error.message}")
    locked = images_lock.recorded(lock_file(project.root, env.name))
    rows = [Listed(one, locked.get(one.image) == one.digest, _runs(env, one, running)) for one in found]
    text = table(("IMAGE", "TAGS", "DIGEST", "PUSHED", "SIZE", "LOCKED", "RUNS", "FINDINGS"), map(_row, rows))
    project.emit([asdict(row.image) | {"locked": row.locked, "services": row.services} for row in rows], text)


def _row(row: Listed) -> tuple[str, ...]:
    one = row.image
    size = "-" if not one.size else f"{one.size / _MIB:,.0f} MiB"
    findings = (
        "-" if one.findings is None else " ".join(f"{n} {severity.lower()}" for severity, n in one.findings.items())
    )
    tags = ", ".join(one.tags) or "-"
    locked, runs = "yes" if row.locked else "-", ", ".join(row.services) or "-"
    return (one.image, tags, one.digest[:19], f"{one.pushed_at:%Y-%m-%d %H:%M}", size, locked, runs, findings or "none")


def _runs(env: Environment, one: Pushed, running: Mapping[str, str]) -> tuple[str, ...]:
    """Return the services whose task definition names the image, by digest or by one of its tags."""
    repository = f"{env.ecr_account}.dkr.ecr.{env.region}.amazonaws.com/{env.repository(one.image)}"
    names = {f"{repository}@{one.digest}", *(f"{repository}:{tag}" for tag in one.tags)}
    return tuple(service for service, reference in running.items() if reference in names)


def _pushed(
    project: Project,
    clients: Clients,
    engine: docker.Docker,
    env: Environment,
    name: str,
    tag: str,
    local: str,
    known: str,
) -> str:
    """Push one image and return the digest that the registry has for it, which is the one that Docker sent."""

    def there() -> registry.Held | None:
        return registry.held(clients, env.ecr_account, env.repository(name), tag)

    def landed() -> bool:
        held = there()
        return held is not None and held.is_image(known)

    project.say(f"pushing {local} to account {env.ecr_account} …")
    sent, held = engine.push(local, f"{env.repository(name)}:{tag}", landed, project.say), there()
    if held is None or sent not in (None, held.digest):
        told = held.digest if held else "nothing"
        raise EngineError(f"Docker pushed {name} as {sent}, but the registry has {told} under {tag}", "push again")
    return held.digest


def _record(project: Project, env: Environment, tag: str, done: Sequence[Recorded]) -> None:
    """Write the lock; the images that are not in ``done`` keep their digests."""
    file = lock_file(project.root, env.name)
    before = images_lock.recorded(file)
    text = images_lock.content(tag, before | {one.name: one.digest for one in done})
    shown = file.relative_to(project.root)
    changed = not file.is_file() or file.read_text(encoding="utf-8") != text
    if changed:
        write_atomic(file, text)
    if kept := [name for name in before if name not in {one.name for one in done}]:
        project.say(f"note: {', '.join(kept)} keep the digest of an earlier push")
    after = f"recorded in {shown}; `thoth-infra render --env {env.name}` brings that into the task definitions"
    rows = [(one.name, one.tag, one.digest, "pushed" if one.pushed else "was there") for one in done]
    project.emit(
        {"lock": str(shown), "changed": changed, "images": [asdict(one) for one in done]},
        f"{table(('IMAGE', 'TAG', 'DIGEST', ''), rows)}\n{after if changed else f'{shown} says so already'}",
    )


def _given(tag: str | None, revision: str | None) -> str:
    if tag is None and revision is None:
        raise ThothError("this is no git checkout, so the images have no commit to be named after", "give --tag")
    return str(tag or revision)


def _refuse_dirty(env: Environment, found: Mapping[str, docker.Built], tag: str, allowed: bool) -> None:
    """Refuse images that no commit describes: nobody could say what runs there, or make it again."""
    wrong = [name for name, one in found.items() if not one.committed or tag.endswith(_DIRTY)]
    if wrong and _protected(env):
        raise ThothError(f"{', '.join(wrong)}: made of more than a commit, and {env.name} is protected", _COMMIT_FIRST)
    if wrong and not allowed:
        raise ThothError(f"{', '.join(wrong)}: made of more than a commit", f"{_COMMIT_FIRST}; or --allow-dirty")


def _protected(env: Environment) -> bool:
    return env.protection.deletion_protection or env.protection.approval != "none"


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
    """Return the commit that the images are made of, with -dirty if not of that alone; None outside a git checkout."""
    try:
        commit = _git(root, "rev-parse", "--short=12", "HEAD")
        return f"{commit}{_DIRTY}" if _git(root, "status", "--porcelain", "--", *images.context(root)) else commit
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ("git", *arguments)
    return subprocess.run(command, cwd=root, env=clean, check=True, capture_output=True, text=True).stdout.strip()
