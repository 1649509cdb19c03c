"""What a change costs: the difference between two estimates, for instance before and after a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from thoth_infra.config.prices import Prices
from thoth_infra.review.cost import billed, planned, resources
from thoth_infra.review.cost.estimate import Estimate, of_estate
from thoth_infra.review.cost.money import NOTHING, Spread
from thoth_infra.review.cost.usage import Usage


@dataclass(frozen=True)
class PartDelta:
    """What one part costs a month before and after."""

    name: str
    before: Spread
    after: Spread

    @property
    def change(self) -> Decimal:
        """Expected US dollars a month, more or less."""
        return self.after.expected - self.before.expected

    @property
    def moves(self) -> bool:
        """Whether anything differs, be it only a bound."""
        return self.before != self.after


@dataclass(frozen=True)
class CostDelta:
    """What an estate costs a month before and after a change, in US dollars; parts that stay as they are left out."""

    environment: str
    before: Spread
    after: Spread
    parts: tuple[PartDelta, ...]
    unpriced: tuple[str, ...] = ()
    """Resource types that the change touches and no estimate knows."""

    @property
    def change(self) -> Decimal:
        """Expected US dollars a month, more or less."""
        return self.after.expected - self.before.expected

    @property
    def headline(self) -> str:
        """One line, like ``+$123.40 a month expected (+4 %)``."""
        if not self.parts:
            return "no change in cost"
        if not self.change:
            return "no change in expected cost"
        share = f" ({100 * self.change / self.before.expected:+.0f} %)" if self.before.expected else ""
        return f"{signed(self.change)} a month expected{share}"


def delta(before: Estimate, after: Estimate) -> CostDelta:
    """Return what differs between two estimates, the greatest change first."""
    was, now = ({part.name: part.cost for part in one.parts} for one in (before, after))
    found = (PartDelta(name, was.get(name, NOTHING), now.get(name, NOTHING)) for name in dict.fromkeys((*was, *now)))
    parts = sorted((part for part in found if part.moves), key=lambda part: (-abs(part.change), part.name))
    return CostDelta(after.environment, before.total, after.total, tuple(parts))


def of_plan(environment: str, plan: Mapping[str, Any], prices: Prices, usage: Usage) -> CostDelta:
    """Return what a plan costs, from ``terraform show -json PLAN``.

    Both sides are what Terraform knows: the refreshed state, and the planned values, with the same prices and usage.
    ThothError when a price is missing.
    """
    before = resources.read(((plan.get("prior_state") or {}).get("values") or {}).get("root_module"))
    after = resources.read((plan.get("planned_values") or {}).get("root_module"), plan.get("variables"))
    was, now = (of_estate(environment, planned.estate_of(side), prices, usage) for side in (before, after))
    made = delta(was, now)
    touched = (
        change["type"]
        for change in plan.get("resource_changes", ())
        if change.get("mode", "managed") == "managed" and change["change"]["actions"] not in (["no-op"], ["read"])
    )
    return CostDelta(made.environment, made.before, made.after, made.parts, billed.unknown(touched))


def signed(amount: Decimal) -> str:
    """Return US dollars with their sign, like ``+$12.30``."""
    return f"{'-' if amount < 0 else '+'}${abs(amount):,.2f}"


def as_text(found: CostDelta, shown: int = 3) -> str:
    """Return the headline with its greatest causes, and the bounds below."""
    lines = [found.headline + _causes(found, shown)]
    if found.parts:
        least, most = (getattr(found.after, bound) - getattr(found.before, bound) for bound in ("least", "most"))
        total = found.after
        lines.append(
            f"${total.expected:,.2f} a month afterwards, between ${total.least:,.2f} ({signed(least)})"
            f" and ${total.most:,.2f} ({signed(most)})"
        )
    if found.unpriced:
        lines.append(f"not priced: {', '.join(found.unpriced)}")
    return "\n".join(lines)


def _causes(found: CostDelta, shown: int) -> str:
    causes = [part for part in found.parts if part.change]
    if not causes:
        return ""
    more = f", {len(causes) - shown} more" if len(causes) > shown else ""
    return ": " + ", ".join(f"{part.name} {signed(part.change)}" for part in causes[:shown]) + more


def as_markdown(found: CostDelta) -> str:
    """Return a line for a pull request, and a folded table of the parts."""
    lines = [f"**Cost:** {found.headline}"]
    if found.parts:
        lines += [
            "",
            "<details><summary>US dollars a month</summary>",
            "",
            "| part | before | after | change | at most |",
            "| --- | ---: | ---: | ---: | ---: |",
        ]
        rows = (*found.parts, PartDelta("**total**", found.before, found.after))
        lines += [
            f"| {one.name} | {one.before.expected:,.2f} | {one.after.expected:,.2f} | {one.change:+,.2f}"
            f" | {one.after.most:,.2f} |"
            for one in rows
        ]
        lines += ["", "</details>"]
    if found.unpriced:
        lines += ["", f"Not priced: {', '.join(f'`{kind}`' for kind in found.unpriced)}"]
    return "\n".join(lines)
