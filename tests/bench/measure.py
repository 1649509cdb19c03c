"""Timing processes against each other, and the table of what came out."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

Run = Callable[[], float]
Measure = Callable[[Path], Iterator["Row"]]
"""Given an empty folder, measures something."""


@dataclass(frozen=True)
class Row:
    """One figure, which must be at most ``bound`` or at least ``least``; without either it is for information."""

    what: str
    measured: float
    unit: str
    bound: float | None = None
    note: str = ""
    least: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return (self.bound is None or self.measured <= self.bound) and (
            self.least is None or self.measured >= self.least
        )

    @property
    def shown_bound(self) -> str:
        """The bound as people read it; empty without one."""
        if self.bound is not None:
            return f"≤ {self.bound:.2f} {self.unit}".rstrip()
        return "" if self.least is None else f"≥ {self.least:.2f} {self.unit}".rstrip()


def process(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], before: Callable[[], None] | None = None) -> Run:
    """Return a function that runs ``argv`` and returns its wall seconds; it must exit with 0."""

    def run() -> float:
        if before:
            before()
        began = time.perf_counter()
        done = subprocess.run(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        seconds = time.perf_counter() - began
        if done.returncode:
            sys.exit(f"{' '.join(argv)} exited {done.returncode}:\n{done.stderr.decode(errors='replace')}")
        return seconds

    return run


def alternate(count: int, *runs: Run) -> list[float]:
    """Run each ``count`` times in turn, so that what else the machine does falls on all; return the medians."""
    return [median(seconds) for seconds in _in_turn(count, runs)]


def beside(count: int, ours: Run, theirs: Run) -> tuple[float, float]:
    """Run two in turn; return the median seconds of theirs, and those with the median difference of each pair added.

    A machine that slows down for a while slows both runs of a pair: their difference is steadier than that of medians.
    """
    mine, others = _in_turn(count, (ours, theirs))
    least = median(others)
    return least + median(one - other for one, other in zip(mine, others, strict=True)), least


def _in_turn(count: int, runs: Sequence[Run]) -> list[list[float]]:
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(count):
        for run, seconds in zip(runs, times, strict=True):
            seconds.append(run())
    return times


def table(rows: Sequence[Row]) -> str:
    """Return the rows as ``what | measured | bound | holds``."""
    cells = [("what", "measured", "bound", "holds")]
    for row in rows:
        bound = row.shown_bound
        verdict = bound and ("yes" if row.holds else "NO")
        cells.append((f"{row.what}{row.note and f' ({row.note})'}", f"{row.measured:.2f} {row.unit}".rstrip(),
                      bound, verdict))  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(" | ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def measured(measurements: Mapping[str, Measure], chosen: Sequence[str]) -> int:
    """Run those that are chosen, or all, and print the table; return the exit status: 1 when a bound is missed."""
    if unknown := set(chosen) - set(measurements):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; choose of {', '.join(measurements)}")
    rows: list[Row] = []
    for name, measure in measurements.items():
        if not chosen or name in chosen:
            sys.stderr.write(f"measuring {name} …\n")
            with tempfile.TemporaryDirectory(prefix="thoth-bench-") as scratch:
                rows += measure(Path(scratch))
    sys.stdout.write(table(rows) + "\n")
    return 0 if all(row.holds for row in rows) else 1
