"""Plans of the committed trees, as Terraform tells them (``show -json``), made on an empty emulated AWS.

A plan takes a quarter of a minute: it is kept until the tree changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.render.support import PROJECT, copy_project, terraform
from thoth_infra.cli.context import Project
from thoth_infra.cli.session import session

KEPT = PROJECT / ".thoth" / "test-plans"


@cache
def plan_of(root: str) -> dict[str, Any]:
    """Return the plan of an environment, or of the shared account's side; skip where there is no Terraform."""
    terraform()
    KEPT.mkdir(parents=True, exist_ok=True)
    kept = KEPT / f"{root}-{_digest(root)}.json"
    with (KEPT / f"{root}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes, which would all plan
        if not kept.exists():
            for old in KEPT.glob(f"{root}-*.json"):
                old.unlink()
            kept.write_text(json.dumps(_plan(root)))
    found: dict[str, Any] = json.loads(kept.read_text())
    return found


def _plan(root: str) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        project = Project(copy_project(Path(folder) / "project"), engine="local")
        with session(project, root, emulate=True, stdout="capture") as found:
            found.terraform.init()
            made = found.terraform.plan()
            document: dict[str, Any] = found.terraform.show_json(made.path)
            return document


def _digest(root: str) -> str:
    digest = hashlib.sha256((PROJECT / ".terraform-version").read_bytes())
    tree = PROJECT / "terraform" / root
    for path in sorted(p for p in tree.rglob("*") if p.is_file() and ".terraform" not in p.parts):
        digest.update(path.relative_to(tree).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def managed(root: str, *types: str) -> list[dict[str, Any]]:
    """Return the managed resources that a plan creates, of some types or all, as their ``resource_changes``."""
    changes = plan_of(root)["resource_changes"]
    return [c for c in changes if c["mode"] == "managed" and (not types or c["type"] in types)]
