"""What a job needs next, decided from the attempts on record and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from thoth_infra.contract.queues import Stage
from workers.api.store.models import AttemptState

# The tries at one wish, the first included, before the job fails.
BUDGET = 3


class Past(Protocol):
    """An attempt on record; the table's rows are such."""

    @property
    def stage(self) -> Stage:
        """Which stage it is at."""

    @property
    def attempt(self) -> int:
        """Its number, from 1."""

    @property
    def tries(self) -> int:
        """1 where somebody asked for it, more where the orchestrator itself tries again."""

    @property
    def state(self) -> AttemptState:
        """How it went."""

    @property
    def retryable(self) -> bool:
        """Whether a failed one may do better another time."""


@dataclass(frozen=True)
class Ask:
    """The stage has to be requested."""

    stage: Stage
    attempt: int
    tries: int


@dataclass(frozen=True)
class Wait:
    """A request is under way."""

    stage: Stage
    attempt: int


@dataclass(frozen=True)
class Finish:
    """Every stage is complete."""


@dataclass(frozen=True)
class GiveUp:
    """A stage has failed for good."""

    stage: Stage
    attempt: int


Next: TypeAlias = Ask | Wait | Finish | GiveUp


def next_stage(past: Iterable[Past], budget: int = BUDGET) -> Next:
    """Return what a job needs that has come so far.

    Stages follow each other in the contract's order. A stage is complete when an attempt at its newest wish is: one
    that was given up for lost and completes after all counts too.
    """
    known = list(past)
    for stage in Stage:
        tried = _newest_wish(row for row in known if row.stage == stage)
        if not tried:
            return Ask(stage, 1, 1)
        if any(row.state == AttemptState.COMPLETED for row in tried):
            continue
        last = tried[-1]
        if last.state != AttemptState.FAILED:
            return Wait(stage, last.attempt)
        if last.retryable and last.tries < budget:
            return Ask(stage, last.attempt + 1, last.tries + 1)
        return GiveUp(stage, last.attempt)
    return Finish()


def _newest_wish(rows: Iterable[Past]) -> list[Past]:
    """Return the attempts since somebody last asked for the stage, oldest first."""
    ordered = sorted(rows, key=lambda row: row.attempt)
    first = max((number for number, row in enumerate(ordered) if row.tries == 1), default=0)
    return ordered[first:]
