"""Seals a saved plan: what it was made of, so that nothing else is ever applied with it.

Terraform itself refuses a plan whose state has moved on. It does not see that the tree, the environment
or the plan file is another one. A seal is a record against mistakes; it is not signed, so whoever can
write the plan's folder can write a seal too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from thoth_infra.errors import SealBroken
from thoth_infra.files import write_atomic
from thoth_infra.terraform.tree_digest import combined, differences, file_digests
from thoth_infra.terraform.workspace import Workspace


@dataclass(frozen=True)
class Counts:
    """How many resources a plan adds, changes and destroys; a replacement counts in two."""

    add: int = 0
    change: int = 0
    destroy: int = 0


@dataclass(frozen=True)
class Seal:
    """What a plan was made of. ``created_at`` is in UTC, as ISO 8601 writes it."""

    environment: str
    account_id: str
    backend: str
    emulated: bool
    tree_digest: str
    files: Mapping[str, str]
    plan_sha256: str
    created_at: str
    terraform_version: str
    engine: str
    targets: tuple[str, ...]
    destroy: bool
    refresh_only: bool
    counts: Counts


def seal_path(plan: Path) -> Path:
    """Return where the seal of ``plan`` is."""
    return plan.with_name(f"{plan.name}.seal.json")


def seal(
    workspace: Workspace,
    plan: Path,
    files: Mapping[str, str],
    *,
    terraform_version: str,
    engine: str,
    targets: tuple[str, ...] = (),
    destroy: bool = False,
    refresh_only: bool = False,
    counts: Counts | None = None,
    now: datetime | None = None,
) -> Seal:
    """Seal ``plan``, made from a tree whose ``files`` had these digests before Terraform read them."""
    made = Seal(
        environment=workspace.environment,
        account_id=workspace.account_id,
        backend=str(workspace.backend),
        emulated=workspace.emulated,
        tree_digest=combined(files),
        files=dict(files),
        plan_sha256=_sha256(plan),
        created_at=(now or datetime.now(UTC)).isoformat(timespec="seconds"),
        terraform_version=terraform_version,
        engine=engine,
        targets=targets,
        destroy=destroy,
        refresh_only=refresh_only,
        counts=counts or Counts(),
    )
    write_atomic(seal_path(plan), json.dumps(asdict(made), indent=2) + "\n", mode=0o600)
    return made


def verify(
    workspace: Workspace,
    plan: Path,
    *,
    terraform_version: str,
    max_age: timedelta | None = None,
    now: datetime | None = None,
) -> Seal:
    """Return the seal of ``plan`` when it still holds for ``workspace``.

    Raises SealBroken, with everything that has changed, when it does not.
    """
    again = (
        f"Plan again: `thoth-infra plan --env {workspace.environment}{' --emulate' * workspace.emulated}`."
    )
    if not plan.is_file():
        raise SealBroken(f"There is no saved plan at {plan}", again)
    found = _read(plan, again)
    broken = [
        *_other_place(found, workspace),
        *_other_content(found, workspace, plan, terraform_version),
        *_too_old(found, max_age, now or datetime.now(UTC)),
    ]
    if broken:
        lines = "\n".join(f"  {line}" for line in broken)
        raise SealBroken(f"{plan} no longer describes what would be applied:\n{lines}", again)
    return found


def _read(plan: Path, again: str) -> Seal:
    path = seal_path(plan)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["counts"] = Counts(**content["counts"])
        content["targets"] = tuple(content["targets"])
        made = Seal(**content)
        datetime.fromisoformat(made.created_at)
        return made
    except OSError as error:
        raise SealBroken(f"{plan} has no seal: {path}: {error.strerror}", again) from error
    except (ValueError, KeyError, TypeError) as error:
        raise SealBroken(f"{path} is not a seal", again) from error


def _other_place(found: Seal, workspace: Workspace) -> list[str]:
    pairs = {
        "environment": (found.environment, workspace.environment),
        "account": (found.account_id, workspace.account_id),
        "state": (found.backend, str(workspace.backend)),
        "made against": (_where(found.emulated), _where(workspace.emulated)),
    }
    return [f"{what}: {was}, not {now}" for what, (was, now) in pairs.items() if was != now]


def _other_content(found: Seal, workspace: Workspace, plan: Path, terraform_version: str) -> list[str]:
    broken = []
    if found.terraform_version != terraform_version:
        broken.append(f"Terraform: {found.terraform_version}, not {terraform_version}")
    if found.plan_sha256 != _sha256(plan):
        broken.append("the plan file is not the one that was sealed")
    files = file_digests(workspace.tree)
    if found.tree_digest != combined(files):
        changed = differences(found.files, files) or ("the seal's own list of files",)
        broken.append(f"{workspace.tree} has changed:")
        broken += [f"  {line}" for line in changed]
    return broken


def _too_old(found: Seal, max_age: timedelta | None, now: datetime) -> list[str]:
    age = now - datetime.fromisoformat(found.created_at)
    if max_age is None or age <= max_age:
        return []
    return [f"made {found.created_at}, {_hours(age)} ago; {_hours(max_age)} are allowed"]


def _hours(span: timedelta) -> str:
    return f"{span / timedelta(hours=1):.1f} hours"


def _where(emulated: bool) -> str:
    return "the emulator" if emulated else "AWS"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
