"""Random numbers: SplitMix64 (Steele, Lea, Flood 2014), a state per stream. Passes BigCrush; one addition and two
multiplications a number."""

from __future__ import annotations

from typing import Any

import numpy as np

from thoth_infra.simulate.engine.compiler import inlined

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_STEP = 2.0**-53


def streams(seed: int, count: int) -> Any:
    """Return the first states of ``count`` independent streams, as uint64."""
    return np.random.SeedSequence(seed).generate_state(count, np.uint64)


@inlined  # pragma: no cover - machine code
def bits(random: Any, stream: int) -> Any:
    """Return the next 64 bits of a stream."""
    state = random[stream] + _GAMMA
    random[stream] = state
    state = (state ^ (state >> _30)) * _FIRST
    state = (state ^ (state >> _27)) * _SECOND
    return state ^ (state >> _31)


@inlined  # pragma: no cover - machine code
def uniform(random: Any, stream: int) -> Any:
    """Return the next number of a stream, from 0 to below 1."""
    return np.float64(bits(random, stream) >> _11) * _STEP


@inlined  # pragma: no cover - machine code
def exponential(random: Any, stream: int) -> Any:
    """Return the next number of a stream, exponential with mean 1."""
    return -np.log(1.0 - uniform(random, stream))


@inlined  # pragma: no cover - machine code
def within(random: Any, stream: int, least: float, most: float) -> Any:
    """Return the next number of a stream, between two bounds."""
    return least + (most - least) * uniform(random, stream)
