"""The lock of an environment's images: the digests that the registry has, and the tag that was pushed last.

A layer of the configuration like any other, right above the environment's own file, that holds the keys below
``images`` only. ``thoth-infra images push`` writes it; it is committed, and reviewed with the trees that it changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from thoth_infra.config import layers, sources
from thoth_infra.config.layers import Layer, Merged
from thoth_infra.errors import ConfigInvalid, Problem

SUFFIX: Final = ".images.lock"
_DIGESTS: Final = ("images", "digests")
_HEADER: Final = "# Written by `thoth-infra images push`: what the registry has. Commit it; do not edit it."


def layer(file: Path, shown: Path) -> Layer:
    """Read a lock. Raises ConfigInvalid for one that says anything else."""
    found = sources.yaml_layer(layers.IMAGES, file, shown)
    strange = [key for key in found.data if key != "images"]
    if strange:
        line = found.lines.get((strange[0],), 1)
        right = f"move it into {shown.name.removesuffix(SUFFIX)}.yaml"
        raise ConfigInvalid([Problem(shown, line, strange[0], "a lock has nothing but images", right)])
    return found


def give_way(merged: Merged) -> None:
    """Drop the lock's digests where a layer above it asks for another tag, which would have no effect otherwise."""
    locked = next((one.data.get("images") or {} for one in merged.layers if one.name == layers.IMAGES), None)
    images = merged.data.get("images")
    if not locked or "tag" not in locked or not isinstance(images, dict) or images["tag"] == locked["tag"]:
        return
    digests = images.get("digests")
    if not isinstance(digests, dict):
        return
    for name in [name for name in digests if merged.origin((*_DIGESTS, name)).layer == layers.IMAGES]:
        merged.remove((*_DIGESTS, name))


def content(tag: str, digests: Mapping[str, str]) -> str:
    """Return the text of a lock."""
    # The tag in quotes: a commit can look like a number.
    lines = ["images:", f'  tag: "{tag}"', "  digests:", *(f"    {name}: {digests[name]}" for name in sorted(digests))]
    return "\n".join([_HEADER, *lines, ""])


def recorded(file: Path) -> dict[str, str]:
    """Return the digests of a lock, by image; none where there is no such file."""
    if not file.is_file():
        return {}
    images = layer(file, Path(file.parent.name, file.name)).data.get("images") or {}
    return {str(name): str(digest) for name, digest in (images.get("digests") or {}).items()}
