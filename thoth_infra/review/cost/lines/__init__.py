"""The positions of the bill, by what they are about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from thoth_infra.config.prices import Prices
from thoth_infra.review.cost.estate import Estate
from thoth_infra.review.cost.hours import task_hours
from thoth_infra.review.cost.money import Line, Spread, total
from thoth_infra.review.cost.usage import Usage


@dataclass(frozen=True)
class Basis:
    """What every position is worked out from."""

    estate: Estate
    prices: Prices
    usage: Usage

    def used(self, amount: Decimal) -> Spread:
        """Return an amount that comes from usage alone: nothing at least, some multiple at most."""
        return Spread(Decimal(0), amount, amount * self.usage.most_factor)

    def all_task_hours(self, *names: str) -> Spread:
        """Return the hours of all services' tasks, or of those named."""
        chosen = [one for one in self.estate.services if not names or one.name in names]
        return total(task_hours(one, self.estate, self.usage) for one in chosen)


Lines = Iterator[Line]
