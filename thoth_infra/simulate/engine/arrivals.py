"""When the next job arrives."""

from __future__ import annotations

from typing import Any

import numpy as np

from thoth_infra.simulate.engine.chance import exponential, uniform
from thoth_infra.simulate.engine.compiler import compiled
from thoth_infra.simulate.engine.layout import ARRIVALS, EXACT, POISSON, TRACE


@compiled  # pragma: no cover - machine code
def next_hour(w: Any, at: float) -> float:
    """Return when the next job arrives, of those counted by the hour; infinity after the last."""
    whole = w.whole[0]
    while True:
        hour = whole.at
        if hour >= len(w.arrivals):
            return np.inf
        end = min((hour + 1) * 3600.0, whole.hours_end)
        if whole.mode == EXACT and whole.left_in_hour > 0:
            at += (end - at) * (1.0 - (1.0 - uniform(w.random, ARRIVALS)) ** (1.0 / whole.left_in_hour))
            whole.left_in_hour -= 1
            return at
        if whole.mode == POISSON and w.arrivals[hour] > 0:
            at += exponential(w.random, ARRIVALS) * 3600.0 / w.arrivals[hour]
            if at < end:
                return at
        at = end
        whole.at = hour + 1
        if hour + 1 < len(w.arrivals) and whole.mode == EXACT:
            whole.left_in_hour = np.int64(w.arrivals[hour + 1])


@compiled  # pragma: no cover - machine code
def later(w: Any, now: float) -> float:
    """Return when the next job arrives, if not within this hour's rate."""
    whole = w.whole[0]
    if whole.mode == POISSON:
        now = (whole.at + 1) * 3600.0
        whole.at += 1
    return next_hour(w, now)


@compiled  # pragma: no cover - machine code
def first_arrival(w: Any) -> None:
    """Find out when the first job arrives."""
    whole = w.whole[0]
    if whole.mode == TRACE:
        whole.next_arrival = w.arrivals[0] if len(w.arrivals) > 0 else np.inf
    else:
        whole.left_in_hour = np.int64(w.arrivals[0]) if len(w.arrivals) > 0 else 0
        whole.next_arrival = next_hour(w, 0.0)
