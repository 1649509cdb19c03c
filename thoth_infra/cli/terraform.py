"""The Terraform commands: init, validate, fmt, plan, apply, destroy, output, drift, unlock, clean, terraform."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from thoth_infra.cli.confirm import confirm
from thoth_infra.cli.context import Project, environment_option, pass_project
from thoth_infra.cli.plan_summary import print_summary
from thoth_infra.cli.read_only import read_only_option, rights
from thoth_infra.cli.render import rendered
from thoth_infra.cli.session import Session, emulator_folder, render_into, session, workspace_of
from thoth_infra.errors import NotConfirmed, SealBroken, ThothError
from thoth_infra.render import write as writer
from thoth_infra.review.plan import as_text, review
from thoth_infra.terraform import summary
from thoth_infra.terraform.session import PlanFile, discard
from thoth_infra.terraform.session import clean as clean_workspace

# A plan older than this is refused: what it was reviewed against has probably moved on.
PLAN_MAX_AGE = timedelta(hours=24)

emulate_option = click.option(
    "--emulate", is_flag=True, help="Run against the embedded AWS emulator: no account, no credentials."
)
target_option = click.option("--target", "targets", multiple=True, metavar="ADDR", help="Limit to this address.")


@contextmanager
def _ready(project: Project, name: str, emulate: bool, *, quiet: bool = False) -> Iterator[Session]:
    """Yield a session whose tree is rendered and whose data directory is initialised."""
    render_into(project, name)
    with session(project, name, emulate=emulate, stdout="capture" if quiet else None) as found:
        _init(project, found)
        yield found


def _init(project: Project, found: Session, **options: bool) -> bool:
    done = found.terraform.init(**options)
    if done:
        project.say(f"initialised {found.place}")
    return done


@click.command()
@environment_option
@emulate_option
@click.option("--upgrade", is_flag=True, help="Take newer provider versions that the constraints allow.")
@click.option("--reconfigure", is_flag=True, help="Forget the previous backend settings.")
@pass_project
def init(project: Project, environment: str, emulate: bool, upgrade: bool, reconfigure: bool) -> None:
    """Prepare the environment's providers, modules and state."""
    render_into(project, environment)
    with session(project, environment, emulate=emulate) as found:
        done = _init(project, found, upgrade=upgrade, reconfigure=reconfigure)
    project.emit({"environment": environment, "initialised": done}, None if done else "already initialised")


@click.command()
@environment_option
@pass_project
def validate(project: Project, environment: str) -> None:
    """Let Terraform validate the rendered tree. Needs no account and no credentials."""
    render_into(project, environment)
    with session(project, environment, offline=True) as found:
        found.terraform.init_without_backend()
        found.terraform.validate()
    project.emit({"environment": environment, "valid": True})


@click.command()
@environment_option
@click.option("--check", is_flag=True, help="Change nothing; exit 1 and show what is not formatted.")
@pass_project
def fmt(project: Project, environment: str, check: bool) -> None:
    """Format the rendered tree, or check that it is formatted."""
    with session(project, environment, offline=True) as found:
        found.terraform.fmt(check=check)
    project.emit({"environment": environment, "formatted": True})


@click.command()
@environment_option
@emulate_option
@target_option
@click.option("--out", type=click.Path(path_type=Path), help="Save the plan here instead of its usual place.")
@click.option("--destroy", is_flag=True, help="Plan the destruction of everything.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes.")
@read_only_option
@click.option(
    "--summary",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    help="Print only a summary: risks with reasons, what forces replacements, the key behind each.",
)
@pass_project
def plan(
    project: Project,
    environment: str,
    emulate: bool,
    targets: tuple[str, ...],
    out: Path | None,
    destroy: bool,
    detailed_exitcode: bool,
    read_only: bool,
    form: str | None,
) -> int:
    """Render, plan and seal the plan for apply.

    A --read-only plan is only shown: it is made with other rights than an apply has, and is removed again.
    """
    form = form or ("json" if project.json else None)
    with _ready(project, environment, emulate, quiet=form is not None) as found:
        place = found.workspace.scratch / "read-only.tfplan" if read_only else out
        made = found.terraform.plan(place, targets=targets, destroy=destroy, **rights(found, read_only))
        try:
            if form:
                print_summary(project, found, made, form)
        finally:
            if read_only:
                discard(made.path)
    if not read_only:
        _say_next(project, found, made)
    return 2 if detailed_exitcode and made.changes else 0


