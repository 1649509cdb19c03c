"""Ids that sort by age."""

from __future__ import annotations

from ulid import ULID


def new_id() -> str:
    """Return a ULID in lower case: 26 letters and figures, the first ten of them the time in milliseconds."""
    return str(ULID()).lower()
