"""What the store refuses: the API turns these into its answers."""

from __future__ import annotations


class StoreError(Exception):
    """``code`` for programs, ``message`` and ``hint`` for people."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.hint = hint


class NotFound(StoreError):
    """There is no such thing, or it is another tenant's."""


class Conflict(StoreError):
    """The thing is there, but not in a state that allows this."""


class VersionMismatch(Conflict):
    """Somebody else was faster: ``current`` is the version that holds."""

    def __init__(self, what: str, expected: int, current: int) -> None:
        super().__init__(
            "version_mismatch",
            f"the {what} has version {current}, not {expected}",
            "read it again, and repeat the change on what you find",
        )
        self.current = current


class KeyTaken(Conflict):
    """Another job has this idempotency key."""