@click.command(name="plan-target")
@click.argument("target")
@environment_option
@emulate_option
@click.pass_context
def plan_target(ctx: click.Context, target: str, environment: str, emulate: bool) -> int:
    """Plan one resource or module only."""
    code: int = ctx.invoke(plan, environment=environment, emulate=emulate, targets=(target,))
    return code


def _say_next(project: Project, found: Session, made: PlanFile) -> None:
    if not made.changes:
        project.say(f"{found.place}: no changes")
        return
    option = " --emulate" if found.workspace.emulated else ""
    usual = made.path == found.workspace.default_plan
    out = "" if usual else f" --plan {made.path}"
    project.say(f"sealed: apply it with `thoth-infra apply --env {found.environment.name}{option}{out}`")


@click.command()
@environment_option
@emulate_option
@click.option("--plan", "plan_file", type=click.Path(path_type=Path), help="A plan saved with `plan --out`.")
@click.option("--auto-approve", is_flag=True, help="Don't ask; for pipelines.")
@pass_project
def apply(project: Project, environment: str, emulate: bool, plan_file: Path | None, auto_approve: bool) -> None:
    """Apply the sealed plan; without one, plan first and show it."""
    with session(project, environment, emulate=emulate) as found:
        terraform = found.terraform
        path = plan_file or found.workspace.default_plan
        if plan_file is None and not path.exists():
            render_into(project, environment)
            _init(project, found)
            made = terraform.plan()
            if not made.changes:
                discard(made.path)
                project.emit({"environment": environment, "applied": False}, "nothing to apply")
                return
        sealed = terraform.verify(path, max_age=PLAN_MAX_AGE)
        _verify_source(project, environment)
        counts = sealed.counts
        headline = f"{counts.add} to add, {counts.change} to change, {counts.destroy} to destroy"
        project.say(f"{found.place}: {headline} (planned {sealed.created_at})")
        if not (emulate or auto_approve):
            confirm(f"Apply this to {found.place}?", "yes", "--auto-approve")
        _init(project, found)
        terraform.apply(path, max_age=PLAN_MAX_AGE)
    project.emit({"environment": environment, "applied": True, **asdict(counts)}, f"applied: {headline}")


def _verify_source(project: Project, environment: str) -> None:
    """Raise SealBroken when the configuration or a template changed after the plan was made."""
    for name, tree in rendered(project, (environment,)):
        changes = writer.compare(project.root, name, tree)
        if stale := (*changes.added, *changes.changed, *changes.removed):
            raise SealBroken(
                f"environments/{name}.yaml, what lies over it, or a template changed after the plan was made; it would"
                f" change {', '.join(stale)}",
                f"plan again: thoth-infra plan --env {name}",
            )


@click.command()
@environment_option
@emulate_option
@click.option("--confirm", "confirmed", metavar="NAME", help="The environment's name once more; for pipelines.")
@pass_project
def destroy(project: Project, environment: str, emulate: bool, confirmed: str | None) -> None:
    """Show what goes, ask, and destroy the environment."""
    protection = project.root_module(environment).protection
    if protection.deletion_protection:
        raise NotConfirmed(
            f"{environment} is protected: protection.deletion_protection is true",
            f"set it to false in environments/{environment}.yaml, apply that, then destroy",
        )
    with _ready(project, environment, emulate, quiet=True) as found:
        made = found.terraform.plan(destroy=True)
        shown = found.terraform.show_json(made.path)
        result = summary.summarise(environment, shown)
        project.say(as_text(review(environment, shown)))
        if not made.changes:
            discard(made.path)
            project.emit({"environment": environment, "destroyed": 0}, "nothing to destroy")
            return
        try:
            _confirm_destroy(found, emulate, confirmed)
        except ThothError:
            discard(made.path)
            raise
        found.terraform.show_output("stderr" if project.json else "inherit")
        found.terraform.apply(made.path)
    count = result.count(summary.Action.DELETE)
    project.emit({"environment": environment, "destroyed": count}, f"destroyed {count} resources")


