"""What a plan would do, out of Terraform's plan JSON: addresses and actions, never values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """What happens to one resource, in the order in which a reviewer wants to see it."""

    DELETE = "delete"
    REPLACE = "replace"
    UPDATE = "update"
    CREATE = "create"


_SIGNS = {Action.DELETE: "-", Action.REPLACE: "-/+", Action.UPDATE: "~", Action.CREATE: "+"}


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


def _change(entry: Mapping[str, Any]) -> ResourceChange | None:
    change = entry["change"]
    actions = set(change["actions"])
    if entry.get("mode") == "data" or actions <= {"no-op", "read", "forget"}:
        return None
    action = Action.REPLACE if actions >= {"create", "delete"} else Action(next(iter(actions - {"forget"})))
    forced = tuple(sorted({_path(p) for p in change.get("replace_paths", ())}))
    return ResourceChange(entry["address"], entry["type"], action, forced)


def _path(parts: Iterable[str | int]) -> str:
    return ".".join(str(part) for part in parts)


def as_text(summary: PlanSummary, limit: int = 40) -> str:
    """Return the summary for a terminal: counts, what goes first, and creations by type."""
    lines = [f"{summary.environment}: {summary.headline}"]
    notable = [c for c in summary.changes if c.action is not Action.CREATE]
    lines += [f"  {_line(change)}" for change in notable[:limit]]
    if len(notable) > limit:
        lines.append(f"  … and {len(notable) - limit} more")
    lines += [f"  + {count:>3} {kind}" for kind, count in _created(summary)]
    return "\n".join(lines)


def as_markdown(summary: PlanSummary) -> str:
    """Return the summary as a pull-request comment."""
    lines = [f"### Plan for `{summary.environment}`: {summary.headline}", ""]
    notable = [c for c in summary.changes if c.action is not Action.CREATE]
    if notable:
        lines += ["| | resource | because of |", "| --- | --- | --- |"]
        lines += [f"| {c.action} | `{c.address}` | {', '.join(c.forced_by)} |" for c in notable]
        lines.append("")
    if created := list(_created(summary)):
        lines += ["<details><summary>Created</summary>", ""]
        lines += [f"- {count} × `{kind}`" for kind, count in created]
        lines += ["", "</details>"]
    return "\n".join(lines)


def _line(change: ResourceChange) -> str:
    forced = f"  (forced by {', '.join(change.forced_by)})" if change.forced_by else ""
    return f"{_SIGNS[change.action]} {change.address}{forced}"


def _created(summary: PlanSummary) -> Iterator[tuple[str, int]]:
    counts: dict[str, int] = {}
    for change in summary.changes:
        if change.action is Action.CREATE:
            counts[change.type] = counts.get(change.type, 0) + 1
    yield from sorted(counts.items(), key=lambda row: (-row[1], row[0]))
