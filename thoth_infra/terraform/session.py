"""Terraform for one environment: commands in, results and errors out."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from thoth_infra.errors import CheckFailed, ThothError
from thoth_infra.files import private_folder, write_atomic
from thoth_infra.terraform import stamp
from thoth_infra.terraform.backend import check_backend
from thoth_infra.terraform.command import (
    Apply,
    Command,
    Fmt,
    ForceUnlock,
    Init,
    Output,
    Plan,
    Raw,
    Show,
    Validate,
    argv,
)
from thoth_infra.terraform.failures import explain
from thoth_infra.terraform.launch import Completed, Engine
from thoth_infra.terraform.runner import Notify, Runner, Stdout, silent
from thoth_infra.terraform.seal import Counts, Seal, seal, seal_path, verify
from thoth_infra.terraform.tree_digest import differences, file_digests
from thoth_infra.terraform.variables import refused
from thoth_infra.terraform.workspace import Workspace

Guard = Callable[[Workspace], None]

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_COUNTS: Final = re.compile(r"^Plan: .*?(\d+) to add, (\d+) to change, (\d+) to destroy\.", re.MULTILINE)
_FMT_WOULD_CHANGE: Final = 3
_PLAN_HAS_CHANGES: Final = 2


@dataclass(frozen=True)
class PlanFile:
    """A saved, sealed plan. ``changes``: applying it would do something (outputs count)."""

    path: Path
    changes: bool
    seal: Seal


class Terraform:
    """Runs Terraform in one workspace.

    ``variables`` is the whole environment to draw from. ``guard`` must agree before the first process
    is started, whichever command comes first; it raises to refuse. ``stdout`` says where Terraform's
    own output goes; ``parallelism`` is how many resources an apply works on at once (0: Terraform's
    default). Every method raises TerraformFailed, EngineError or Interrupted as it fits.
    """

    def __init__(
        self,
        workspace: Workspace,
        engine: Engine,
        runner: Runner,
        variables: Mapping[str, str],
        *,
        guard: Guard = check_backend,
        notify: Notify = silent,
        stdout: Stdout = "inherit",
        color: bool = False,
        parallelism: int = 0,
    ) -> None:
        self.workspace = workspace
        self._engine = engine
        self._runner = runner
        self._variables = variables
        self._guard = guard
        self._notify = notify
        self._stdout: Stdout = stdout
        self._color = color
        self._parallelism = parallelism
        self._admitted = False

    def init(self, *, upgrade: bool = False, reconfigure: bool = False, force: bool = False) -> bool:
        """Prepare the data directory; return False when nothing it depends on has changed since.

        A lock file that exists is never rewritten, only checked (``upgrade`` apart): it is committed,
        and a mirror would leave only this platform's checksum in it.
        """
        self._admit()
        if not (upgrade or reconfigure or force) and stamp.is_current(self.workspace, self._fingerprint()):
            return False
        stamp.forget(self.workspace)
        readonly = self.workspace.lock_file.exists() and not upgrade
        self._run(Init(lockfile_readonly=readonly, upgrade=upgrade, reconfigure=reconfigure))
        stamp.record(self.workspace, self._fingerprint())
        return True

    def init_without_backend(self) -> None:
        """Prepare providers and modules only: enough to validate, and needs neither state nor account."""
        readonly = self.workspace.lock_file.exists()
        self._run(Init(backend=False, lockfile_readonly=readonly))

    def validate(self) -> None:
        """Check the configuration."""
        self._run(Validate())

    def fmt(self, *, check: bool = False) -> None:
        """Format the tree's files. With ``check``, change none, and raise CheckFailed if some would."""
        completed = self._run(Fmt(check=check), accept=(0, _FMT_WOULD_CHANGE))
        if completed.code == _FMT_WOULD_CHANGE:
            raise CheckFailed(
                f"{self.workspace.tree} is not formatted as Terraform would",
                "It is rendered: mend the template, or run `thoth-infra fmt` on files of your own.",
            )

    def plan(
        self,
        out: Path | None = None,
        *,
        targets: tuple[str, ...] = (),
        destroy: bool = False,
        refresh_only: bool = False,
        refresh: bool = True,
        lock: bool = True,
        lock_timeout_s: int = 0,
        variables: tuple[str, ...] = (),
    ) -> PlanFile:
        """Plan, save the plan with permissions for its owner only, and seal it.

        An earlier plan at the same place is removed first, so that a plan that fails leaves none.
        """
        self._admit()
        path = self._plan_place(out)
        before = file_digests(self.workspace.tree)
        discard(path)
        write_atomic(path, b"", mode=0o600)  # Terraform writes into it, and leaves its permissions
        command = Plan(
            path, targets, destroy, refresh_only, refresh, lock=lock, lock_timeout_s=lock_timeout_s, variables=variables
        )
        try:
            completed = self._run(command, accept=(0, _PLAN_HAS_CHANGES))
            self._check_unchanged(before)
            made = seal(
                self.workspace,
                path,
                before,
                terraform_version=self._engine.version,
                engine=self._engine.kind,
                targets=targets,
                destroy=destroy,
                refresh_only=refresh_only,
                counts=_counts(completed.stdout),
            )
        except BaseException:
            discard(path)
            raise
        return PlanFile(path, completed.code == _PLAN_HAS_CHANGES, made)

    def show_json(self, plan: Path | None = None) -> dict[str, Any]:
        """Return a saved plan, or the state, as Terraform's JSON. It holds secrets in clear."""
        shown: dict[str, Any] = json.loads(self._run(Show(plan), stdout="capture").stdout)
        return shown

    def verify(self, plan: Path | None = None, *, max_age: timedelta | None = None) -> Seal:
        """Return the plan's seal when it still holds; raise SealBroken with what has changed."""
        path = (plan or self.workspace.default_plan).absolute()
        return verify(self.workspace, path, terraform_version=self._engine.version, max_age=max_age)

    def apply(self, plan: Path | None = None, *, max_age: timedelta | None = None, lock_timeout_s: int = 0) -> Seal:
        """Carry out a sealed plan and remove it; raise SealBroken if it does not hold any more."""
        path = (plan or self.workspace.default_plan).absolute()
        self._admit()
        sealed = self.verify(path, max_age=max_age)
        self._run(Apply(path, lock_timeout_s, self._parallelism))
        discard(path)
        return sealed

    def output(self, name: str | None = None) -> Any:
        """Return one output's value, or all outputs as ``{name: {value, type, sensitive}}``."""
        return json.loads(self._run(Output(name), stdout="capture").stdout)

    def force_unlock(self, lock_id: str) -> None:
        """Remove a state lock that its owner left behind."""
        self._run(ForceUnlock(lock_id))

    def raw(self, arguments: tuple[str, ...], *, tty: bool = False) -> int:
        """Run any Terraform command as it stands, and return its exit code.

        ``tty``: it talks to a person at a terminal, and gets the terminal.
        """
        self._admit()
        private_folder(self.workspace.scratch)
        command = Raw(arguments)
        launch = self._engine.launch(argv(command), self.workspace, self._variables, tty)
        completed = self._runner.run(replace(launch, stdin=True), self._stdout)
        if error := self._engine.failure(completed):
            raise error
        return completed.code

    def show_output(self, stdout: Stdout) -> None:
        """Say where Terraform's own output goes from now on."""
        self._stdout = stdout

    def _run(self, command: Command, *, accept: tuple[int, ...] = (0,), stdout: Stdout | None = None) -> Completed:
        self._admit()
        private_folder(self.workspace.scratch)
        launch = self._engine.launch(argv(command, self._color), self.workspace, self._variables)
        completed = self._runner.run(launch, stdout or self._stdout)
        if completed.code in accept:
            return completed
        raise self._engine.failure(completed) or explain(command.name, completed, self.workspace)

    def _admit(self) -> None:
        """Let the guard decide, once, and tell what of the user's settings is not in force."""
        if self._admitted:
            return
        self._guard(self.workspace)
        self._admitted = True
        if names := refused(self._variables):
            self._notify(f"Not passed on to Terraform: {', '.join(names)}")
        if remark := self._engine.providers(self.workspace, self._variables).remark:
            self._notify(remark)

    def _fingerprint(self) -> str:
        providers = self._engine.providers(self.workspace, self._variables)
        return stamp.fingerprint(self.workspace, self._engine, providers.variables)

    def _plan_place(self, out: Path | None) -> Path:
        path = (out or self.workspace.default_plan).absolute()
        if self._engine.kind == "docker" and not path.is_relative_to(self.workspace.project):
            raise ThothError(
                f"{path} is outside the project, where a container does not see it",
                f"Save the plan below {self.workspace.project}, or use `--engine local`.",
            )
        private_folder(self.workspace.scratch)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _check_unchanged(self, before: Mapping[str, str]) -> None:
        changed = differences(before, file_digests(self.workspace.tree))
        if changed:
            raise ThothError(
                f"{self.workspace.tree} changed while Terraform was planning: {', '.join(changed)}",
                "Plan again.",
            )


def discard(plan: Path) -> None:
    """Remove a saved plan and its seal."""
    seal_path(plan).unlink(missing_ok=True)
    plan.unlink(missing_ok=True)


def clean(workspace: Workspace) -> tuple[Path, ...]:
    """Remove the data directory, plans and seals; never state, never the lock file."""
    names = ("*.tfplan", "*.seal.json", "init.stamp", "terraform.rc", "engine.json")
    found = [path for name in names for path in sorted(workspace.scratch.glob(name))]
    for path in found:
        path.unlink()
    if workspace.data_dir.exists():
        shutil.rmtree(workspace.data_dir)
        found.append(workspace.data_dir)
    return tuple(found)


def _counts(output: str) -> Counts:
    found = _COUNTS.search(_COLOUR.sub("", output))
    return Counts(*map(int, found.groups())) if found else Counts()
