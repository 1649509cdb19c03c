"""Brings ``terraform/<env>/``, or GitHub's workflows, to what is rendered: files atomically, stale ones removed."""

from __future__ import annotations

import difflib
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from thoth_infra.errors import ThothError
from thoth_infra.files import write_atomic
from thoth_infra.render.tree import MARK, Tree

FOLDER = "terraform"
# Not a name that an environment could have.
WORKFLOWS = "github-workflows"
_WORKFLOWS_FOLDER = ".github/workflows"
# Made by Terraform, not by us: state of a run, and the provider lock file, which is committed.
_TERRAFORM = frozenset({".terraform", ".terraform.lock.hcl"})

_NOWHERE = "/dev/null"
_NO_NEWLINE = "\n\\ No newline at end of file\n"


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

    def summary(self, done: bool = True) -> str:
        """Return the counts in one line; ``done`` tells whether the files have been written."""
        if not self.any:
            return f"{self.environment}: up to date"
        verbs = ("added", "changed", "removed") if done else ("to add", "to change", "to remove")
        counts = zip(verbs, (self.added, self.changed, self.removed), strict=True)
        return f"{self.environment}: " + ", ".join(f"{len(paths)} {verb}" for verb, paths in counts if paths)


def folder(root: Path, environment: str) -> Path:
    """Return the folder of an environment's root module, or that of ``WORKFLOWS``."""
    return root / shown_folder(environment)


def shown_folder(environment: str) -> str:
    """Return ``folder``'s path below the project."""
    return _WORKFLOWS_FOLDER if environment == WORKFLOWS else f"{FOLDER}/{environment}"


def compare(root: Path, environment: str, tree: Tree) -> Changes:
    """Compare the folder on disk with ``tree``."""
    target = folder(root, environment)
    found = {path.relative_to(target).as_posix(): path for path in _files(target)}
    shown = f"{shown_folder(environment)}/"
    return Changes(
        environment,
        added=tuple(shown + name for name in tree if name not in found),
        changed=tuple(shown + n for n, text in tree.items() if n in found and _read(found[n]) != text),
        removed=tuple(shown + n for n, path in found.items() if n not in tree and _ours(path)),
        foreign=tuple(shown + n for n, path in found.items() if n not in tree and not _ours(path)),
    )


def write(root: Path, environment: str, tree: Tree) -> Changes:
    """Write what differs and remove stale generated files; leave files of other origin alone.

    All new files are written beside the folder before the first one is moved into it, so a full disk leaves
    the old tree as it was. Raises ThothError, having changed nothing, when a place is taken.
    """
    changes = compare(root, environment, tree)
    target = folder(root, environment)
    start = f"{shown_folder(environment)}/"
    names = [shown.removeprefix(start) for shown in (*changes.added, *changes.changed)]
    for name in names:
        _check_place(root, target / name)
    try:
        if names:
            _replace(target, {name: tree[name] for name in names})
        for shown in changes.removed:
            (root / shown).unlink(missing_ok=True)
            _remove_empty((root / shown).parent, target)
    except OSError as error:
        raise ThothError(
            f"{shown_folder(environment)} could not be brought up to date: {error}", "mend that, then render again"
        ) from error
    return changes


def _check_place(root: Path, path: Path) -> None:
    """Refuse what can't be written, or would be written somewhere else."""
    if path.is_dir() and not path.is_symlink():
        shown = path.relative_to(root).as_posix()
        raise ThothError(f"{shown} is a folder, but a file is to be written there", "move the folder away")
    for parent in reversed(path.relative_to(root).parents):
        place = root / parent
        if place != root and (place.is_symlink() or (place.exists() and not place.is_dir())):
            kind = "link" if place.is_symlink() else "file"
            shown = parent.as_posix()
            raise ThothError(f"{shown} is a {kind}, but a folder is to be written there", f"move the {kind} away")


def _replace(target: Path, files: Tree) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        staged = {name: Path(scratch, str(number)) for number, name in enumerate(files)}
        for name, text in files.items():
            write_atomic(staged[name], text)
        for name, path in staged.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            path.replace(target / name)


def diff(root: Path, environment: str, tree: Tree) -> str:
    """Return the unified diff that ``write`` would bring about, as ``patch -p1`` takes it."""
    changes = compare(root, environment, tree)
    parts: list[str] = []
    for shown in sorted((*changes.added, *changes.changed, *changes.removed)):
        name = shown.removeprefix(f"{shown_folder(environment)}/")
        before = "" if shown in changes.added else _read(root / shown)
        after = tree.get(name, "")
        parts += difflib.unified_diff(
            _lines(before),
            _lines(after),
            _NOWHERE if shown in changes.added else f"a/{shown}",
            _NOWHERE if shown in changes.removed else f"b/{shown}",
        )
    return "".join(part if part.endswith("\n") else part + _NO_NEWLINE for part in parts)


def _lines(text: str) -> list[str]:
    """Split at line feeds only: ``str.splitlines`` takes U+2028 and a few others for ends of lines too."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


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
