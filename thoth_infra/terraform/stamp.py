"""Remembers what ``init`` prepared, so that it runs again only when something it depends on has changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from thoth_infra.files import private_folder, write_atomic
from thoth_infra.terraform.launch import Engine
from thoth_infra.terraform.workspace import Workspace

#: Blocks that decide what ``init`` does: backend and required providers, providers, module calls.
_DECIDES: Final = re.compile(rb"^\s*(terraform|provider|module)\b", re.MULTILINE)


def fingerprint(workspace: Workspace, engine: Engine, provider_settings: dict[str, str]) -> str:
    """Return a digest of all that ``init`` depends on, by content."""
    digest = hashlib.sha256()
    for word in (engine.kind, engine.version, *map(str, sorted(provider_settings.items()))):
        digest.update(f"{word}\0".encode())
    for path in sorted(_deciding_files(workspace)):
        digest.update(f"{path}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_current(workspace: Workspace, wanted: str) -> bool:
    """Return whether the data directory is the result of an ``init`` with this fingerprint, and intact."""
    try:
        recorded = _path(workspace).read_text(encoding="utf-8")
    except OSError:
        return False
    return recorded == wanted and workspace.data_dir.is_dir() and not any(_dangling(workspace.data_dir))


def record(workspace: Workspace, reached: str) -> None:
    """Remember a successful ``init``."""
    private_folder(workspace.data_dir)  # Terraform makes none when there is nothing to keep in it
    write_atomic(_path(workspace), reached, mode=0o600)


def forget(workspace: Workspace) -> None:
    """Make the next ``init`` run."""
    _path(workspace).unlink(missing_ok=True)


def _path(workspace: Workspace) -> Path:
    return workspace.scratch / "init.stamp"


def _deciding_files(workspace: Workspace) -> Iterator[Path]:
    if workspace.lock_file.exists():
        yield workspace.lock_file
    config = workspace.scratch / "terraform.rc"
    if config.exists():
        yield config
    for path in workspace.tree.rglob("*.tf"):
        if _DECIDES.search(path.read_bytes()):
            yield path
    yield from workspace.tree.rglob("*.tf.json")


def _dangling(data_dir: Path) -> Iterator[Path]:
    """Yield the provider links that lead nowhere: the mirror behind them has gone."""
    for link in (data_dir / "providers").glob("*/*/*/*/*"):
        if not link.exists():
            yield link
