"""Words and marks that the text and the markdown of a report share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from thoth_infra.review.plan.report import Entry, Risk
from thoth_infra.terraform.summary import Action

SIGNS: Final = {Action.DELETE: "-", Action.REPLACE: "-/+", Action.UPDATE: "~", Action.CREATE: "+"}
TITLES: Final = {
    Risk.DATA_LOSS: "Data loss",
    Risk.SECURITY: "Security widening",
    Risk.DOWNTIME: "Downtime",
    Risk.COST: "Cost",
    Risk.HARMLESS: "Harmless",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LONGEST: Final = 160


def plain(text: str, longest: int = _LONGEST) -> str:
    """Return an address or name on one line, without what would move a terminal's cursor or turn the text around."""
    cleaned = _CONTROL.sub("?", text)
    return cleaned if len(cleaned) <= longest else f"{cleaned[: longest - 1]}…"


def names(entry: Entry, shown: int = 4) -> tuple[str, tuple[str, ...], int]:
    """Return an entry's resource, the keys of its first instances, and how many more there are."""
    if len(entry.addresses) == 1:
        return entry.addresses[0], (), 0
    base = entry.addresses[0].rpartition("[")[0]
    keys = tuple(address[len(base) + 1 : -1].strip('"') for address in entry.addresses)
    return base, keys[:shown], max(0, len(keys) - shown)


def counted(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Return how many of which type are created, deleted, …: what is left to say where there is no room."""
    found: dict[tuple[Action, str], int] = {}
    for entry in entries:
        key = (entry.action, entry.type)
        found[key] = found.get(key, 0) + len(entry.addresses)
    rows = sorted(found.items(), key=lambda row: (list(Action).index(row[0][0]), -row[1], row[0][1]))
    return tuple(f"{action} {count} × {kind}" for (action, kind), count in rows)


def changed(paths: tuple[str, ...], shown: int = 4) -> str:
    """Return the first attributes that change."""
    more = f" and {len(paths) - shown} more" if len(paths) > shown else ""
    return ", ".join(paths[:shown]) + more
