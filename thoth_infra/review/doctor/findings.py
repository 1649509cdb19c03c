"""What a check found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail", "skipped"]


@dataclass(frozen=True)
class Answer:
    """What a check says: its state, what it saw, and the command that mends it (empty where all is well).

    ``stops``: what needs this check has nothing to look at, although it is no failure.
    """

    state: State
    what: str
    mend: str = ""
    stops: bool = False


@dataclass(frozen=True)
class Finding:
    """An answer with the check's name; ``environment`` is None for what concerns the machine alone."""

    environment: str | None
    name: str
    state: State
    what: str
    mend: str


def ok(what: str) -> Answer:
    """All is well."""
    return Answer("ok", what)


def warn(what: str, mend: str) -> Answer:
    """It works, but not for long, or not all of it."""
    return Answer("warn", what, mend)


def fail(what: str, mend: str) -> Answer:
    """Something will not work."""
    return Answer("fail", what, mend)


def skipped(why: str) -> Answer:
    """There was nothing to look at."""
    return Answer("skipped", why)


def some(names: Iterable[str], most: int = 4) -> str:
    """Name a few of many."""
    found = sorted(names)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more
