"""The configuration that a change starts from, out of Git: the pull request's base, or else the last commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from thoth_infra.config.environment import Environment
from thoth_infra.config.load import FOLDER, load
from thoth_infra.errors import ThothError
from thoth_infra.files import write_atomic

_TIMEOUT_S = 20


def earlier(root: Path, name: str) -> Environment | None:
    """Return the environment ``name`` as the change found it; None where Git does not know, or nothing differs.

    The first of these counts that says something else than the files do now: the base of the pull request
    (``GITHUB_BASE_REF``), where the branch left the remote's default branch, the last commit, the one before it.
    """
    git = shutil.which("git")
    if git is None:
        return None
    try:
        now = load(root, name).environment
    except ThothError:
        return None
    for revision in _revisions(git, root):
        found = _at(git, root, revision, name)
        if found is not None and found != now:
            return found
    return None


def _revisions(git: str, root: Path) -> Iterator[str]:
    base = os.environ.get("GITHUB_BASE_REF")
    for branch in ([f"origin/{base}"] if base else []) + ["origin/HEAD"]:
        if common := _run(git, root, "merge-base", "HEAD", branch):
            yield common.decode().strip()
    yield from ("HEAD", "HEAD~1")


def _at(git: str, root: Path, revision: str, name: str) -> Environment | None:
    """Load an environment as a revision has it; what stands outside the committed files counts as it is today."""
    prefix = (_run(git, root, "rev-parse", "--show-prefix") or b"").decode().strip()
    listed = _run(git, root, "ls-tree", "--full-tree", "-z", "--name-only", f"{revision}:{prefix}{FOLDER}")
    if not listed:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        for file in listed.decode().rstrip("\0").split("\0"):
            content = _run(git, root, "cat-file", "blob", f"{revision}:{prefix}{FOLDER}/{file}")
            if content is not None:
                (Path(scratch) / FOLDER).mkdir(exist_ok=True)
                write_atomic(Path(scratch) / FOLDER / file, content)
        own = root / f".env.{name}"
        if own.is_file():
            shutil.copy(own, scratch)
        try:
            return load(Path(scratch), name).environment
        except ThothError:  # it was not valid then, or not there
            return None


def _run(git: str, root: Path, *arguments: str) -> bytes | None:
    """Return what Git says; None where it fails."""
    try:
        done = subprocess.run(
            [git, *arguments], cwd=root, capture_output=True, check=False, timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
