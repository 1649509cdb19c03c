"""Few combinations of the switches, in which every pair of choices meets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import TypeAlias

Choice: TypeAlias = tuple[str, str]
"""A factor, and the level that is chosen of it."""
Pair: TypeAlias = frozenset[Choice]
Combination: TypeAlias = dict[str, str]


def pairs(factors: Mapping[str, Sequence[str]]) -> Iterator[Pair]:
    """Yield every pair of choices of two different factors."""
    for (one, levels), (other, other_levels) in combinations(factors.items(), 2):
        yield from (frozenset({(one, a), (other, b)}) for a, b in product(levels, other_levels))


def met(combination: Combination) -> set[Pair]:
    """Return the pairs that a combination holds."""
    return {frozenset(pair) for pair in combinations(combination.items(), 2)}


def pairwise(factors: Mapping[str, Sequence[str]]) -> tuple[Combination, ...]:
    """Return combinations, one level of each factor, which together hold every pair; always the same ones.

    Greedy, after AETG (Cohen et al., 1997): choice by choice, the one that meets the most pairs which no combination
    holds yet; among equals the one with the most such pairs of its own.
    """
    missing = set(pairs(factors))
    found: list[Combination] = []
    while missing:
        chosen = _next(factors, missing)
        missing -= met(chosen)
        found.append({factor: chosen[factor] for factor in factors})
    return tuple(found)


def _next(factors: Mapping[str, Sequence[str]], missing: set[Pair]) -> Combination:
    waiting = Counter(choice for pair in missing for choice in pair)
    chosen: Combination = {}

    def gain(choice: Choice) -> tuple[int, int]:
        return sum(frozenset({choice, other}) in missing for other in chosen.items()), waiting[choice]

    while len(chosen) < len(factors):
        open_choices = ((factor, level) for factor in factors if factor not in chosen for level in factors[factor])
        factor, level = max(open_choices, key=gain)
        chosen[factor] = level
    return chosen
