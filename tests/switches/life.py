"""The life of an environment with one switch set, on the emulator: planned, or applied, planned again and destroyed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.switches.switches import Switch
from thoth_infra.cli.session import emulator_folder, variables_for
from thoth_infra.config.load import load
from thoth_infra.emulator import Emulator, running, stop
from thoth_infra.emulator.leftovers import Item, Surveyor, by_design, compare

# The user's own settings must not reach a drill.
_CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "THOTH_", "TF_"))}


@dataclass(frozen=True)
class Life:
    """Runs ``thoth-infra`` on ``environment`` of a copy of the project at ``root``, with a switch set."""

    root: Path
    environment: str
    switch: Switch

    def rehearse(self, *, until: str | None = None) -> dict[str, Any]:
        """Rehearse with ``--set``, and return the result; ``ok`` is its verdict."""
        options = [part for setting in self.switch.settings for part in ("--set", setting)]
        if until:
            options += ["--until", until]
        done = self.run({}, "--json", "rehearse", *options)
        assert done.stdout, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        assert result["ok"] == (done.returncode == 0)
        return result

    @contextmanager
    def prepared(self) -> Iterator[Prepared]:
        """Have an emulator in which the switch finds what it needs, for as long as the context."""
        folder = emulator_folder(self.root, self.environment)
        env = load(self.root, self.environment, personal=False).environment
        try:
            with running(folder, keep=True) as emulator:
                variables_for(emulator, env)  # what each command makes for itself, and no destroy removes
                assert self.switch.prepare
                settings = self.switch.prepare(emulator, env)
                surveyor = Surveyor(emulator, (env.accounts.own, env.accounts.shared), env.region)
                yield Prepared(self, emulator, settings, surveyor, surveyor.survey())
        finally:
            stop(folder)

    def run(self, variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command with ``variables`` set, and nothing of the user's own."""
        command = [sys.executable, "-m", "thoth_infra", "--root", str(self.root), "--engine", "local", *arguments]
        return subprocess.run(
            [*command, "--env", self.environment], env={**_CLEAN, **variables}, text=True, capture_output=True,
            check=False,
        )  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """The commands of a user whose ``.env`` names what was there before: ``before`` is all that was."""

    life: Life
    emulator: Emulator
    settings: tuple[str, ...]
    surveyor: Surveyor
    before: frozenset[Item]

    def __call__(self, *arguments: str) -> str:
        """Run a command with ``--emulate``, and return its output."""
        done = self._run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *arguments: str) -> str:
        """Run a command that must fail, and return what it says."""
        done = self._run(*arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout + done.stderr

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        pairs = (setting.split("=", 1) for setting in self.settings)
        variables = {"THOTH_" + key.replace(".", "__").upper(): value for key, value in pairs}
        return self.life.run(variables, *arguments, "--emulate")

    def left_over(self) -> tuple[Item, ...]:
        """Return what is there now and was not before, apart from what stays by design."""
        env = load(self.life.root, self.life.environment, personal=False).environment
        return compare(self.before, self.surveyor.survey(), by_design(env.state.bucket, env.state.key)).forgotten
