"""Finds a copy of the pinned provider on disk, so that Terraform need not download it.

A mirror is a folder in Terraform's filesystem-mirror layout, packed or unpacked:
``registry.terraform.io/hashicorp/aws/terraform-provider-aws_5.100.0_linux_amd64.zip`` or
``registry.terraform.io/hashicorp/aws/5.100.0/linux_amd64/``.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from thoth_infra.errors import EngineError

HOST: Final = "registry.terraform.io"
SOURCE: Final = f"{HOST}/hashicorp/aws"
PROVIDER_VERSION: Final = "5.100.0"
MIRROR_VARIABLE: Final = "THOTH_PROVIDER_MIRROR"

#: Folders below which, at the top or one level down, machines keep mirrors.
SYSTEM_FOLDERS: Final = tuple(
    Path(folder) for folder in ("/opt", "/srv", "/usr/share", "/usr/local/share", "/var/lib")
)

_ARCHITECTURES: Final = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Mirror:
    """A mirror's ``root``, and the ``package`` (folder or zip) in it that holds the provider."""

    root: Path
    package: Path

    @property
    def folders(self) -> tuple[Path, ...]:
        """What a container must see: the mirror, and the package where a link leads out of it."""
        root, package = self.root.resolve(), self.package.resolve()
        return (self.root,) if package.is_relative_to(root) else (self.root, package)


def host_platform(system: str | None = None) -> str:
    """Return Terraform's name for this machine's platform, or for ``system`` on its processor."""
    machine = platform.machine().lower()
    return f"{system or sys.platform}_{_ARCHITECTURES.get(machine, machine)}"


def look_in(root: Path, target: str) -> Mirror | None:
    """Return the mirror at ``root`` when it holds the pinned provider for the platform ``target``."""
    folder = _real_folder(root, SOURCE)
    if folder is None:
        return None
    packed = folder / f"terraform-provider-aws_{PROVIDER_VERSION}_{target}.zip"
    if packed.is_file():
        return Mirror(root, packed)
    version = _real_folder(folder, PROVIDER_VERSION)
    unpacked = version / target if version else None
    if unpacked and any(unpacked.glob(f"terraform-provider-aws_v{PROVIDER_VERSION}*")):
        return Mirror(root, unpacked)
    return None


def search(roots: Iterable[Path], target: str) -> Mirror | None:
    """Return the first mirror among ``roots`` that holds the pinned provider."""
    return next((found for root in roots if (found := look_in(root, target))), None)


def find(
    variables: Mapping[str, str], tree: Path, target: str, roots: Iterable[Path] | None = None
) -> Mirror | None:
    """Find a mirror: the one that is named, else the first that Terraform or a machine would have.

    Raises EngineError when ``THOTH_PROVIDER_MIRROR`` names a folder without the provider: it was
    asked for, so going elsewhere silently would be wrong.
    """
    if named := variables.get(MIRROR_VARIABLE):
        mirror = look_in(Path(named).expanduser().absolute(), target)
        if mirror is None:
            raise EngineError(
                f"{MIRROR_VARIABLE}={named} does not hold {SOURCE} {PROVIDER_VERSION} for {target}",
                f"Fill it with `terraform providers mirror -platform={target} {named}`, or unset it.",
            )
        return mirror
    return search(candidates(variables, tree) if roots is None else roots, target)


def candidates(
    variables: Mapping[str, str], tree: Path, system_folders: Iterable[Path] = SYSTEM_FOLDERS
) -> Iterator[Path]:
    """Yield the folders to look in, nearest to the user first."""
    if cache := variables.get("TF_PLUGIN_CACHE_DIR"):
        yield Path(cache).expanduser().absolute()
    yield from _implied(variables, tree)
    for folder in system_folders:
        yield folder
        yield from (found.parent for found in sorted(folder.glob(f"*/{HOST}")))


def _implied(variables: Mapping[str, str], tree: Path) -> Iterator[Path]:
    """Yield the folders that Terraform itself looks in when nothing configures it."""
    home = Path(variables.get("HOME") or Path.home())
    yield tree / "terraform.d" / "plugins"
    yield home / ".terraform.d" / "plugins"
    if sys.platform == "darwin":
        yield home / "Library/Application Support/io.terraform/plugins"
        yield Path("/Library/Application Support/io.terraform/plugins")
    yield Path(variables.get("XDG_DATA_HOME") or home / ".local/share") / "terraform/plugins"
    for folder in (variables.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":"):
        if folder.startswith("/"):
            yield Path(folder) / "terraform/plugins"


def _real_folder(root: Path, below: str) -> Path | None:
    """Return ``root/below`` unless a part of ``below`` is a link: Terraform would not follow it there."""
    folder = root
    for part in Path(below).parts:
        folder = folder / part
        if folder.is_symlink() or not folder.is_dir():
            return None
    return folder
