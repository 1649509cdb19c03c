"""``thoth-infra rehearse``: the whole life of an environment on an emulated AWS of its own."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

import click

from thoth_infra.cli.context import Project, environment_option, pass_project, set_option
from thoth_infra.cli.session import scratch_folder, terraform_in, variables_for, workspace_of
from thoth_infra.config.environment import Environment
from thoth_infra.emulator import Emulator, forget, running
from thoth_infra.emulator.leftovers import Surveyor, by_design, compare
from thoth_infra.errors import CheckFailed
from thoth_infra.files import private_folder
from thoth_infra.render import write as writer
from thoth_infra.render.tree import render as render_tree
from thoth_infra.review.rehearsal import UNTIL, Outcome, Rehearsal, Step, as_text, holds, line, perform
from thoth_infra.terraform import summary
from thoth_infra.terraform.session import PlanFile, Terraform, discard
from thoth_infra.terraform.version import read_pin

LOG = "terraform.log"
_TAIL_LINES = 40
_NAMED = 5


@click.command()
@environment_option
@set_option
@click.option("--until", type=click.Choice(UNTIL), help="End after this step, without a destroy.")
@click.option("--keep", is_flag=True, help="Keep log, state and emulated AWS also when all holds.")
@pass_project
def rehearse(project: Project, environment: str, settings: tuple[str, ...], until: str | None, keep: bool) -> int:
    """Apply an environment to an emulated AWS of its own, plan again, destroy: nothing may differ or stay.

    With --set, it is rendered with that key for this run only; terraform/<env>/ is left alone.
    """
    began = time.monotonic()
    env = project.load(environment, settings).environment
    tree = None if settings else _committed(project, env)
    folder = _fresh(project, env)
    with _said_where_kept(project, folder):
        with (folder / LOG).open("ab", buffering=0) as log, running(folder / "aws") as emulator:
            stage = _Stage(project, env, folder, emulator, log, tree)
            steps = perform(stage.actions(until), begin=_begin, end=lambda step: _end(project, stage, step))
        if not keep and holds(steps):
            shutil.rmtree(folder)
    kept = str(folder.relative_to(project.root)) if folder.exists() else None
    seconds = round(time.monotonic() - began, 1)
    result = Rehearsal(environment, settings, until or "destroy", steps, seconds, kept)
    project.emit(result.as_json(), as_text(result))
    return 0 if result.ok else 1


class _Stage:
    """One environment, its emulator and its Terraform; a method for each step."""

    def __init__(
        self, project: Project, env: Environment, folder: Path, emulator: Emulator, log: IO[bytes], tree: Path | None
    ) -> None:
        """Look at the accounts as they are before. Without a ``tree``, one is rendered below ``folder``."""
        self._project = project
        self._env = env
        self._folder = folder
        self._emulator = emulator
        self._log = log
        self._step_began = 0
        self._variables = variables_for(emulator, env)
        self._terraform = self._terraform_in(tree or self._render(env))
        self._surveyor = Surveyor(emulator, (env.accounts.own, env.accounts.shared), env.region)
        self._before = self._surveyor.survey()

    def actions(self, until: str | None) -> dict[str, Callable[[], Outcome]]:
        """Return the steps by name, in order."""
        found = {"init": self._init, "validate": self._validate, "plan": self._plan, "apply": self._apply}
        found["plan-again"] = self._plan_again
        if self._env.protection.deletion_protection:
            found["unprotect"] = self._unprotect
        found["destroy"] = self._destroy
        names = list(found)
        last = names.index(until) if until else len(names)
        return {name: self._logged(name, found[name]) for name in names[: last + 1]}

    def tail(self) -> str:
        """Return the end of what Terraform said in the present step."""
        said = (self._folder / LOG).read_bytes()[self._step_began :]
        return "\n".join(said.decode("utf-8", "replace").splitlines()[-_TAIL_LINES:])

    def _logged(self, name: str, action: Callable[[], Outcome]) -> Callable[[], Outcome]:
        def run() -> Outcome:
            self._log.write(f"\n==> {name}\n".encode())
            self._step_began = self._log.tell()
            return action()

        return run

    def _init(self) -> Outcome:
        self._terraform.init()
        return Outcome()

    def _validate(self) -> Outcome:
        self._terraform.validate()
        return Outcome()

    def _plan(self) -> Outcome:
        return _planned(self._terraform.plan())

    def _apply(self) -> Outcome:
        sealed = self._terraform.apply()
        found, wanted = self._in_state(), sealed.counts.add
        shortfall = "" if found == wanted else f"{wanted} resources were planned, the state holds {found}"
        return Outcome(wanted, in_state=found, shortfall=shortfall)

    def _plan_again(self) -> Outcome:
        made = self._terraform.plan()
        shortfall = _unsettled(self._terraform, made) if made.changes else ""
        discard(made.path)
        return replace(_planned(made), in_state=self._in_state(), shortfall=shortfall)

    def _unprotect(self) -> Outcome:
        """What an operator has to do before a protected environment can go: render it unprotected and apply that."""
        self._terraform = self._terraform_in(self._render(unprotected(self._env)))
        self._terraform.init()
        made = self._terraform.plan(refresh=False)  # nothing has changed since the plan before
        if made.changes:
            self._terraform.apply(made.path)
        return replace(_planned(made), in_state=self._in_state())

    def _destroy(self) -> Outcome:
        made = self._terraform.plan(destroy=True, refresh=False)  # the step before has left nothing to find
        if made.changes:
            self._terraform.apply(made.path)
        remaining = self._in_state()
        state = self._env.state
        left = compare(self._before, self._surveyor.survey(), by_design(state.bucket, state.key))
        parts = [f"{remaining} resources are still in the state"] if remaining else []
        if left.forgotten:
            parts.append(f"left over in AWS: {len(left.forgotten)}")
        return replace(_planned(made), in_state=remaining, shortfall="; ".join(parts), left=left)

    def _terraform_in(self, tree: Path) -> Terraform:
        usual = workspace_of(self._project.root, self._env, emulate=True)
        workspace = replace(usual, tree=tree, scratch=self._folder)
        return terraform_in(self._project, self._env, workspace, self._variables, log=self._log)

    def _render(self, env: Environment) -> Path:
        """Render ``env`` below the rehearsal's own folder, with the committed record of provider versions."""
        root = self._folder / "rendered"
        root.mkdir(exist_ok=True)
        tree = render_tree(self._project.root, env, read_pin(self._project.root).version)
        writer.write(root, env.name, tree)
        lock = writer.folder(self._project.root, env.name) / ".terraform.lock.hcl"
        if lock.exists():
            shutil.copy(lock, writer.folder(root, env.name))
        return writer.folder(root, env.name)

    def _in_state(self) -> int:
        """Count the resources in Terraform's state, which lies in the emulated S3."""
        account, region = self._env.accounts.own, self._env.region
        s3 = self._emulator.client("s3", account_id=account, region=region)
        state = self._env.state
        found = json.load(s3.get_object(Bucket=state.bucket, Key=state.key)["Body"])
        return sum(len(each["instances"]) for each in found["resources"] if each["mode"] == "managed")


