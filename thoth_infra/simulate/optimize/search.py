"""The search: coordinate descent from several starts, each candidate on the same arrivals as the others.

Common random numbers: a seed stands for one run of arrivals and misfortunes, and every candidate meets the same ones.
A candidate is first run on one seed, and on the others only if that one does not rule it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Final, TypeAlias

from thoth_infra.simulate.optimize.space import Choice, Settings, Space

# Rounds over all dimensions; a search that still finds something then says that it was not over.
MOST_ROUNDS: Final = 6
# A first seed that is so far above the bound, or so much dearer than the best, rules a candidate out.
_HOPELESS_WAIT: Final = 1.5
_HOPELESS_COST: Final = 1.03
# What a shorter proposal may cost more than the best one that was found.
_SIMPLER: Final = 1.01
# Below this the difference is noise, and a changed key not worth its line.
LEAST_SAVING: Final = 0.002


@dataclass(frozen=True)
class Measured:
    """What one run of a candidate came to: US dollars, 95th percentile of the wait in seconds, jobs not finished."""

    usd: float
    p95: float
    lost: int


@dataclass(frozen=True)
class Outcome:
    """What came of one candidate over several seeds: US dollars, and the 95th percentile of the wait in seconds."""

    settings: Settings
    usd: tuple[float, ...]
    p95: tuple[float, ...]
    lost: int
    """Jobs that were not finished, over all seeds."""

    @property
    def mean_usd(self) -> float:
        """Mean over the seeds."""
        return fmean(self.usd)

    @property
    def mean_p95(self) -> float:
        """Mean over the seeds."""
        return fmean(self.p95)

    @property
    def worst_p95(self) -> float:
        """The seed with the longest wait."""
        return max(self.p95)

    @property
    def spread_usd(self) -> float:
        """Standard deviation over the seeds; 0 of one."""
        return stdev(self.usd) if len(self.usd) > 1 else 0.0

    @property
    def spread_p95(self) -> float:
        """Standard deviation over the seeds; 0 of one."""
        return stdev(self.p95) if len(self.p95) > 1 else 0.0

    def keeps(self, bound: float) -> bool:
        """Whether every seed's wait is below ``bound`` seconds and no job was lost."""
        return self.worst_p95 <= bound and not self.lost


Key: TypeAlias = tuple[float, float]
Simulate: TypeAlias = Callable[[Settings, int], Measured | None]
"""Runs a candidate with a seed; None for one that the configuration's rules or the prover refuse."""


@dataclass(frozen=True)
class Found:
    """The end of a search: its best candidates, cheapest first, and how far it went."""

    ranking: tuple[Outcome, ...]
    tried: int
    refused: int
    runs: int
    rounds: int
    settled: bool
    exhaustive: bool


