"""The container images of the services: how they are named, and the Docker commands that make them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from thoth_infra.contract.services import IMAGES
from thoth_infra.errors import ThothError, did_you_mean

DOCKERFILE = "workers/Dockerfile"
_TARGET = re.compile(r"^FROM \S+ AS (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Image:
    """A built image: its name here, its content's digest, and its size in bytes (unpacked)."""

    name: str
    reference: str
    id: str
    size: int


def targets(root: Path, chosen: tuple[str, ...]) -> tuple[str, ...]:
    """Return the images to build: those chosen, or all that the Dockerfile has.

    Raises:
        ThothError: for a name that is no image.
    """
    stages = _TARGET.findall((root / DOCKERFILE).read_text(encoding="utf-8"))
    return named(chosen, tuple(image for image in IMAGES if image in stages))


def named(chosen: tuple[str, ...], known: tuple[str, ...] = tuple(IMAGES)) -> tuple[str, ...]:
    """Return the images that are named, or all of them. Raises ThothError for a name that is no image."""
    for name in chosen:
        if name not in known:
            raise ThothError(f"there is no image {name!r}", did_you_mean(name, known))
    return tuple(dict.fromkeys(chosen)) or known


def context(root: Path) -> tuple[str, ...]:
    """Return the paths that images are made of, as git takes them: what .dockerignore lets in, and that file itself."""
    file = root / ".dockerignore"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    wanted = tuple(line.removeprefix("!").strip() for line in lines if line.startswith("!"))
    return (*wanted, file.name) if "*" in lines else (".",)


def reference(project: str, image: str, tag: str) -> str:
    """Return an image's name on this machine."""
    return f"{project}/{image}:{tag}"


def build_command(
    image: str, name: str, *, base: str | None, network: str | None, revision: str | None
) -> tuple[str, ...]:
    """Return the argv of ``docker build``, to be run in the project's root."""
    options = ["--file", DOCKERFILE, "--target", image, "--tag", name]
    options += ["--label", f"org.opencontainers.image.revision={revision}"] if revision else []
    options += ["--build-arg", f"BASE={base}"] if base else []
    options += ["--network", network] if network else []
    return ("docker", "build", *options, ".")


def inspect_command(name: str) -> tuple[str, ...]:
    """Return the argv that tells an image's id and size, for ``inspected``."""
    return ("docker", "image", "inspect", "--format", '{"id":"{{.Id}}","size":{{.Size}}}', name)


def inspected(image: str, name: str, output: str) -> Image:
    """Return what ``inspect_command`` printed."""
    found = json.loads(output)
    return Image(image, name, found["id"], int(found["size"]))
