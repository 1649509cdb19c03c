"""An estimate in words: the sentences, the markdown, and the budget's verdict."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from thoth_infra.review.cost.estimate import Estimate
from thoth_infra.review.cost.money import Spread


@dataclass(frozen=True)
class Verdict:
    """What an estate costs beside what it may; US dollars a month."""

    limit: Decimal
    source: str
    """Where the limit stands: ``budget.monthly_usd``, or an option."""
    bound: str
    """``expected``, or ``most`` for the upper bound."""
    cost: Decimal

    @property
    def holds(self) -> bool:
        """Whether it stays within."""
        return self.cost <= self.limit


def judged(found: Estimate, limit: Decimal, source: str, *, strict: bool) -> Verdict:
    """Compare an estimate with a budget: the expected cost, and where that is ``strict`` the upper bound."""
    bound = "expected" if not strict or found.total.expected > limit else "most"
    return Verdict(limit, source, bound, getattr(found.total, bound))


def complaint(found: Estimate, verdict: Verdict) -> str:
    """Say by how much a budget is exceeded, and what drives the cost."""
    driver = max(found.parts, key=lambda part: Decimal(getattr(part.cost, verdict.bound)))
    share = getattr(driver.cost, verdict.bound)
    how = "is expected to cost" if verdict.bound == "expected" else "can cost"
    return (
        f"{found.environment} {how} {dollars(verdict.cost)} a month, {dollars(verdict.cost - verdict.limit)} above"
        f" {dollars(verdict.limit)} ({verdict.source}); most of it: {driver.name}, {dollars(share)}"
    )


def dollars(amount: Decimal) -> str:
    """Return US dollars and cents, with commas."""
    return f"${amount:,.2f}"


def headline(found: Estimate) -> str:
    """Return what it costs, in one sentence."""
    cost = found.total
    return (
        f"{found.environment}: {dollars(cost.expected)} a month expected, at least {dollars(cost.least)},"
        f" at most {dollars(cost.most)}"
    )


def footnotes(found: Estimate) -> list[str]:
    """Return what the figures stand on, and the price of an hour of audio."""
    lines = []
    if each := found.per_audio_hour:
        lines.append(
            f"an hour of audio: {dollars(each.whole)} at {found.audio_hours:,f} hours a month,"
            f" {dollars(each.marginal)} for each further one"
        )
    lines.append(
        f"730 hours, {found.audio_hours:,f} of audio; prices of {found.region}, the oldest of {found.prices_as_of};"
        " no taxes, free tiers or savings plans"
    )
    return lines


def columns(cost: Spread) -> tuple[str, str, str]:
    """Return the three amounts."""
    return (f"{cost.least:,.2f}", f"{cost.expected:,.2f}", f"{cost.most:,.2f}")


def as_markdown(found: Estimate) -> str:
    """Return the estimate for a pull request or a wiki."""
    lines = [f"### Cost of {headline(found)}", "", "| part | at least | expected | at most |"]
    lines.append("| --- | ---: | ---: | ---: |")
    lines += [f"| {part.name} | {' | '.join(columns(part.cost))} |" for part in found.parts]
    lines += [f"| **total** | {' | '.join(columns(found.total))} |", ""]
    return "\n".join([*lines, *(f"- {note}" for note in footnotes(found))])
