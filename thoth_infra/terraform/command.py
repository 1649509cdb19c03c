"""Terraform's commands as values; ``argv`` turns one into arguments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from thoth_infra.errors import ThothError
from thoth_infra.terraform.argv import Option, arguments

_NO_INPUT: dict[str, Option] = {"input": "false"}


class _Typed(ABC):
    """A command with options of its own."""

    name: ClassVar[str]

    @abstractmethod
    def options(self) -> dict[str, Option]:
        """Return the options by name."""

    def operands(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Init(_Typed):
    """Prepare the data directory.

    ``lockfile_readonly`` verifies providers against the committed lock file without rewriting it;
    without ``backend`` neither state nor account is touched.
    """

    name = "init"
    lockfile_readonly: bool = False
    upgrade: bool = False
    reconfigure: bool = False
    backend: bool = True

    def options(self) -> dict[str, Option]:
        return _NO_INPUT | {
            "lockfile": "readonly" if self.lockfile_readonly else None,
            "backend": None if self.backend else "false",
            "upgrade": self.upgrade,
            "reconfigure": self.reconfigure,
        }


@dataclass(frozen=True)
class Validate(_Typed):
    """Check the configuration without state or credentials."""

    name = "validate"
    json: bool = False

    def options(self) -> dict[str, Option]:
        return {"json": self.json}


@dataclass(frozen=True)
class Fmt(_Typed):
    """Format the tree's files, or only ``check`` them (exit code 3 when some would change)."""

    name = "fmt"
    check: bool = False

    def options(self) -> dict[str, Option]:
        # Not -diff: it needs a diff program, and an image may have none.
        return {"recursive": True, "check": self.check}


@dataclass(frozen=True)
class Plan(_Typed):
    """Compare configuration, state and the real infrastructure, and save the result to ``out``.

    Exit codes with ``detailed_exitcode``: 0 no changes, 2 changes, 1 an error.
    ``lock=False`` is for a role that may read the state but not write its lock; ``refresh=False`` takes the
    state's word for what exists; ``variables`` are input variables over those of the tree, each ``name=value``.
    """

    name = "plan"
    out: Path | None = None
    targets: tuple[str, ...] = ()
    destroy: bool = False
    refresh_only: bool = False
    refresh: bool = True
    detailed_exitcode: bool = True
    lock: bool = True
    lock_timeout_s: int = 0
    variables: tuple[str, ...] = ()

    def options(self) -> dict[str, Option]:
        return _NO_INPUT | {
            "detailed_exitcode": self.detailed_exitcode,
            "destroy": self.destroy,
            "refresh_only": self.refresh_only,
            "refresh": None if self.refresh else "false",
            "lock": None if self.lock else "false",
            "lock_timeout": f"{self.lock_timeout_s}s" if self.lock_timeout_s else None,
            "target": self.targets,
            "var": self.variables,
            "out": str(self.out) if self.out else None,
        }


@dataclass(frozen=True)
class Apply(_Typed):
    """Carry out a saved plan, and only that. ``parallelism``: resources at once (0: Terraform's default, 10)."""

    name = "apply"
    plan: Path
    lock_timeout_s: int = 0
    parallelism: int = 0

    def options(self) -> dict[str, Option]:
        return _NO_INPUT | {
            "lock_timeout": f"{self.lock_timeout_s}s" if self.lock_timeout_s else None,
            "parallelism": str(self.parallelism) if self.parallelism else None,
        }

    def operands(self) -> tuple[str, ...]:
        return (_operand("plan file", str(self.plan)),)


@dataclass(frozen=True)
class Show(_Typed):
    """Print a saved plan, or the state when none is given."""

    name = "show"
    plan: Path | None = None
    json: bool = True

    def options(self) -> dict[str, Option]:
        return {"json": self.json}

    def operands(self) -> tuple[str, ...]:
        return (_operand("plan file", str(self.plan)),) if self.plan else ()


@dataclass(frozen=True)
class Output(_Typed):
    """Print one output value, or all of them."""

    name = "output"
    output: str | None = None
    json: bool = True

    def options(self) -> dict[str, Option]:
        return {"json": self.json}

    def operands(self) -> tuple[str, ...]:
        return (_operand("output", self.output),) if self.output else ()


@dataclass(frozen=True)
class ForceUnlock(_Typed):
    """Remove a state lock that its owner left behind."""

    name = "force-unlock"
    lock_id: str

    def options(self) -> dict[str, Option]:
        return {"force": True}

    def operands(self) -> tuple[str, ...]:
        return (_operand("lock ID", self.lock_id),)


@dataclass(frozen=True)
class Version(_Typed):
    """Print Terraform's version as JSON."""

    name = "version"

    def options(self) -> dict[str, Option]:
        return {"json": True}


@dataclass(frozen=True)
class Raw:
    """Anything else: the arguments exactly as a person gave them."""

    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        return next((word for word in self.arguments if not word.startswith("-")), "")


Command = Init | Validate | Fmt | Plan | Apply | Show | Output | ForceUnlock | Version | Raw


def argv(command: Command, color: bool = False) -> tuple[str, ...]:
    """Return the arguments that follow the Terraform executable."""
    if isinstance(command, Raw):
        return arguments("", {}, command.arguments)
    options = command.options() | {"no_color": not color and not isinstance(command, Version)}
    return arguments(command.name, options, command.operands())


def _operand(what: str, value: str) -> str:
    """Refuse a value that Terraform would read as an option."""
    if not value or value.startswith("-"):
        raise ThothError(f"{value!r} is not a {what}", f"Give the {what} as Terraform prints it.")
    return value
