"""A digest of what Terraform reads from a rendered tree."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

#: Written by Terraform into the tree, and read by nobody as configuration.
_LEAVINGS: Final = (".tfstate", ".tfstate.backup", ".tfplan", ".tfstate.lock.info")
_LOCK_FILE: Final = ".terraform.lock.hcl"


def file_digests(tree: Path) -> dict[str, str]:
    """Return the SHA-256 of each file by its path in ``tree``, in order.

    Left out: Terraform's data directories, states and plans. The lock file counts: it decides which
    provider runs.
    """
    return {
        path.relative_to(tree).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(_files(tree))
    }


def combined(digests: Mapping[str, str]) -> str:
    """Return one SHA-256 over paths and contents."""
    lines = "".join(f"{digest}  {path}\0" for path, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Return what changed, one file each: ``+ new``, ``- gone``, ``~ other content``."""
    marks = []
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            marks.append(f"{'+' if path not in before else '-' if path not in after else '~'} {path}")
    return tuple(marks)


def _files(tree: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(tree, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".terraform")]
        for name in names:
            if name == _LOCK_FILE or not (name.startswith(".terraform") or name.endswith(_LEAVINGS)):
                yield Path(folder, name)
