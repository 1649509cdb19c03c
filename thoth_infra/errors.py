"""The errors that people see.

Every error says what is wrong and how to mend it, carries its own exit code (see docs/exit-codes.md),
and is printed once, by the command-line edge; nothing below ``thoth_infra.cli`` prints.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


class ThothError(Exception):
    """Something a person can act on: ``message`` says what, ``hint`` says how to mend it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class CheckFailed(ThothError):
    """A check was run and does not hold (``render --check``, ``fmt --check``, ``policy``, …)."""


class TerraformFailed(ThothError):
    """Terraform ran and ended with an error of its own, which it has already explained."""


class EngineError(ThothError):
    """The engine (Docker or a local Terraform), the provider or an image is not to be had."""

    exit_code = 5


class IdentityRefused(ThothError):
    """The account, the role or the state key is not this environment's. Nothing was started."""

    exit_code = 4


class SealBroken(ThothError):
    """The saved plan no longer describes what would be applied."""

    exit_code = 6


class NotConfirmed(ThothError):
    """A person (or ``--confirm``) did not agree, or the configuration forbids it."""

    exit_code = 7


class RolledBack(ThothError):
    """A deployment was unhealthy, and what ran before runs again."""

    exit_code = 8


class RollbackFailed(ThothError):
    """A deployment was unhealthy and could not be undone: a person must look."""

    exit_code = 9


class Interrupted(ThothError):
    """Ctrl-C: what was running was let finish its clean-up."""

    exit_code = 130


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a configuration, at the place where a person would mend it."""

    file: Path
    line: int
    key: str
    wrong: str
    right: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}: {self.key}: {self.wrong}; {self.right}"


class ConfigInvalid(ThothError):
    """An environment's configuration has problems; all of them are listed, in file order."""

    exit_code = 3

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{count} problem{'s'[: count != 1]} in the configuration:\n{lines}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'x'?`` when ``name`` looks like one of ``known``, else the choices."""
    choices = sorted(known)
    close = difflib.get_close_matches(name, choices, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"choose one of {', '.join(choices)}" if choices else "nothing is known by that name"
