"""Terraform's resources, as plan JSON and state JSON (``terraform show -json``) have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

Values: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Resources:
    """The managed resources of a plan or a state; ``variables`` say what a plan does not know yet."""

    all: tuple[Values, ...]
    variables: Values

    def of(self, kind: str) -> list[Values]:
        """Return the values of each resource of a type."""
        return [one["values"] for one in self.all if one["type"] == kind]

    def entries(self, kind: str) -> list[Values]:
        """Return each resource of a type, with its address and index."""
        return [one for one in self.all if one["type"] == kind]

    def count(self, kind: str) -> int:
        """Return how many resources of a type there are."""
        return len(self.entries(kind))

    def subnets(self, tier: str) -> int:
        """Return how many subnets of a tier are made here."""
        return sum((one.get("tags") or {}).get("Tier") == tier for one in self.of("aws_subnet"))

    @cached_property
    def types(self) -> frozenset[str]:
        """Every type that occurs."""
        return frozenset(one["type"] for one in self.all)


def read(module: Values | None, variables: Values | None = None) -> Resources:
    """Read a ``root_module`` of plan JSON's ``planned_values`` or ``prior_state``; None: there is nothing yet."""
    plain = {name: one.get("value") for name, one in (variables or {}).items()}
    return Resources(tuple(_managed(module or {})), plain)


def _managed(module: Values) -> Iterator[Values]:
    yield from (one for one in module.get("resources", ()) if one.get("mode", "managed") == "managed")
    for child in module.get("child_modules", ()):
        yield from _managed(child)
