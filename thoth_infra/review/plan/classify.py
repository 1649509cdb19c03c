"""From Terraform's plan JSON to a report: risks, noise, causes, what is alike put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

from thoth_infra.review.plan import secrets
from thoth_infra.review.plan.change import Change, Plan, read, shown
from thoth_infra.review.plan.report import Cause, CostDelta, Entry, Finding, Noise, PlanReport, Risk
from thoth_infra.review.plan.rules import cost, doors, downtime, edge, guards, loss, policies
from thoth_infra.terraform.summary import Action

#: Says what caused a change; None where it can't tell.
Tracer = Callable[[Change, Plan], Cause | None]

_INDEX = re.compile(r"\[[^\]]*\]$")
_RISKS: Final = list(Risk)
_ACTIONS: Final = list(Action)
#: Of two entries of one risk, what holds data stands before what does not.
_STATEFUL: Final = frozenset(loss.HELD)


def review(
    environment: str, plan: Mapping[str, Any], tracer: Tracer | None = None, money: CostDelta | None = None
) -> PlanReport:
    """Return the report of a plan, read from ``terraform show -json PLAN``.

    ``tracer`` finds the configuration key behind a change; ``money`` is shown as it is.
    """
    found = read(plan)
    entries = [_entry(change, found, tracer) for change in found.changes]
    count = {action: sum(change.action is action for change in found.changes) for action in Action}
    replaced = count[Action.REPLACE]
    return PlanReport(
        environment=environment,
        add=count[Action.CREATE] + replaced,
        change=count[Action.UPDATE],
        destroy=count[Action.DELETE] + replaced,
        outputs=found.outputs,
        entries=tuple(sorted(_grouped(entries), key=_weight)),
        cost=money,
    )


def findings(change: Change, plan: Plan) -> tuple[Finding, ...]:
    """Return every risk of one change, worst first. A reason never holds a sensitive value."""
    by_risk: dict[Risk, Iterable[str]] = {
        Risk.DATA_LOSS: loss.findings(change),
        Risk.SECURITY: _security(change, plan),
        Risk.DOWNTIME: () if plan.first else downtime.findings(change),
        Risk.COST: cost.findings(change),
    }
    return tuple(
        Finding(risk, secrets.without(reason, plan.sensitive))
        for risk, reasons in by_risk.items()
        for reason in dict.fromkeys(reasons)
    )


def _security(change: Change, plan: Plan) -> Iterator[str]:
    yield from doors.findings(change, plan)
    yield from edge.findings(change)
    yield from guards.findings(change, plan)
    yield from policies.findings(change, plan)


def _entry(change: Change, plan: Plan, tracer: Tracer | None) -> Entry:
    risks = findings(change, plan)
    wanted = risks or change.action is Action.REPLACE
    return Entry(
        addresses=(secrets.address(change.address, plan.sensitive),),
        type=change.type,
        action=change.action,
        findings=risks,
        forced_by=tuple(sorted({shown(path) for path in change.replace_paths})),
        changed=tuple(dict.fromkeys(shown(path) for path in change.known_paths())) if change.stays else (),
        cause=tracer(change, plan) if tracer and wanted else None,
        noise=Noise.NONE if risks else _noise(change),
        drifted=change.address in plan.drift,
    )


def _noise(change: Change) -> Noise:
    if change.action is not Action.UPDATE:
        return Noise.NONE
    if change.tags_only():
        return Noise.TAGS
    return Noise.NONE if change.known_paths() else Noise.COMPUTED


def _grouped(entries: list[Entry]) -> Iterator[Entry]:
    """Put instances of one resource with the same story together."""

    def story(entry: Entry) -> tuple[Any, ...]:
        base = _INDEX.sub("", entry.addresses[0])
        return (
            base,
            entry.action,
            entry.findings,
            entry.forced_by,
            entry.changed,
            entry.cause,
            entry.noise,
            entry.drifted,
        )

    for _, alike in groupby(sorted(entries, key=lambda e: (repr(story(e)), e.addresses)), key=story):
        rows = list(alike)
        yield replace(rows[0], addresses=tuple(address for row in rows for address in row.addresses))


def _weight(entry: Entry) -> tuple[int, bool, int, str]:
    return (
        _RISKS.index(entry.risk),
        entry.type not in _STATEFUL,
        _ACTIONS.index(entry.action),
        entry.addresses[0],
    )
