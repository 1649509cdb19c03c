"""The kept plans: one compressed file for each applied environment, what a summary reads of each plan and no more."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from thoth_infra.files import write_atomic

FOLDER = Path(__file__).parent / "kept"
#: A rule that is not changed still says what was open before.
_RULES = ("aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule")


def trimmed(plan: dict[str, Any]) -> dict[str, Any]:
    """Return what a summary reads of Terraform's plan JSON."""
    changed = [entry for entry in plan.get("resource_changes", ()) if entry["change"]["actions"] != ["no-op"]]
    doors = any(entry["type"] in _RULES for entry in changed)
    kept = [
        _without(entry)
        for entry in plan.get("resource_changes", ())
        if entry["change"]["actions"] != ["no-op"] or (doors and entry["type"] in _RULES)
    ]
    acted_on = {entry["address"] for entry in kept}
    drift = [_without(entry) for entry in plan.get("resource_drift", ()) if entry["address"] in acted_on]
    outputs = {name: {"actions": each["actions"]} for name, each in plan.get("output_changes", {}).items()}
    return {"resource_changes": kept, "resource_drift": drift, "output_changes": outputs}


def _without(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in {"provider_name", "schema_version"}}


def write(environment: str, name: str, plan: dict[str, Any]) -> None:
    """Keep the plan of one case, beside those of the environment's others."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({**_kept(environment), name: plan}, sort_keys=True, separators=(",", ":")).encode()
    write_atomic(FOLDER / f"{environment}.json.gz", gzip.compress(text, 9, mtime=0))


@cache
def read(environment: str) -> dict[str, Any]:
    """Return the kept plans of one environment, by the name of their case; none where none are kept."""
    return _kept(environment)


def _kept(environment: str) -> dict[str, Any]:
    file = FOLDER / f"{environment}.json.gz"
    found: dict[str, Any] = json.loads(gzip.decompress(file.read_bytes())) if file.exists() else {}
    return found
