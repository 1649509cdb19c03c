"""The project's files for one environment: configuration, rendered tree, provider, state's place, images."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from functools import cache
from pathlib import Path
from typing import IO, Final

from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load, lock_file, names
from thoth_infra.contract.services import IMAGES
from thoth_infra.errors import IdentityRefused
from thoth_infra.render import write as writer
from thoth_infra.render.tree import Tree, render, render_shared
from thoth_infra.review.doctor.context import Context
from thoth_infra.review.doctor.findings import Answer, fail, ok, skipped, some, warn
from thoth_infra.review.doctor.registry import check
from thoth_infra.terraform import mirror
from thoth_infra.terraform.backend import check_backend
from thoth_infra.terraform.engines import docker_client
from thoth_infra.terraform.version import read_pin

_CHUNK: Final = 1 << 20


@check("configuration", "project")
def configuration(context: Context) -> Answer:
    """The environment's configuration is valid, and nothing on this machine overrides it."""
    if context.problem:
        return fail(context.problem.message, context.problem.hint or "thoth-infra env check")
    if context.overrides:
        said = some(f"{key} ({origin})" for key, origin in context.overrides.items())
        return warn(
            f"not what is committed: {said}", f"remove it from .env.{context.name} or your shell's THOTH_ variables"
        )
    return ok("valid, and nothing overrides it")


@check("rendered", "project", needs=("configuration",))
def rendered(context: Context) -> Answer:
    """The committed tree is what the configuration renders."""
    changes = writer.compare(context.root, context.module.name, _tree(context))
    stale = [Path(path).name for path in (*changes.added, *changes.changed, *changes.removed)]
    if stale:
        return fail(
            f"{len(stale)} files are not as rendered ({some(stale)})", f"thoth-infra render --env {context.name}"
        )
    if changes.foreign:
        said = some(Path(path).name for path in changes.foreign)
        return warn(f"Terraform also reads files that were not rendered ({said})", "move them out of the tree")
    return ok(f"terraform/{context.name} is as rendered")


def _tree(context: Context) -> Tree:
    module, version = context.module, read_pin(context.root).version
    if isinstance(module, Environment):
        return render(context.root, module, version)
    trusted = [load(context.root, name, personal=False).environment for name in names(context.root)]
    return render_shared(context.root, module, trusted, version)


@check("state-place", "project", needs=("configuration",))
def state_place(context: Context) -> Answer:
    """Tree and data directory lead to this environment's state and no other."""
    assert context.workspace is not None  # noqa: S101 - there is one where there is a configuration
    try:
        check_backend(context.workspace)
    except IdentityRefused as error:
        return fail(error.message, error.hint or "")
    return ok(str(context.workspace.backend))


@check("provider", "project", needs=("configuration",))
def provider(context: Context) -> Answer:
    """The pinned provider is on this machine, and the lock file has its checksum for this platform."""
    variables, workspace = context.settings.variables, context.workspace
    assert workspace is not None  # noqa: S101 - there is one where there is a configuration
    docker = context.settings.engine != "local" and docker_client(variables)[0]
    target = mirror.host_platform("linux") if docker else mirror.host_platform()
    mend = f"thoth-infra terraform --env {context.name} -- providers lock -platform={target}"
    if not workspace.lock_file.is_file():
        return fail(f"terraform/{context.name} has no .terraform.lock.hcl", mend)
    locked = workspace.lock_file.read_text(encoding="utf-8")
    if f'"{mirror.PROVIDER_VERSION}"' not in locked:
        return fail(f"the lock file does not say {mirror.PROVIDER_VERSION}", mend)
    found = mirror.find(variables, workspace.tree, target)
    if found is None:
        if any(workspace.data_dir.glob(f"providers/{mirror.SOURCE}/{mirror.PROVIDER_VERSION}/{target}")):
            return ok(f"{mirror.PROVIDER_VERSION} is installed in {workspace.data_dir}")
        return warn(
            f"no copy of {mirror.PROVIDER_VERSION} for {target}: `init` asks {mirror.HOST} for it",
            f"terraform -chdir=terraform/{context.name} providers mirror -platform={target} DIR; "
            f"export {mirror.MIRROR_VARIABLE}=DIR",
        )
    if not checksums(found.package) & set(re.findall(r'"((?:h1|zh):[^"]+)"', locked)):
        return fail(f"the lock file has no checksum of {found.package}", mend)
    return ok(f"{mirror.PROVIDER_VERSION} for {target} in {found.root}")


@cache  # all environments have the same package, of several hundred MiB
def checksums(package: Path) -> set[str]:
    """Return what Terraform's lock file may say of a package: ``h1`` of its files, ``zh`` of the archive itself."""
    if package.is_dir():
        files = {path.relative_to(package).as_posix(): path for path in package.rglob("*") if path.is_file()}
        return {_h1({name: _digest(path.open("rb")) for name, path in files.items()})}
    with zipfile.ZipFile(package) as archive:
        inside = {name: _digest(archive.open(name)) for name in archive.namelist() if not name.endswith("/")}
    return {_h1(inside), f"zh:{_digest(package.open('rb'))}"}


def _h1(digests: dict[str, str]) -> str:
    """The "dirhash" of Go modules: a digest of the sorted list of the files' digests."""
    lines = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


def _digest(file: IO[bytes]) -> str:
    found = hashlib.sha256()
    with file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


@check("images-lock", "project", needs=("configuration",), environments_only=True)
def images_lock(context: Context) -> Answer:
    """Every image that runs is pinned by digest."""
    env, services = context.env, context.env.services.by_name()
    wanted = sorted({s.image for s in env.running if services[s.name].image is None and s.image in IMAGES})
    if not wanted:
        return skipped("all services run other images")
    missing = [image for image in wanted if image not in env.images.digests]
    push = f"thoth-infra images push --env {context.name}"
    name = lock_file(context.root, env.name).name
    if len(missing) == len(wanted):
        return warn(f"no {name} yet: tasks pull whatever has the tag {env.images.tag}", push)
    if missing:
        return fail(f"{name} has no digest of {', '.join(missing)}", push)
    return ok(f"{len(wanted)} images of {env.images.tag} by digest")
