"""What a check found wrong, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """Whether a finding fails the check or is only said."""

    FAILURE = "failure"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One check that one resource does not pass.

    ``check`` is checkov's id or the name of a rule of ours, ``address`` the resource in the tree or in the
    plan, ``place`` file and line where they are known.
    """

    check: str
    address: str
    wrong: str
    right: str
    level: Level = Level.FAILURE
    place: str = ""
