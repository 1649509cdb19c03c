"""One resource's change out of Terraform's plan JSON, with the questions that rules ask of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from thoth_infra.review.plan import secrets
from thoth_infra.terraform.summary import Action, action_of

Path: TypeAlias = tuple[str | int, ...]

_TAGS: Final = frozenset({"tags", "tags_all", "tag", "tag_specifications"})
_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True)
class Change:
    """A managed resource that a plan creates, updates, replaces or deletes.

    ``before`` is empty for a creation, ``after`` for a deletion. ``unknown`` mirrors ``after``, with true where the
    value comes with apply.
    """

    address: str
    type: str
    action: Action
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    unknown: Mapping[str, Any] = field(default_factory=dict)
    replace_paths: tuple[Path, ...] = ()
    key: str | int | None = None
    reason: str = ""
    create_first: bool = False

    @property
    def goes(self) -> bool:
        """Whether what is there now is destroyed."""
        return self.action in (Action.DELETE, Action.REPLACE)

    @property
    def stays(self) -> bool:
        """Whether there is something before and after, the same one or another."""
        return self.action in (Action.UPDATE, Action.REPLACE)

    def was(self, path: str) -> Any:
        """Return the value of a dotted path before; of nested blocks the first one counts."""
        return value(self.before, path)

    def will(self, path: str) -> Any:
        """Return the value of a dotted path after; None too where it is not known yet."""
        return value(self.after, path)

    def is_unknown(self, path: str) -> bool:
        """Whether the value after, or a part of it, comes with apply."""
        return _any_unknown(value(self.unknown, path)) or value(self.unknown, path.partition(".")[0]) is True

    def differs(self, path: str) -> bool:
        """Whether a value is known to be another one afterwards."""
        return self.stays and not self.is_unknown(path) and self.was(path) != self.will(path)

    def paths(self) -> tuple[Path, ...]:
        """Return the paths of what changes, known or not; whole lists where they grow or shrink."""
        return tuple(_differences(self.before, self.after, self.unknown, ())) if self.stays else ()

    def known_paths(self) -> tuple[Path, ...]:
        """Return the paths of what is known to change, without tags."""
        found = _differences(self.before, self.after, self.unknown, (), only_known=True)
        return tuple(path for path in found if path[0] not in _TAGS) if self.stays else ()

    def tags_only(self) -> bool:
        """Whether nothing but tags changes."""
        return self.action is Action.UPDATE and all(
            path[0] in _TAGS or "tags" in path or path[0] == "latest_version" for path in self.paths()
        )


@dataclass(frozen=True)
class Plan:
    """What a plan changes, and what of the rest the rules need: doors that stay, policies still to be read."""

    changes: tuple[Change, ...]
    unchanged: tuple[Change, ...]
    documents: Mapping[str, Mapping[str, Any]]
    drift: Mapping[str, Change]
    outputs: int
    sensitive: frozenset[str] = frozenset()
    """Every text and number that Terraform marks as sensitive, wherever it is."""

    @property
    def first(self) -> bool:
        """Whether nothing is there yet: what the plan makes was never up."""
        return not self.unchanged and all(change.action is Action.CREATE for change in self.changes)

    def changed(self, address: str) -> Change | None:
        """Return the change of a resource, if there is one."""
        return next((change for change in self.changes if change.address == address), None)


def read(plan: Mapping[str, Any]) -> Plan:
    """Read the output of ``terraform show -json PLAN``."""
    changes, unchanged, documents = [], [], {}
    for entry in plan.get("resource_changes", ()):
        if entry.get("mode") == "data":
            documents[entry["address"]] = entry["change"].get("after") or {}
        elif made := _change(entry):
            changes.append(made)
        elif entry["change"]["actions"] == ["no-op"]:
            unchanged.append(_of(entry, Action.UPDATE))
    drift = {entry["address"]: made for entry in plan.get("resource_drift", ()) if (made := _change(entry))}
    outputs = sum(each["actions"] != ["no-op"] for each in plan.get("output_changes", {}).values())
    return Plan(tuple(changes), tuple(unchanged), documents, drift, outputs, frozenset(secrets.of(plan)))


def _change(entry: Mapping[str, Any]) -> Change | None:
    action = action_of(entry)
    return _of(entry, action) if action else None


def _of(entry: Mapping[str, Any], action: Action) -> Change:
    change = entry["change"]
    unknown = change.get("after_unknown")
    return Change(
        address=entry["address"],
        type=entry["type"],
        action=action,
        before=change.get("before") or _NOTHING,
        after=change.get("after") or _NOTHING,
        unknown=unknown if isinstance(unknown, Mapping) else _NOTHING,
        replace_paths=tuple(tuple(path) for path in change.get("replace_paths", ())),
        key=entry.get("index"),
        reason=entry.get("action_reason", ""),
        create_first=change["actions"] == ["create", "delete"],
    )


def value(data: Any, path: str) -> Any:
    """Return the value at a dotted path; a list of blocks stands for its first one."""
    for part in path.split("."):
        if isinstance(data, Sequence) and not isinstance(data, str):
            data = data[0] if data else None
        if not isinstance(data, Mapping):
            return data if data is True else None
        data = data.get(part)
    return data


def blocks(data: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], ...]:
    """Return the nested blocks of a name."""
    found = data.get(name) or ()
    return tuple(each for each in ([found] if isinstance(found, Mapping) else found) if isinstance(each, Mapping))


def at(data: Any, path: Path) -> Any:
    """Return the value at a path of Terraform's own; None where it leads nowhere."""
    for part in path:
        if isinstance(part, int):
            data = data[part] if isinstance(data, list) and part < len(data) else None
        else:
            data = data.get(part) if isinstance(data, Mapping) else None
    return data


_ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,50}")


def shown(path: Path) -> str:
    """Return a path as people write it: attributes and blocks, and nothing below a map, whose keys are values."""
    names: list[str] = []
    for before, part in zip((0, *path), path, strict=False):
        if isinstance(part, int):
            continue
        if isinstance(before, str) or not _ATTRIBUTE.fullmatch(part):
            break
        names.append(part)
    return ".".join(names)


def _any_unknown(found: Any) -> bool:
    if isinstance(found, Mapping):
        return any(_any_unknown(each) for each in found.values())
    if isinstance(found, list):
        return any(_any_unknown(each) for each in found)
    return found is True


def _both_empty(before: Any, after: Any) -> bool:
    """Whether a value that is not given became the provider's way of writing that, or the other way round."""
    return not before and not after and None in (before, after)


def _differences(before: Any, after: Any, unknown: Any, path: Path, *, only_known: bool = False) -> Iterator[Path]:
    if unknown is True:
        if not only_known:
            yield path
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        below = unknown if isinstance(unknown, Mapping) else _NOTHING
        # A block has the same attributes on both sides; in a list of maps the keys are values, like those of a map.
        if isinstance(path[-1] if path else "", int) and {*before} != {*after, *below}:
            yield path
            return
        for name in sorted({*before, *after, *below}):
            yield from _differences(
                before.get(name), after.get(name), below.get(name), (*path, name), only_known=only_known
            )
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        rows = unknown if isinstance(unknown, list) and len(unknown) == len(after) else [None] * len(after)
        for index, (old, new, row) in enumerate(zip(before, after, rows, strict=True)):
            yield from _differences(old, new, row, (*path, index), only_known=only_known)
    elif before != after and not _both_empty(before, after) and not (_any_unknown(unknown) and only_known):
        yield path
