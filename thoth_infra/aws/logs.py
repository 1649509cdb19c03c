"""Log groups as one stream: all of a service's log streams in order, from some time on, and further."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from thoth_infra.aws.clients import Clients
from thoth_infra.errors import ThothError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# CloudWatch takes in events of several streams out of order; one that is younger than this may be overtaken.
_SETTLE = timedelta(seconds=5)
_POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Event:
    """One line of a log: when, from which stream, and what."""

    at: datetime
    stream: str
    message: str


def since(text: str) -> timedelta:
    """Read a span like ``15m``, ``2h`` or ``1d``. Raises ThothError for anything else."""
    found = re.fullmatch(r"(\d+)([smhd])", text)
    if not found:
        raise ThothError(f"{text!r} is not a span of time", "write it like 30s, 15m, 2h or 1d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def events(clients: Clients, group: str, start: datetime, text: str = "") -> Iterator[Event]:
    """Yield the events of a log group from ``start`` on, in order of time, those with ``text`` only."""
    yield from sorted((_event(row) for row in _rows(clients, group, start, text)), key=lambda e: e.at)


def follow(
    clients: Clients, group: str, start: datetime, text: str = "", wait: Callable[[float], None] = time.sleep
) -> Iterator[Event]:
    """Yield events as they arrive, in order of time, each once, until the caller stops."""
    shown: dict[str, datetime] = {}
    while True:
        settled = datetime.now(UTC) - _SETTLE
        fresh = [row for row in _rows(clients, group, start, text) if row["eventId"] not in shown]
        for row in sorted(fresh, key=lambda r: r["timestamp"]):
            event = _event(row)
            if event.at > settled:
                break
            shown[row["eventId"]] = event.at
            yield event
        # What lies before the settled time has all been shown and need not be remembered.
        start = max(start, settled - _SETTLE)
        shown = {key: at for key, at in shown.items() if at >= start}
        wait(_POLL_SECONDS)


def _rows(clients: Clients, group: str, start: datetime, text: str) -> Iterator[dict[str, Any]]:
    logs = clients("logs")
    options: dict[str, Any] = {"logGroupName": group, "startTime": int(start.timestamp() * 1000)}
    if text:
        # A quoted term matches literally, whatever signs of the pattern language it holds.
        options["filterPattern"] = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    try:
        for page in logs.get_paginator("filter_log_events").paginate(**options):
            yield from page["events"]
    except logs.exceptions.ResourceNotFoundException:
        raise ThothError(f"there is no log group {group}", "apply the environment first") from None


def _event(row: dict[str, Any]) -> Event:
    at = datetime.fromtimestamp(row["timestamp"] / 1000, UTC)
    return Event(at, row.get("logStreamName", ""), row["message"].rstrip("\n"))
