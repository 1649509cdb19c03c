"""A copy of the real ``environments/`` folder, and small edits to it by key."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from thoth_infra.config import yaml_source
from thoth_infra.config.load import load
from thoth_infra.config.yaml_source import KeyPath
from thoth_infra.errors import ConfigInvalid, Problem

ROOT = Path(__file__).resolve().parents[2]
DEFAULTS = "_defaults"


@dataclass(frozen=True)
class Put:
    """Writes ``text`` as it stands in place of the scalar at ``key``."""

    file: str
    key: str
    text: str

    def apply(self, text: str) -> str:
        """Return the edited text."""
        span = yaml_source.parse(text.encode(), Path("f")).spans[_path(self.key)]
        lines = text.split("\n")
        line = lines[span.line - 1]
        assert span.line == span.end_line
        lines[span.line - 1] = line[: span.start] + self.text + line[span.end :]
        return "\n".join(lines)


@dataclass(frozen=True)
class Whole:
    """Replaces the whole entry of ``key``, its own lines and those below it, by ``text``."""

    file: str
    key: str
    text: str

    def apply(self, text: str) -> str:
        """Return the edited text."""
        lines = text.split("\n")
        first = _line(text, self.key) - 1
        depth = _indent(lines[first])
        after = first + 1
        while after < len(lines) and (not lines[after].strip() or _indent(lines[after]) > depth):
            after += 1
        new = [" " * depth + line for line in self.text.split("\n")] if self.text else []
        return "\n".join([*lines[:first], *new, *lines[after:]])


@dataclass(frozen=True)
class Below:
    """Adds ``text``, indented from the key on, as the first lines below it."""

    file: str
    key: str
    text: str

    def apply(self, text: str) -> str:
        """Return the edited text."""
        lines = text.split("\n")
        at = _line(text, self.key) if self.key else 0
        indent = _indent(lines[at - 1]) if self.key else 0
        return "\n".join([*lines[:at], *(" " * indent + line for line in self.text.split("\n")), *lines[at:]])


@dataclass(frozen=True)
class End:
    """Adds ``text`` as the last line of the file."""

    file: str
    text: str

    def apply(self, text: str) -> str:
        """Return the edited text."""
        return f"{text}{self.text}\n"


Edit = Put | Whole | Below | End


@dataclass(frozen=True)
class Case:
    """One mistake, and the problem that it is answered with.

    ``file`` is where the problem is reported (the first edited one unless given); its line is the first
    that the edits changed, or the one that begins with ``at``.
    """

    name: str
    edits: tuple[Edit, ...]
    key: str
    wrong: str
    right: str
    at: str = ""
    file: str = ""
    env: str = "staging"
    dotenv: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    settings: tuple[str, ...] = ()

    def expected_place(self, folder: Path) -> tuple[Path, int]:
        """Return the file and line that a person would mend."""
        if self.file.startswith(("THOTH_", "--", "(")):
            return Path(self.file), 0
        if self.file == ".env" or (self.dotenv is not None and not self.file):
            assert self.dotenv is not None
            return Path(f".env.{self.env}"), _line_of(self.dotenv, self.at or self.dotenv.split("=")[0])
        name = self.file or self.edits[0].file
        edited = (folder / "environments" / f"{name}.yaml").read_text()
        original = (ROOT / "environments" / f"{name}.yaml").read_text()
        line = _line_of(edited, self.at) if self.at else first_difference(original, edited)
        return Path("environments", f"{name}.yaml"), line


def first_difference(original: str, edited: str) -> int:
    """Return the first line (from 1) in which two texts differ."""
    pairs = itertools.zip_longest(original.split("\n"), edited.split("\n"))
    return next(number for number, (a, b) in enumerate(pairs, 1) if a != b)


def _line_of(text: str, start: str) -> int:
    found = [n for n, line in enumerate(text.split("\n"), 1) if line.strip().startswith(start)]
    assert len(found) == 1, f"{start!r} begins lines {found}"
    return found[0]


def _path(key: str) -> KeyPath:
    return tuple(key.split("."))


def _line(text: str, key: str) -> int:
    return yaml_source.parse(text.encode(), Path("f")).lines[_path(key)]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def copy_project(folder: Path) -> Path:
    """Copy what makes a project of ``folder``: the environments and the Terraform pin."""
    shutil.copytree(ROOT / "environments", folder / "environments")
    shutil.copy(ROOT / ".terraform-version", folder)
    return folder


def edit(folder: Path, *edits: Edit) -> None:
    """Apply ``edits`` to the files below ``folder/environments``."""
    for change in edits:
        file = folder / "environments" / f"{change.file}.yaml"
        before = file.read_text()
        after = change.apply(before)
        assert after != before, change
        file.write_text(after)


def problems(folder: Path, env: str, variables: dict[str, str] | None = None, *settings: str) -> tuple[Problem, ...]:
    """Return what ``load`` refuses the environment for; fails when it is accepted."""
    try:
        load(folder, env, variables=variables or {}, settings=settings)
    except ConfigInvalid as error:
        assert error.exit_code == 3
        return error.problems
    raise AssertionError("accepted")