class Search:
    """Remembers what it has tried."""

    def __init__(self, space: Space, simulate: Simulate, bound: float, seeds: Sequence[int]) -> None:
        self._space, self._simulate, self._bound, self._seeds = space, simulate, bound, tuple(seeds)
        self._results: dict[tuple[Settings, int], Measured | None] = {}
        self._outcomes: dict[Settings, Outcome | None] = {}

    def run(self, say: Callable[[str], None], exhaustive_up_to: int = 64) -> Found:
        """Search, and return what was found; all of the space where it is small."""
        if exhaustive := self._space.size <= exhaustive_up_to:
            for choice in self._all(0, {}):
                self._outcome(choice, None)
            return self._found(1, settled=True, exhaustive=exhaustive)
        rounds, settled = 0, True
        for name, start in self._starts():
            say(f"search from {name}")
            used, end, best = self._descend(start, say)
            self._simplify(best)
            rounds, settled = rounds + used, settled and end
        return self._found(rounds, settled=settled, exhaustive=False)

    def _simplify(self, best: Choice) -> None:
        """Try what changes nothing that matters as it was: differences below the noise are no reason for a line."""
        reached = self._outcome(best, None)
        if reached is None or not reached.keeps(self._bound):
            return
        most, choice = reached.mean_usd * _SIMPLER, dict(best)
        for dimension in self._space.dimensions:
            if choice[dimension.name] == dimension.shipped:
                continue
            simpler = {**choice, dimension.name: dimension.shipped}
            outcome = self._outcome(simpler, None)
            if outcome is not None and outcome.keeps(self._bound) and outcome.mean_usd <= most:
                choice = simpler

    def _ranked(self) -> tuple[Outcome, ...]:
        """Return the candidates that met every seed: shortest first of those that are nearly the best, then by cost."""
        full = [o for o in self._outcomes.values() if o is not None and len(o.usd) == len(self._seeds)]
        ordered = sorted(full, key=self._key)
        best = self._key(ordered[0]) if ordered else (0.0, 0.0)
        near = [o for o in ordered if self._key(o)[0] <= best[0] and o.mean_usd <= best[1] * _SIMPLER]
        return (*sorted(near, key=lambda o: (len(o.settings), self._key(o))), *(o for o in ordered if o not in near))

    def _found(self, rounds: int, *, settled: bool, exhaustive: bool) -> Found:
        return Found(
            ranking=self._ranked(),
            tried=len(self._outcomes),
            refused=sum(outcome is None for outcome in self._outcomes.values()),
            runs=sum(result is not None for result in self._results.values()),
            rounds=rounds,
            settled=settled,
            exhaustive=exhaustive,
        )

    def _all(self, index: int, chosen: Mapping[str, Any]) -> Iterator[Choice]:
        if index == len(self._space.dimensions):
            yield chosen
            return
        dimension = self._space.dimensions[index]
        for value in dimension.values:
            yield from self._all(index + 1, {**chosen, dimension.name: value})

    def _starts(self) -> Iterator[tuple[str, Choice]]:
        shipped = self._space.shipped
        yield "the shipped configuration", shipped
        spot = self._all_of(":mix", (0, 90)) | self._all_of(".spot_percent", 100)
        eager = self._all_of(".messages_per_task", 1)
        yield "nothing kept running, most of it on spot", {**shipped, **spot, **eager, **self._all_of(".min", 0)}
        most = {d.name: max(d.values) for d in self._space.dimensions if d.name.endswith(".max")}
        yield "as many tasks as there are messages, most of them on spot", {**shipped, **spot, **eager, **most}

    def _all_of(self, end: str, value: Any) -> dict[str, Any]:
        """Return ``value`` for every dimension with such a name that may have it."""
        return {d.name: value for d in self._space.dimensions if d.name.endswith(end) and value in d.values}

    def _descend(self, start: Choice, say: Callable[[str], None]) -> tuple[int, bool, Choice]:
        best, reached = dict(start), self._outcome(start, None)
        for rounds in range(1, MOST_ROUNDS + 1):
            before = reached
            for dimension in self._space.dimensions:
                for value in dimension.values:
                    choice = {**best, dimension.name: value}
                    outcome = self._outcome(choice, reached)
                    if outcome is not None and self._better(outcome, reached):
                        best, reached = choice, outcome
            if reached is not None:
                wait, usd = reached.mean_p95 / 60, reached.mean_usd
                say(f"round {rounds}: {usd:,.2f} US dollars, p95 {wait:.1f} minutes; {len(self._outcomes)} tried")
            if reached is before:
                return rounds, True, best
        return MOST_ROUNDS, False, best

    def _better(self, outcome: Outcome, than: Outcome | None) -> bool:
        if than is None:
            return True
        new, old = self._key(outcome), self._key(than)
        return new[0] < old[0] or (new[0] == old[0] and new[1] < old[1] * (1 - LEAST_SAVING))

    def _key(self, outcome: Outcome) -> Key:
        """How far above the bound (lost jobs count as minutes), then the cost."""
        above = max(0.0, outcome.worst_p95 - self._bound) + 60.0 * outcome.lost
        return above, outcome.mean_usd

    def _outcome(self, choice: Choice, best: Outcome | None) -> Outcome | None:
        settings = self._space.settings(choice)
        known = self._outcomes.get(settings)
        if settings in self._outcomes and (known is None or len(known.usd) == len(self._seeds)):
            return known
        for count in (1, len(self._seeds)):
            outcome = self._over(settings, self._seeds[:count])
            self._outcomes[settings] = outcome
            if outcome is None or self._hopeless(outcome, best):
                return None
        return outcome

    def _hopeless(self, outcome: Outcome, best: Outcome | None) -> bool:
        if best is None or not best.keeps(self._bound) or len(outcome.usd) == len(self._seeds):
            return False
        dear = outcome.usd[0] > best.usd[0] * _HOPELESS_COST
        return dear or outcome.lost > 0 or outcome.p95[0] > self._bound * _HOPELESS_WAIT

    def _over(self, settings: Settings, seeds: Sequence[int]) -> Outcome | None:
        results = []
        for seed in seeds:
            if (settings, seed) not in self._results:
                self._results[settings, seed] = self._simulate(settings, seed)
            if (result := self._results[settings, seed]) is None:
                return None
            results.append(result)
        return outcome(settings, results)


def outcome(settings: Settings, runs: Sequence[Measured]) -> Outcome:
    """Return a candidate's outcome over its runs."""
    return Outcome(
        settings, tuple(run.usd for run in runs), tuple(run.p95 for run in runs), sum(run.lost for run in runs)
    )