def unprotected(env: Environment) -> Environment:
    """Return ``env`` without protection against deletion, which production's own rules would refuse to load."""
    off = {"deletion_protection": False, "final_snapshot": False}
    return env.model_copy(update={"protection": env.protection.model_copy(update=off)})


def _planned(made: PlanFile) -> Outcome:
    counts = made.seal.counts
    return Outcome(counts.add, counts.change, counts.destroy)


def _unsettled(terraform: Terraform, made: PlanFile) -> str:
    """Say what a plan right after the apply would change again."""
    result = summary.summarise(made.seal.environment, terraform.show_json(made.path))
    named = [f"{change.action} {change.address}" for change in result.changes]
    if result.outputs:
        named.append(f"{result.outputs} outputs")
    more = [f"{len(named) - _NAMED} more"] if len(named) > _NAMED else []
    return f"not empty: {', '.join(named[:_NAMED] + more)}"


def _committed(project: Project, env: Environment) -> Path:
    """Return the environment's committed tree; raise CheckFailed when it is not what the configuration renders."""
    tree = render_tree(project.root, env, read_pin(project.root).version)
    changes = writer.compare(project.root, env.name, tree)
    if changes.any:
        raise CheckFailed(
            f"terraform/{env.name} is not what the configuration renders, so a rehearsal of it would prove nothing"
            f" ({changes.summary(done=False)})",
            f"run `thoth-infra render --env {env.name}` first",
        )
    for path in changes.foreign:
        project.say(f"note: {path} was not generated; Terraform reads it, and so does the rehearsal")
    return writer.folder(project.root, env.name)


def _fresh(project: Project, env: Environment) -> Path:
    """Return the rehearsal's folder, empty. Raises EngineError while another rehearsal uses it."""
    folder = scratch_folder(project.root, env.name, emulate=False) / "rehearsal"
    forget(folder / "aws")
    if folder.exists():
        shutil.rmtree(folder)
    return private_folder(folder)


@contextmanager
def _said_where_kept(project: Project, folder: Path) -> Iterator[None]:
    """Say at the end, however it comes, where the rehearsal can be looked at, if it can."""
    try:
        yield
    finally:
        if folder.exists():
            kept = folder.relative_to(project.root)
            project.say(
                f"kept in {kept}: {LOG}, and the emulated AWS with Terraform's state, which\n"
                f"  python -m thoth_infra.emulator --port 5000 --state {kept}/aws --ready {kept}/ready.json\n"
                "serves again; the next rehearsal removes it"
            )


def _begin(name: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"{name} …\r", nl=False, err=True)


def _end(project: Project, stage: _Stage, step: Step) -> None:
    project.say(line(step))
    if step.failed:
        project.say(stage.tail())
