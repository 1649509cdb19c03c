"""What gets deleted by its age or number: objects, images, backups; a rule that takes more, or sooner, loses data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from thoth_infra.review.plan.change import Change, blocks
from thoth_infra.terraform.summary import Action


def objects(change: Change) -> Iterator[str]:
    """Yield which objects of a bucket expire sooner."""
    if change.action is Action.DELETE or (change.action is Action.CREATE and change.is_unknown("bucket")):
        return
    before, after = _expirations(change.before), _expirations(change.after)
    for what, days in after.items():
        if days < before.get(what, float("inf")):
            kept = f" instead of {before[what]:g}" if what in before else ""
            yield f"{what} are deleted after {days:g} days{kept}"


def _expirations(config: Mapping[str, Any]) -> dict[str, float]:
    """Return the soonest expiration of current and of older versions, in days."""
    found: dict[str, float] = {}
    for rule in blocks(config, "rule"):
        if rule.get("status") != "Enabled":
            continue
        for name, key, what in (
            ("expiration", "days", "objects"),
            ("noncurrent_version_expiration", "noncurrent_days", "older versions"),
        ):
            for block in blocks(rule, name):
                if days := block.get(key):
                    found[what] = min(found.get(what, float("inf")), days)
    return found


def images(change: Change) -> Iterator[str]:
    """Yield how many fewer images of a repository are kept."""
    if change.action is Action.DELETE:
        return
    before, after = (_image_rules(each.get("policy")) for each in (change.before, change.after))
    for selection, count in after.items():
        if count < before.get(selection, float("inf")):
            kept = f" instead of {before[selection]}" if selection in before else ""
            unit = "days" if selection[1] == "sinceImagePushed" else "of them"
            yield f"more images are deleted: {count}{kept} {unit} are kept"


def _image_rules(policy: Any) -> dict[tuple[str, str], int]:
    rules = json.loads(policy).get("rules", ()) if isinstance(policy, str) else ()
    selections = [rule["selection"] for rule in rules]
    return {(str(s.get("tagStatus")), str(s.get("countType"))): int(s.get("countNumber", 0)) for s in selections}


def backups(change: Change) -> Iterator[str]:
    """Yield how backups are made less often, or kept for a shorter time."""
    before = {rule.get("rule_name"): rule for rule in blocks(change.before, "rule")}
    after = {rule.get("rule_name"): rule for rule in blocks(change.after, "rule")}
    if set(before) - set(after):
        yield "one of its rules goes: fewer backups are made"
    for name in set(before) & set(after):
        old, new = (_kept_days(each[name]) for each in (before, after))
        if new < old:
            yield f"backups are deleted after {new:g} instead of {old:g} days"
        if _often(after[name].get("schedule")) < _often(before[name].get("schedule")):
            yield "backups are made less often"


def _kept_days(rule: Mapping[str, Any]) -> float:
    return next((b.get("delete_after") or float("inf") for b in blocks(rule, "lifecycle")), float("inf"))


def _often(schedule: Any) -> float:
    """Return about how many times a month a ``cron`` or ``rate`` schedule runs."""
    text = str(schedule or "")
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", text):
        return 30 / int(rate[1]) * {"minute": 1440, "hour": 24, "day": 1}[rate[2]]
    fields = text.removeprefix("cron(").removesuffix(")").split()
    if len(fields) < 5:
        return 0
    hours = 24 if fields[1] == "*" else _several(fields[1], 24)
    by_date = 30 if fields[2] in "*?" else _several(fields[2], 31)
    by_weekday = 30 if fields[4] in "*?" else _several(fields[4], 7) * 4
    return hours * min(by_date, by_weekday)


def _several(text: str, most: int) -> float:
    if "/" in text:
        return most / int(text.partition("/")[2] or 1)
    return sum(3 if "-" in part else 1 for part in text.split(","))
