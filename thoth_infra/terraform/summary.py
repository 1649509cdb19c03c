"""How much a plan would do, out of Terraform's plan JSON: addresses and actions, never values.

``thoth_infra.review.plan`` tells what that means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """What happens to one resource, in the order in which a reviewer wants to see it."""

    DELETE = "delete"
    REPLACE = "replace"
    UPDATE = "update"
    CREATE = "create"


@dataclass(frozen=True)
class ResourceChange:
    """One resource that a plan changes, and the attributes that force a replacement."""

    address: str
    type: str
    action: Action
    forced_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlanSummary:
    """Counts and changes of one plan. A replacement counts as one to add and one to destroy."""

    environment: str
    changes: tuple[ResourceChange, ...]
    outputs: int = 0

    def count(self, *actions: Action) -> int:
        """Return how many resources see one of ``actions``."""
        return sum(change.action in actions for change in self.changes)

    @property
    def headline(self) -> str:
        """Terraform's own closing line, without its first word."""
        return (
            f"{self.count(Action.CREATE, Action.REPLACE)} to add, {self.count(Action.UPDATE)} to change, "
            f"{self.count(Action.DELETE, Action.REPLACE)} to destroy"
        )


def summarise(environment: str, plan: Mapping[str, Any]) -> PlanSummary:
    """Read ``terraform show -json PLAN``."""
    changes = [change for entry in plan.get("resource_changes", ()) if (change := _change(entry))]
    outputs = sum(o["actions"] != ["no-op"] for o in plan.get("output_changes", {}).values())
    order = list(Action)
    return PlanSummary(
        environment, tuple(sorted(changes, key=lambda c: (order.index(c.action), c.address))), outputs
    )


def drifted(plan: Mapping[str, Any]) -> tuple[ResourceChange, ...]:
    """Return what changed outside Terraform and would be changed back.

    Terraform also lists drift of attributes that it is told to ignore (a service's desired count, which
    autoscaling moves): a resource counts only if the plan does something about it.
    """
    acted_on = {c.address for entry in plan.get("resource_changes", ()) if (c := _change(entry))}
    found = (_change(entry) for entry in plan.get("resource_drift", ()))
    return tuple(change for change in found if change and change.address in acted_on)


def action_of(entry: Mapping[str, Any]) -> Action | None:
    """Return what happens to the resource of one entry of ``resource_changes``; None where nothing does."""
    actions = set(entry["change"]["actions"])
    if entry.get("mode") == "data" or actions <= {"no-op", "read", "forget"}:
        return None
    return Action.REPLACE if actions >= {"create", "delete"} else Action(next(iter(actions - {"forget"})))


def _change(entry: Mapping[str, Any]) -> ResourceChange | None:
    change, action = entry["change"], action_of(entry)
    if action is None:
        return None
    forced = tuple(sorted({_path(p) for p in change.get("replace_paths", ())}))
    return ResourceChange(entry["address"], entry["type"], action, forced)


def _path(parts: Iterable[str | int]) -> str:
    return ".".join(str(part) for part in parts)
