"""A report for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from thoth_infra.review.plan.report import Entry, Noise, PlanReport, Risk
from thoth_infra.review.plan.show import SIGNS, TITLES, changed, counted, names, plain
from thoth_infra.terraform.summary import Action

_SHOWN: Final = 40


def as_text(report: PlanReport, limit: int = _SHOWN) -> str:
    """Return the report: counts, what is risky and why, and what is not worth a line in numbers.

    ``limit`` is the most entries of a risk; data losses are all shown.
    """
    lines = [f"{report.environment}: {report.headline}"]
    if report.cost:
        lines += [f"  cost: {report.cost.headline}", *(f"    {line}" for line in report.cost.lines)]
    for risk in Risk:
        entries = [entry for entry in report.entries if entry.risk is risk]
        if risk is Risk.HARMLESS:
            lines += _harmless(entries, limit)
        elif entries:
            lines += _risky(risk, entries, len(entries) if risk is Risk.DATA_LOSS else limit)
    if report.outputs:
        lines.append(f"  {report.outputs} outputs change")
    return "\n".join(lines)


def _risky(risk: Risk, entries: list[Entry], limit: int) -> Iterator[str]:
    yield f"{TITLES[risk]} ({sum(len(entry.addresses) for entry in entries)})"
    for entry in entries[:limit]:
        yield _line(entry)
        for finding in entry.findings:
            label = "" if finding.risk is risk else f"{finding.risk}: "
            yield f"        {label}{finding.reason}"
        if entry.cause:
            yield f"        because of {plain(str(entry.cause), 400)}"
    if len(entries) > limit:
        yield f"  … and {len(entries) - limit} more: {', '.join(counted(entries[limit:]))}"


def _harmless(entries: list[Entry], limit: int) -> Iterator[str]:
    notable = [e for e in entries if e.noise is Noise.NONE and e.action is not Action.CREATE]
    if entries:
        yield f"{TITLES[Risk.HARMLESS]} ({sum(len(entry.addresses) for entry in entries)})"
    for entry in notable[:limit]:
        yield _line(entry) + (
            f"  ({changed(entry.changed)})" if entry.action is Action.UPDATE and entry.changed else ""
        )
        if entry.cause:
            yield f"        because of {plain(str(entry.cause), 400)}"
    if len(notable) > limit:
        yield f"  … and {len(notable) - limit} more"
    for noise in (Noise.TAGS, Noise.COMPUTED):
        if count := sum(len(e.addresses) for e in entries if e.noise is noise):
            yield f"  ~ {count:>3} {noise}"
    created = [entry for entry in entries if entry.action is Action.CREATE]
    for kind in sorted({entry.type for entry in created}):
        yield f"  + {sum(len(entry.addresses) for entry in created if entry.type == kind):>3} {kind}"


def _line(entry: Entry) -> str:
    base, keys, more = names(entry)
    several = f" ×{len(entry.addresses)}: {', '.join(plain(key, 60) for key in keys)}" if keys else ""
    forced = f"  (forced by {', '.join(entry.forced_by)})" if entry.forced_by else ""
    tail = f" and {more} more" if more else ""
    return f"  {SIGNS[entry.action]} {plain(base)}{several}{tail}{forced}"
