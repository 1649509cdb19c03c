"""Refuses to start Terraform on another environment's state.

Read from the disk, where Terraform will read it, not from the model that the tree was rendered from: a
tree edited by hand, or a data directory left by an earlier ``init``, is what this is about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from thoth_infra.errors import IdentityRefused
from thoth_infra.terraform.workspace import Backend, Workspace

BACKEND_FILE: Final = "00-backend.tf"

_COMMENT: Final = re.compile(r'("(?:\\.|[^"\\])*")|#[^\n]*|//[^\n]*|/\*.*?\*/', re.DOTALL)
_BLOCK: Final = re.compile(r'\bbackend\s*"?(?P<type>[\w-]*)"?\s*\{|\bcloud\s*\{')
_CONSTANT: Final = re.compile(r'(?P<name>\b\w+)\s*=\s*"(?P<value>(?:\\.|[^"\\])*)"')
_TOKEN: Final = re.compile(r'"(?:\\.|[^"\\])*"|[{}]|[^"{}]+')


def check_backend(workspace: Workspace) -> None:
    """Raise IdentityRefused unless everything on disk leads to this environment's state.

    Checked: the tree's backend block (there must be one, and override files count), the backend that
    the data directory was initialised with, and the selected Terraform workspace.
    """
    _check_tree(workspace)
    _check_data_dir(workspace)


def _check_tree(workspace: Workspace) -> None:
    blocks = list(_blocks(workspace.tree))
    if not blocks:
        raise IdentityRefused(
            f"{workspace.tree / BACKEND_FILE} names no S3 backend: Terraform would keep its state elsewhere",
            f"Render the environment: `thoth-infra render --env {workspace.environment}`.",
        )
    for file, found in blocks:
        _compare(
            workspace,
            found,
            f"{file} leads to",
            f"Render the environment again: `thoth-infra render --env {workspace.environment}`.",
        )


def _blocks(tree: Path) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Yield the constants of every backend block of the root module; anything but S3 yields none."""
    for file in sorted(tree.glob("*.tf")):
        text = _COMMENT.sub(lambda match: match[1] or "", file.read_text(encoding="utf-8"))
        for block in _BLOCK.finditer(text):
            constants = _CONSTANT.finditer(_body(text[block.end() :])) if block["type"] == "s3" else ()
            yield file, {match["name"]: match["value"] for match in constants}
    for file in sorted(tree.glob("*.tf.json")):
        if '"backend"' in (text := file.read_text(encoding="utf-8")) or '"cloud"' in text:
            yield file, {}  # we render none; whatever it says, it is not ours


def _body(text: str) -> str:
    """Return what stands directly in the block that ``text`` continues, without blocks inside it."""
    depth, direct = 1, ""
    for token in _TOKEN.findall(text):
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth == 0:
            break
        direct += token if depth == 1 else ""
    return direct


def _check_data_dir(workspace: Workspace) -> None:
    clean = (
        f"If its state has moved, forget the old place: `thoth-infra clean --env {workspace.environment}`."
    )
    record = workspace.data_dir / "terraform.tfstate"
    if record.exists():
        _compare(workspace, _initialised(record), f"{workspace.data_dir} was initialised for", clean)
    selected = workspace.data_dir / "environment"
    if selected.exists() and (name := selected.read_text(encoding="utf-8").strip()) not in ("", "default"):
        raise IdentityRefused(
            f"The Terraform workspace {name!r} is selected, whose state is not {workspace.backend}", clean
        )


def _initialised(record: Path) -> Mapping[str, str]:
    try:
        backend = json.loads(record.read_text(encoding="utf-8"))["backend"]
        config = backend["config"] if backend["type"] == "s3" else {}
        return {name: value for name, value in config.items() if isinstance(value, str)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _compare(workspace: Workspace, found: Mapping[str, str], where: str, hint: str) -> None:
    try:
        backend = Backend(found["bucket"], found["key"], found["region"])
    except KeyError:
        raise IdentityRefused(
            f"{where} another place than {workspace.environment}'s state, {workspace.backend}", hint
        ) from None
    if backend != workspace.backend:
        raise IdentityRefused(
            f"{where} {backend}, which is not {workspace.environment}'s state: {workspace.backend}", hint
        )
