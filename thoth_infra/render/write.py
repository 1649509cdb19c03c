"""Brings ``terraform/<env>/`` to a rendered tree: changed files atomically, stale ones removed."""

from __future__ import annotations

import difflib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from thoth_infra.errors import ThothError
from thoth_infra.files import write_atomic
from thoth_infra.render.tree import MARK, Tree

FOLDER = "terraform"
# Made by Terraform, not by us: state of a run, and the provider lock file, which is committed.
_TERRAFORM = frozenset({".terraform", ".terraform.lock.hcl"})


@dataclass(frozen=True)
class Changes:
    """How a folder differs from its rendered tree; paths are relative to the project."""

    environment: str
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether the folder differs; files of other origin don't count."""
        return bool(self.added or self.changed or self.removed)


def folder(root: Path, environment: str) -> Path:
    """Return the folder of an environment's root module."""
    return root / FOLDER / environment


def compare(root: Path, environment: str, tree: Tree) -> Changes:
    """Compare the folder on disk with ``tree``."""
    target = folder(root, environment)
    found = {path.relative_to(target).as_posix(): path for path in _files(target)}
    shown = f"{FOLDER}/{environment}/"
    return Changes(
        environment,
        added=tuple(shown + name for name in tree if name not in found),
        changed=tuple(shown + n for n, text in tree.items() if n in found and _read(found[n]) != text),
        removed=tuple(shown + n for n, path in found.items() if n not in tree and _ours(path)),
        foreign=tuple(shown + n for n, path in found.items() if n not in tree and not _ours(path)),
    )


def write(root: Path, environment: str, tree: Tree) -> Changes:
    """Write what differs and remove stale generated files; leave files of other origin alone."""
    changes = compare(root, environment, tree)
    target = folder(root, environment)
    for shown in (*changes.added, *changes.changed):
        name = shown.removeprefix(f"{FOLDER}/{environment}/")
        path = target / name
        if path.is_dir():
            raise ThothError(f"{shown} is a folder, but a file is to be written there", "move the folder away")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, tree[name])
    for shown in changes.removed:
        path = root / shown
        path.unlink()
        _remove_empty(path.parent, target)
    return changes


def diff(root: Path, environment: str, tree: Tree) -> str:
    """Return the unified diff that ``write`` would bring about."""
    changes = compare(root, environment, tree)
    parts: list[str] = []
    for shown in sorted((*changes.added, *changes.changed, *changes.removed)):
        name = shown.removeprefix(f"{FOLDER}/{environment}/")
        before = "" if shown in changes.added else _read(root / shown)
        after = tree.get(name, "")
        parts += difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{shown}", f"b/{shown}"
        )
    return "".join(parts)


def _files(target: Path) -> list[Path]:
    found = []
    for parent, folders, names in os.walk(target):
        folders[:] = [name for name in folders if name not in _TERRAFORM]
        found += [Path(parent, name) for name in names if name not in _TERRAFORM]
    return sorted(found)


def _read(path: Path) -> str:
    if not stat.S_ISREG(path.lstat().st_mode):
        return ""
    return path.read_bytes().decode("utf-8", "replace")


def _ours(path: Path) -> bool:
    return _read(path).startswith(MARK)


def _remove_empty(path: Path, stop: Path) -> None:
    while path != stop and not any(path.iterdir()):
        path.rmdir()
        path = path.parent
