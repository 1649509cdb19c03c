"""The estimate: every position, the parts' sums, the total, and what an hour of audio costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

from thoth_infra.config.environment import Environment
from thoth_infra.config.prices import Prices
from thoth_infra.review.cost import rendered
from thoth_infra.review.cost.estate import Estate
from thoth_infra.review.cost.lines import Basis, Lines, compute, data, network, watch
from thoth_infra.review.cost.money import Line, Spread, total
from thoth_infra.review.cost.usage import Usage

SECTIONS: tuple[Callable[[Basis], Lines], ...] = (
    compute.hosts,
    compute.containers,
    data.database,
    network.network,
    network.edge,
    data.storage,
    data.messages,
    watch.monitoring,
    watch.security,
)
_TENTH_OF_A_CENT = Decimal("0.001")


@dataclass(frozen=True)
class Part:
    """What one part costs a month, in US dollars."""

    name: str
    cost: Spread


@dataclass(frozen=True)
class PerAudioHour:
    """US dollars for an hour of audio: all that the estate costs, and what further hours add."""

    whole: Decimal
    marginal: Decimal


@dataclass(frozen=True)
class Estimate:
    """What an estate costs a month of 730 hours, in US dollars without taxes; all costs are whole cents.

    The total is the sum of the parts, a part the sum of its lines, exactly.
    """

    environment: str
    region: str
    prices_as_of: date
    """When the oldest price was looked up."""
    audio_hours: Decimal
    lines: tuple[Line, ...]
    parts: tuple[Part, ...]
    total: Spread
    per_audio_hour: PerAudioHour | None
    """None where no audio is expected."""

    @property
    def driver(self) -> Part:
        """The part that is expected to cost most."""
        return max(self.parts, key=lambda part: part.cost.expected)


def estimate(environment: Environment, prices: Prices, usage: Usage) -> Estimate:
    """Return what the rendered estate of ``environment`` costs. ThothError when a price is missing."""
    return of_estate(environment.name, rendered.estate_of(environment), prices, usage)


def of_estate(name: str, estate: Estate, prices: Prices, usage: Usage) -> Estimate:
    """Return what ``estate`` costs. ThothError when a price is missing."""
    lines = lines_of(estate, prices, usage)
    names = tuple(dict.fromkeys(one.part for one in lines))
    parts = tuple(Part(part, total(one.cost for one in lines if one.part == part)) for part in names)
    whole = total(part.cost for part in parts)
    return Estimate(
        environment=name,
        region=prices.region,
        prices_as_of=prices.oldest.as_of,
        audio_hours=usage.audio_hours,
        lines=lines,
        parts=parts,
        total=whole,
        per_audio_hour=_per_audio_hour(estate, prices, usage, whole.expected) if usage.audio_hours else None,
    )


def lines_of(estate: Estate, prices: Prices, usage: Usage) -> tuple[Line, ...]:
    """Return every position that can cost anything."""
    basis = Basis(estate, prices, usage)
    made = (line for section in SECTIONS for line in section(basis))
    return tuple(line for line in made if line.cost.most)


def _per_audio_hour(estate: Estate, prices: Prices, usage: Usage, expected: Decimal) -> PerAudioHour:
    # What twice as many hours would add: of one more alone, cents would be all that is seen.
    double = usage.model_copy(update={"audio_hours": 2 * usage.audio_hours})
    more = total(line.cost for line in lines_of(estate, prices, double)).expected - expected
    return PerAudioHour(*(
        (amount / usage.audio_hours).quantize(_TENTH_OF_A_CENT, ROUND_HALF_EVEN) for amount in (expected, more)
    ))  # fmt: skip
