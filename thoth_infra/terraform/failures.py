"""Turns Terraform's own failures into errors that tell the way out."""

from __future__ import annotations

import re
from typing import Final

from thoth_infra.errors import EngineError, TerraformFailed, ThothError
from thoth_infra.terraform.launch import Completed
from thoth_infra.terraform.mirror import MIRROR_VARIABLE, PROVIDER_VERSION, SOURCE
from thoth_infra.terraform.workspace import Workspace

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_WRAPPING: Final = re.compile(r"\s*\n[│╷╵\s]*")
_PROVIDER_MISSING: Final = (
    "Failed to query available provider packages",
    "Failed to install provider",
    "Required plugins are not installed",
    "Inconsistent dependency lock file",
)
_CHECKSUM: Final = re.compile(r"match any of the checksums|checksum list has no")
_LOCKED: Final = "Error acquiring the state lock"
_LOCK_ID: Final = re.compile(r"\bID:\s+(\S+)")


def explain(command: str, completed: Completed, workspace: Workspace) -> ThothError:
    """Return the error for a command that failed. Terraform has already printed what it had to say."""
    said = _WRAPPING.sub(" ", _COLOUR.sub("", completed.stderr))
    environment = f"--env {workspace.environment}{' --emulate' * workspace.emulated}"
    if _CHECKSUM.search(said):
        return EngineError(
            f"The provider found is not one that {workspace.lock_file} knows",
            "Add its checksum: `thoth-infra terraform "
            f"{environment} -- providers lock -platform=linux_amd64`, with `-fs-mirror=FOLDER` for a mirror.",
        )
    if any(message in said for message in _PROVIDER_MISSING):
        return EngineError(
            f"Terraform could not get {SOURCE} {PROVIDER_VERSION}",
            f"Where no registry can be reached, name a mirror that holds it in {MIRROR_VARIABLE}.",
        )
    hint = None
    if _LOCKED in said:
        owner = _LOCK_ID.search(said)
        hint = (
            "Another run holds the state. If it is surely dead: "
            f"`thoth-infra unlock {owner[1] if owner else 'ID'} {environment}`."
        )
    how = f"was killed by signal {-completed.code}" if completed.code < 0 else f"failed ({completed.code})"
    return TerraformFailed(f"terraform {command} {how}", hint)
