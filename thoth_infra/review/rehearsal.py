"""A rehearsal: its steps in order, how each ended, and what the destroy left. Knows neither Terraform nor AWS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from thoth_infra.emulator.leftovers import Leftovers
from thoth_infra.errors import CheckFailed, TerraformFailed

#: The steps that a shorter rehearsal can end with.
UNTIL = ("plan", "apply", "plan-again")
_SHOWN = 12


@dataclass(frozen=True)
class Outcome:
    """What a step did: resources planned or changed, and how many the state holds afterwards (None: not asked).

    ``shortfall`` says why that is not good enough, although the step itself ran through.
    """

    add: int = 0
    change: int = 0
    destroy: int = 0
    in_state: int | None = None
    shortfall: str = ""
    left: Leftovers | None = None


@dataclass(frozen=True)
class Step:
    """One step as it ended. ``failed``: it did not run through, and nothing after it was tried."""

    name: str
    seconds: float
    outcome: Outcome = Outcome()
    failed: bool = False

    @property
    def ok(self) -> bool:
        """Whether it ran through and nothing falls short."""
        return not (self.failed or self.outcome.shortfall)


@dataclass(frozen=True)
class Rehearsal:
    """The whole of it. ``seconds`` is wall-clock time, the emulator's start and stop included.

    ``folder``: where log, state and emulated AWS are kept; None when they have been removed.
    """

    environment: str
    settings: tuple[str, ...]
    until: str
    steps: tuple[Step, ...]
    seconds: float
    folder: str | None = None

    @property
    def ok(self) -> bool:
        """Whether every step ran and none falls short."""
        return holds(self.steps)

    @property
    def resources(self) -> int:
        """The most resources that the state held after a step."""
        return max((step.outcome.in_state or 0 for step in self.steps), default=0)

    @property
    def left(self) -> Leftovers:
        """What the destroy left."""
        return next((step.outcome.left for step in self.steps if step.outcome.left), Leftovers())

    def as_json(self) -> dict[str, Any]:
        """Return the result for ``--json``: the verdict, the steps flat, and what is left."""
        return {
            "environment": self.environment,
            "ok": self.ok,
            "settings": self.settings,
            "until": self.until,
            "seconds": self.seconds,
            "resources": self.resources,
            "steps": [_flat(step) for step in self.steps],
            "left_over": [item._asdict() for item in self.left.forgotten],
            "kept_by_design": [asdict(kept) for kept in self.left.kept],
            "folder": self.folder,
        }


def holds(steps: Sequence[Step]) -> bool:
    """Return whether every step ran and none falls short. No step at all proves nothing."""
    return bool(steps) and all(step.ok for step in steps)


def perform(
    actions: Mapping[str, Callable[[], Outcome]],
    *,
    begin: Callable[[str], None] = lambda _name: None,
    end: Callable[[Step], None] = lambda _step: None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Step, ...]:
    """Run the steps in order, and return how each ended; ``begin`` and ``end`` are told of each.

    A step that Terraform fails is the last one. One that only falls short is not: a destroy after a plan that was not
    empty still tells something. What is not the environment's fault (no engine, an interrupt) is raised.
    """
    steps: list[Step] = []
    for name, action in actions.items():
        begin(name)
        began = clock()
        try:
            outcome, failed = action(), False
        except (TerraformFailed, CheckFailed) as error:
            outcome, failed = Outcome(shortfall=error.message), True
        steps.append(Step(name, round(clock() - began, 1), outcome, failed))
        end(steps[-1])
        if failed:
            break
    return tuple(steps)


def as_text(rehearsal: Rehearsal) -> str:
    """Return the rehearsal for a terminal: a table of its steps, what falls short, and what stays by design."""
    rows: list[tuple[str, ...]] = [("step", "seconds", "add", "change", "destroy", "in state", "")]
    rows += [_row(step) for step in rehearsal.steps]
    rows.append(("total", f"{rehearsal.seconds:.1f}", "", "", "", "", "holds" if rehearsal.ok else "FALLS SHORT"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    title = " ".join((rehearsal.environment, *rehearsal.settings))
    lines = [f"Rehearsal of {title}: {rehearsal.resources} resources", *(_aligned(row, widths) for row in rows)]
    return "\n".join([*lines, *_remarks(rehearsal)])


def line(step: Step) -> str:
    """Return one step in one line, for progress."""
    done = step.outcome
    counts = {"to add": done.add, "to change": done.change, "to destroy": done.destroy}
    said = [f"{count} {what}" for what, count in counts.items() if count]
    if done.in_state is not None:
        said.append(f"{done.in_state} in the state")
    if done.shortfall:
        said.append(f"{'FAILED' if step.failed else 'FALLS SHORT'}: {done.shortfall}")
    return f"{step.name:<10} {step.seconds:6.1f} s  {', '.join(said)}".rstrip()


def _row(step: Step) -> tuple[str, ...]:
    done = step.outcome
    counts = (str(count) if count else "-" for count in (done.add, done.change, done.destroy))
    verdict = "ok" if step.ok else "FAILED" if step.failed else "FALLS SHORT"
    state = "-" if done.in_state is None else str(done.in_state)
    return (step.name, f"{step.seconds:.1f}", *counts, state, verdict)


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    first, *numbers, verdict = row
    cells = [cell.rjust(width) for cell, width in zip(numbers, widths[1:-1], strict=True)]
    return "  ".join(["", first.ljust(widths[0]), *cells, verdict]).rstrip()


def _remarks(rehearsal: Rehearsal) -> Iterator[str]:
    for step in rehearsal.steps:
        if not step.ok:
            yield f"{step.name}: {step.outcome.shortfall}"
    forgotten = rehearsal.left.forgotten
    yield from (f"  left over in {item.account}: {item.kind} {item.id}" for item in forgotten[:_SHOWN])
    if len(forgotten) > _SHOWN:
        yield f"  … and {len(forgotten) - _SHOWN} more"
    yield from (f"stays by design: {kept.count} × {kept.kind} ({kept.why})" for kept in rehearsal.left.kept)


def _flat(step: Step) -> dict[str, Any]:
    outcome = {key: value for key, value in vars(step.outcome).items() if key != "left"}
    return {"name": step.name, "ok": step.ok, "failed": step.failed, "seconds": step.seconds, **outcome}
