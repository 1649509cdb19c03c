"""The result of a review, frozen. Of the plan's values it has numbers, types, networks and IAM actions only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from thoth_infra.terraform.summary import Action


class Risk(StrEnum):
    """What a change may do, worst first."""

    DATA_LOSS = "data loss"
    SECURITY = "security widening"
    DOWNTIME = "downtime"
    COST = "cost"
    HARMLESS = "harmless"


class Noise(StrEnum):
    """Why a change is not worth a line of its own."""

    NONE = ""
    TAGS = "tags only"
    COMPUTED = "known after apply only"


@dataclass(frozen=True)
class Finding:
    """One risk of one change, and why, in words for a reviewer who has not written the change."""

    risk: Risk
    reason: str


@dataclass(frozen=True)
class Cause:
    """What made a change: configuration keys with file and line, or else a sentence that says what did.

    ``keys`` and ``places`` belong together, most likely first; ``places`` are ``environments/staging.yaml:41``, or the
    words ``built-in default`` where no file gives the key. ``said`` is set where no key caused it.
    """

    keys: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    said: str = ""

    def __str__(self) -> str:
        pairs = zip(self.keys, self.places, strict=True)
        return self.said or " or ".join(f"{key} ({place})" for key, place in pairs)


@dataclass(frozen=True)
class Entry:
    """Changes that are alike: one resource, or several instances of a ``for_each`` with the same story."""

    addresses: tuple[str, ...]
    type: str
    action: Action
    findings: tuple[Finding, ...] = ()
    forced_by: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    """Paths of the attributes that an update changes, never their values."""
    cause: Cause | None = None
    noise: Noise = Noise.NONE
    drifted: bool = False

    @property
    def risk(self) -> Risk:
        """The worst of the findings."""
        return min((finding.risk for finding in self.findings), key=list(Risk).index, default=Risk.HARMLESS)


@dataclass(frozen=True)
class CostDelta:
    """What a plan costs or saves, as whoever computes it wants it said; each line is plain text."""

    headline: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlanReport:
    """A whole plan. ``entries`` are sorted: worst risk first, stateful things first, deletions first."""

    environment: str
    add: int
    change: int
    destroy: int
    outputs: int
    entries: tuple[Entry, ...]
    cost: CostDelta | None = None

    @property
    def headline(self) -> str:
        """Terraform's own closing line, without its first word."""
        return f"{self.add} to add, {self.change} to change, {self.destroy} to destroy"

    @property
    def total(self) -> int:
        """How many resources the plan changes."""
        return sum(len(entry.addresses) for entry in self.entries)

    def of(self, risk: Risk) -> tuple[Entry, ...]:
        """Return the entries that have a finding of ``risk``; the harmless ones are those without any."""
        if risk is Risk.HARMLESS:
            return tuple(entry for entry in self.entries if not entry.findings)
        return tuple(entry for entry in self.entries if any(finding.risk is risk for finding in entry.findings))

    def count(self, risk: Risk) -> int:
        """Return how many resources have a finding of ``risk``."""
        return sum(len(entry.addresses) for entry in self.of(risk))