def _confirm_destroy(found: Session, emulate: bool, confirmed: str | None) -> None:
    name = found.environment.name
    if confirmed is not None and confirmed != name:
        raise NotConfirmed(f"--confirm says {confirmed!r}, but the environment is {name!r}")
    if confirmed is None and not emulate:
        confirm(f"Destroy all of this in {found.place}?", name, f"--confirm {name}")


@click.command()
@click.argument("name", required=False)
@environment_option
@emulate_option
@pass_project
def output(project: Project, name: str | None, environment: str, emulate: bool) -> None:
    """Print the environment's outputs, or one of them."""
    with session(project, environment, emulate=emulate) as found:
        _init(project, found)
        values = found.terraform.output(name)
    if name is None:
        values = {key: "(sensitive)" if row["sensitive"] else row["value"] for key, row in values.items()}
        project.emit(values, "\n".join(f"{key} = {_shown(value)}" for key, value in values.items()))
    else:
        project.emit(values, _shown(values))


def _shown(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, indent=2)


@click.command()
@environment_option
@emulate_option
@read_only_option
@pass_project
def drift(project: Project, environment: str, emulate: bool, read_only: bool) -> int:
    """Tell what changed outside Terraform. Exit 2 when something did.

    What autoscaling and deployments move by design is not drift.
    """
    with _ready(project, environment, emulate, quiet=True) as found:
        made = found.terraform.plan(found.workspace.scratch / "drift.tfplan", **rights(found, read_only))
        try:
            changes = summary.drifted(found.terraform.show_json(made.path))
        finally:
            discard(made.path)
    text = "\n".join(f"{change.action} {change.address}" for change in changes)
    project.emit([asdict(change) for change in changes], text or f"{found.place}: no drift")
    return 2 if changes else 0


@click.command()
@click.argument("lock_id", metavar="ID")
@environment_option
@emulate_option
@pass_project
def unlock(project: Project, lock_id: str, environment: str, emulate: bool) -> None:
    """Release a state lock that a dead run left behind. Its ID is in Terraform's error."""
    with session(project, environment, emulate=emulate) as found:
        _init(project, found)
        found.terraform.force_unlock(lock_id)
    project.emit({"environment": environment, "unlocked": lock_id}, f"released {lock_id}")


@click.command()
@environment_option
@click.option("--emulated-aws", is_flag=True, help="Also forget the emulated AWS and the state in it.")
@pass_project
def clean(project: Project, environment: str, emulated_aws: bool) -> None:
    """Remove provider folders and saved plans; never state, never the lock file."""
    env = project.root_module(environment)
    removed = [p for emulate in (False, True) for p in clean_workspace(workspace_of(project.root, env, emulate))]
    if emulated_aws:
        from thoth_infra.emulator import forget

        removed += forget(emulator_folder(project.root, environment))
    shown = [str(path.relative_to(project.root)) for path in removed]
    project.emit(shown, "\n".join(f"removed {path}" for path in shown) or "nothing to remove")


@click.command(name="terraform", context_settings={"ignore_unknown_options": True})
@environment_option
@emulate_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, required=True)
@pass_project
def raw(project: Project, environment: str, emulate: bool, arguments: tuple[str, ...]) -> int:
    """Run any Terraform command, guarded like the others: thoth-infra terraform --env staging -- state list."""
    with session(project, environment, emulate=emulate) as found:
        if arguments[0] not in {"init", "fmt", "version"}:
            _init(project, found)
        return found.terraform.raw(arguments, tty=sys.stdin.isatty() and sys.stdout.isatty())
