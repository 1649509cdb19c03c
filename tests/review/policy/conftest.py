"""One real plan of staging, made once, to judge as it is and to damage."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.plans import plan_of
from thoth_infra.review.policy.findings import Finding
from thoth_infra.review.policy.plan import Plan
from thoth_infra.review.policy.rules import RULES


class Draft:
    """A copy of the plan's JSON to damage before it is judged."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def change(self, address: str) -> dict[str, Any]:
        """Return the change of one resource or deferred data source."""
        (found,) = (c["change"] for c in self.document["resource_changes"] if c["address"] == address)
        return dict(found)

    def after(self, address: str) -> dict[str, Any]:
        """Return the values of one resource after apply, to be changed in place."""
        found: dict[str, Any] = self.change(address)["after"]
        return found

    def know(self, address: str, **values: Any) -> None:
        """Give a resource values that are known at planning, whether they were or not."""
        change = self.change(address)
        change["after"].update(values)
        for name in values:
            change["after_unknown"].pop(name, None)

    def drop(self, address: str) -> None:
        """Leave a resource out."""
        self.document["resource_changes"] = [c for c in self.document["resource_changes"] if c["address"] != address]

    def add(self, kind: str, name: str, values: dict[str, Any], **unknown: Any) -> str:
        """Add a resource whose values are known, and return its address."""
        address = f"{kind}.{name}"
        change = {"actions": ["create"], "after": values, "after_unknown": unknown}
        self.document["resource_changes"].append(
            {"address": address, "mode": "managed", "type": kind, "name": name, "change": change}
        )
        return address

    def findings(self, rule: str) -> list[Finding]:
        """Return what one rule finds."""
        (chosen,) = (r for r in RULES if r.name == rule)
        return list(chosen.find(Plan(self.document)))


@pytest.fixture(scope="session")
def staging() -> str:
    """The JSON of a first plan of staging, as it is committed: made on an emulator that holds nothing."""
    return json.dumps(plan_of("staging"))


@pytest.fixture
def draft(staging: str) -> Draft:
    return Draft(json.loads(staging))


Damage = Callable[[Draft], object]
