"""A report as a comment of a pull request: worst first, the rest folded, never longer than there is room for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from thoth_infra.review.plan.report import Cause, Entry, Noise, PlanReport, Risk
from thoth_infra.review.plan.show import TITLES, counted, names, plain
from thoth_infra.terraform.summary import Action

#: Below GitHub's 65,536 characters, which the comment's own lines need a few of.
ROOM: Final = 64_000
#: Entries of one risk that are seen without unfolding.
_OPEN: Final = {Risk.DATA_LOSS: 30, Risk.SECURITY: 20, Risk.DOWNTIME: 12, Risk.COST: 8}
_MARKS: Final = {Risk.DATA_LOSS: "🔴", Risk.SECURITY: "🟠", Risk.DOWNTIME: "🟡", Risk.COST: "🔵", Risk.HARMLESS: "⚪"}
_CLOSING: Final = 400  # for closing a fold and saying what is not shown


def as_markdown(report: PlanReport, room: int = ROOM) -> str:
    """Return the report in at most ``room`` characters. What does not fit is counted, the harmless first."""
    parts = ["\n".join(_head(report))]
    left = room - len(parts[0])
    for risk in Risk:
        entries = [entry for entry in report.entries if entry.risk is risk]
        if entries:
            part = _section(risk, entries, left - 2)
            parts.append(part)
            left -= len(part) + 2
    return "\n\n".join(parts)


def _head(report: PlanReport) -> Iterator[str]:
    yield f"### Plan for {_code(report.environment)}: {report.headline}"
    yield ""
    if not report.entries:
        yield f"Only outputs change: {report.outputs}." if report.outputs else "No changes."
        return
    counts = {risk: sum(len(e.addresses) for e in report.entries if e.risk is risk) for risk in Risk}
    yield " · ".join(f"{_MARKS[risk]} **{count}** {risk}" for risk, count in counts.items() if count)
    if report.cost:
        yield ""
        yield f"**Cost:** {_escaped(report.cost.headline)}"
        yield from (f"- {_escaped(line)}" for line in report.cost.lines)


def _section(risk: Risk, entries: list[Entry], room: int) -> str:
    title = f"{_MARKS[risk]} {TITLES[risk]} ({sum(len(entry.addresses) for entry in entries)})"
    if risk is Risk.HARMLESS:
        items = list(_harmless(entries))
        return _fitted(f"<details><summary>{title}</summary>\n", items, room, "\n</details>")
    items = [(entry, _item(entry, risk)) for entry in entries]
    if sum(len(text) + 1 for _, text in items) + _CLOSING > room:
        items = [(entry, _short(entry)) for entry in entries]
    first, rest = items[: _OPEN[risk]], items[_OPEN[risk] :]
    opened = _fitted(f"#### {title}\n", first, room, "", rest)
    if not rest or room - len(opened) < _CLOSING:
        return opened
    more = sum(len(entry.addresses) for entry, _ in rest)
    head = f"\n\n<details><summary>{more} more: {TITLES[risk].lower()}</summary>\n"
    return opened + _fitted(head, rest, room - len(opened), "\n</details>")


def _fitted(
    head: str, items: list[tuple[Entry, str]], room: int, tail: str, after: Iterable[tuple[Entry, str]] = ()
) -> str:
    """Return as many items as there is room for, and what the others are, by type."""
    lines, left = [head], room - len(head) - len(tail) - _CLOSING
    for index, (_, text) in enumerate(items):
        left -= len(text) + 1
        if left < 0:
            hidden = [entry for entry, _ in (*items[index:], *after)]
            lines.append(_not_shown(hidden))
            break
        lines.append(text)
    return "\n".join(lines) + tail


def _not_shown(entries: list[Entry]) -> str:
    rows, count = counted(entries), sum(len(entry.addresses) for entry in entries)
    named = ", ".join(rows[:5]) + (", …" if len(rows) > 5 else "")
    how = "`thoth-infra plan --summary text` shows them"
    return f"- **{count} more are not shown here**, for want of room: {named}; {how}."


def _item(entry: Entry, risk: Risk) -> str:
    lines = [_subject(entry)]
    for finding in entry.findings:
        label = "" if finding.risk is risk else f"*{finding.risk}:* "
        lines.append(f"  - {label}{_escaped(finding.reason)}")
    if why := _why(entry):
        lines.append(f"  - {why}")
    return "\n".join(lines)


def _short(entry: Entry) -> str:
    return _subject(entry)


def _subject(entry: Entry) -> str:
    base, keys, more = names(entry)
    several = ""
    if keys:
        tail = f" and {more} more" if more else ""
        several = f" ×{len(entry.addresses)}: {', '.join(_code(key, 60) for key in keys)}{tail}"
    verb = f"**{entry.action}**" if entry.action in (Action.DELETE, Action.REPLACE) else str(entry.action)
    return f"- {verb} {_code(base)}{several}"


def _why(entry: Entry) -> str:
    parts = []
    if entry.forced_by:
        parts.append("forced by " + ", ".join(_code(path) for path in entry.forced_by))
    if entry.cause:
        parts.append("because of " + _cause(entry.cause))
    return ", ".join(parts)


def _cause(cause: Cause) -> str:
    if cause.said:
        return f"*{_escaped(cause.said)}*"
    pairs = zip(cause.keys, cause.places, strict=True)
    return " or ".join(f"**{_code(key)}** ({_code(place)})" for key, place in pairs)


def _harmless(entries: list[Entry]) -> Iterator[tuple[Entry, str]]:
    """Yield what is worth a line, then counts; what is counted is told as the first of its kind."""
    for entry in entries:
        if entry.noise is Noise.NONE and entry.action is not Action.CREATE:
            attributes = f": {', '.join(_code(p) for p in entry.changed[:4])}" if entry.action is Action.UPDATE else ""
            more = f" and {len(entry.changed) - 4} more" if attributes and len(entry.changed) > 4 else ""
            why = f" ({_why(entry)})" if _why(entry) else ""
            yield entry, f"{_subject(entry)}{attributes if entry.changed else ''}{more}{why}"
    for noise in (Noise.TAGS, Noise.COMPUTED):
        if alike := [entry for entry in entries if entry.noise is noise]:
            yield alike[0], f"- update {sum(len(entry.addresses) for entry in alike)}: {noise}"
    created = [entry for entry in entries if entry.action is Action.CREATE]
    for kind in sorted({entry.type for entry in created}):
        alike = [entry for entry in created if entry.type == kind]
        yield alike[0], f"- {sum(len(entry.addresses) for entry in alike)} × {_code(kind)} created"


def _code(text: str, longest: int = 160) -> str:
    """Return text in a code span, where no markdown, HTML or mention counts; a backtick would end it."""
    return f"`{plain(text, longest).replace('`', chr(39)).strip() or '?'}`"


_SPECIAL: Final = str.maketrans({each: f"\\{each}" for each in "\\`*_{}[]<>#|!~"} | {"@": "@\u200b", "&": "&amp;"})


def _escaped(text: str) -> str:
    """Return text that looks as it stands, whatever it holds."""
    return plain(text, 400).translate(_SPECIAL)
