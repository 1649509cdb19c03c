"""A plan's JSON (``terraform show -json PLAN``), as the rules read it: resources by address, known values, references.

Much of a first plan is unknown until apply. What a rule needs then comes from the configuration's references,
which name the resources that an attribute will take its value from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_INDEX = re.compile(r'\["[^"]*"\]|\[\d+\]')


@dataclass(frozen=True)
class Resource:
    """A resource, or a data source that is read during apply, as it will be.

    ``values`` holds what is known; ``unknown`` mirrors its shape, with true where the value comes with apply.
    """

    address: str
    type: str
    module: str
    key: str | int | None
    values: Mapping[str, Any]
    unknown: Mapping[str, Any]

    def get(self, attribute: str) -> Any:
        """Return a value; None where it is unknown or not set."""
        return self.values.get(attribute)

    def is_unknown(self, attribute: str) -> bool:
        """Return whether a value, or all of it, comes with apply."""
        return self.unknown.get(attribute) is True

    def is_set(self, attribute: str) -> bool:
        """Return whether an attribute has a value, now or after apply."""
        return bool(self.get(attribute)) or self.is_unknown(attribute)

    def blocks(self, name: str) -> tuple[Mapping[str, Any], ...]:
        """Return the nested blocks of a name; a single one counts as a list of one."""
        found = self.get(name)
        if not found:
            return ()
        return tuple(b for b in ([found] if isinstance(found, Mapping) else found) if b is not None)


class Plan:
    """The resources that there will be after a plan is applied."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        changes = [c for c in document.get("resource_changes", ()) if c["change"]["after"] is not None]
        self.managed = tuple(_resource(c) for c in changes if c["mode"] == "managed")
        # Policy documents that hold a value which is not known yet; the others are in the resources that use them.
        self.deferred = tuple(_resource(c) for c in changes if c["mode"] == "data")

    @property
    def environment(self) -> str:
        """Name of the environment that the plan is of; the shared account's side tells it by its tags only."""
        return str(self.variable("environment") or (self.variable("tags") or {}).get("Environment"))

    def variable(self, name: str) -> Any:
        """Return the value of a root variable; None where there is none."""
        return self._document.get("variables", {}).get(name, {}).get("value")

    def of(self, *types: str) -> Iterator[Resource]:
        """Yield the managed resources of some types."""
        return (resource for resource in self.managed if resource.type in types)

    def is_configured(self, resource: Resource, attribute: str) -> bool:
        """Return whether the configuration gives an attribute, whatever its value will be."""
        return attribute in self._configuration(resource).get("expressions", {})

    def references(self, resource: Resource, attribute: str) -> frozenset[str]:
        """Return the addresses of the resources that an attribute refers to."""
        entry = self._configuration(resource)
        expression = entry.get("expressions", {}).get(attribute, {})
        names = set(expression.get("references", ())) if isinstance(expression, Mapping) else set()
        if any(name.startswith("each.value") for name in names):
            names |= set(entry.get("for_each_expression", {}).get("references", ()))
        prefix = f"{resource.module}." if resource.module else ""
        candidates = {prefix + name for name in names}
        if resource.key is not None:
            # `aws_x.this[each.key]` is told as `aws_x.this` and `each.key`.
            candidates |= {f"{prefix}{name}{_index(resource.key)}" for name in names}
        return frozenset(candidates & self._addresses)

    def _configuration(self, resource: Resource) -> Mapping[str, Any]:
        return self._configurations.get(_INDEX.sub("", resource.address), {})

    @cached_property
    def _addresses(self) -> frozenset[str]:
        return frozenset(resource.address for resource in self.managed)

    @cached_property
    def _configurations(self) -> dict[str, Mapping[str, Any]]:
        return dict(_walk(self._document.get("configuration", {}).get("root_module", {}), ""))


def _walk(module: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for entry in module.get("resources", ()):
        yield prefix + entry["address"], entry
    for name, call in module.get("module_calls", {}).items():
        yield from _walk(call.get("module", {}), f"{prefix}module.{name}.")


def _resource(entry: Mapping[str, Any]) -> Resource:
    change = entry["change"]
    unknown = change.get("after_unknown") or {}
    return Resource(
        address=entry["address"],
        type=entry["type"],
        module=entry.get("module_address", ""),
        key=entry.get("index"),
        values=change["after"],
        unknown=unknown if isinstance(unknown, Mapping) else {},
    )


def _index(key: str | int) -> str:
    return f"[{key}]" if isinstance(key, int) else f'["{key}"]'
