"""Amounts between bounds, and the lines that a bill is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Spread:
    """An amount: at least, expected, at most."""

    least: Decimal
    expected: Decimal
    most: Decimal

    @classmethod
    def of(cls, least: Decimal, expected: Decimal, most: Decimal) -> Spread:
        """Return the amounts in order: the expected one is brought between the bounds."""
        most = max(least, most)
        return cls(least, min(max(expected, least), most), most)

    @classmethod
    def fixed(cls, amount: Decimal | int) -> Spread:
        """Return an amount that nothing moves."""
        return cls(Decimal(amount), Decimal(amount), Decimal(amount))

    def __add__(self, other: Spread) -> Spread:
        return Spread(self.least + other.least, self.expected + other.expected, self.most + other.most)

    def __sub__(self, other: Spread) -> Spread:
        return Spread(self.least - other.least, self.expected - other.expected, self.most - other.most)

    def __mul__(self, other: Spread | Decimal | int) -> Spread:
        by = other if isinstance(other, Spread) else Spread.fixed(other)
        return Spread(self.least * by.least, self.expected * by.expected, self.most * by.most)

    def __truediv__(self, number: Decimal | int) -> Spread:
        return Spread(self.least / number, self.expected / number, self.most / number)

    def to_cents(self) -> Spread:
        """Return whole cents, so that what is shown adds up."""
        return Spread(*(one.quantize(CENT, ROUND_HALF_EVEN) for one in (self.least, self.expected, self.most)))


NOTHING = Spread.fixed(0)


def total(amounts: Iterable[Spread]) -> Spread:
    """Return the sum."""
    return sum(amounts, NOTHING)


@dataclass(frozen=True)
class Line:
    """One position of the bill: a quantity at a price; ``cost`` is in whole cents a month.

    ``part`` is what a reader thinks in ("GPU hosts"), ``service`` what AWS's bill calls it, ``unit`` what the quantity
    is counted in and the price is for.
    """

    part: str
    service: str
    item: str
    unit: str
    quantity: Spread
    price: Spread
    cost: Spread


def line(part: str, service: str, item: str, unit: str, quantity: Spread, price: Spread | Decimal) -> Line:
    """Return a position with its cost worked out."""
    at = price if isinstance(price, Spread) else Spread.fixed(price)
    return Line(part, service, item, unit, quantity, at, (quantity * at).to_cents())
