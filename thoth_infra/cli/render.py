"""``thoth-infra render``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import click

from thoth_infra.cli.context import (
    Project,
    RootModule,
    check_environment,
    environments_option,
    pass_project,
    roots,
    set_option,
)
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load, lock_file, names
from thoth_infra.errors import CheckFailed, ConfigInvalid, Problem, ThothError
from thoth_infra.render import write as writer
from thoth_infra.render.tree import Tree, has_workflows, render_shared, render_workflows
from thoth_infra.render.tree import render as render_tree
from thoth_infra.terraform.version import read_pin


@click.command()
@environments_option
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and list the files that differ.")
@click.option("--diff", is_flag=True, help="Write nothing; print a unified diff.")
@set_option
@pass_project
def render(project: Project, environments: tuple[str, ...], check: bool, diff: bool, settings: tuple[str, ...]) -> None:
    """Write terraform/<env>/ from the environment's configuration.

    Without --env: of every environment and of the shared account's side, and GitHub's workflows too. Changed files
    are replaced atomically, stale generated ones removed; files that were not generated are left alone and reported.
    """
    chosen = tuple(check_environment(project.root, e) for e in environments) or roots(project.root)
    trees = dict(rendered(project, chosen, settings))
    if not environments and has_workflows(project.root):
        trees[writer.WORKFLOWS] = render_workflows(project.root, _committed(project))
    act: Callable[..., writer.Changes] = writer.compare if check or diff else writer.write
    changes = [act(project.root, name, tree) for name, tree in trees.items()]
    for change in changes:
        for path in change.foreign:
            reader = "GitHub" if change.environment == writer.WORKFLOWS else "Terraform"
            project.say(f"note: {path} was not generated; it is left alone, and {reader} reads it")
    if diff:
        text = "".join(writer.diff(project.root, name, tree) for name, tree in trees.items())
        project.emit({"diff": text}, text.rstrip("\n"))
    else:
        project.emit(changes, "\n".join(change.summary(done=not check) for change in changes))
    stale = [path for c in changes for path in (*c.added, *c.changed, *c.removed)]
    if check and stale:
        raise CheckFailed(
            "the committed tree is not what the configuration renders:\n"
            + "\n".join([*(f"  {p}" for p in stale), *_other_images(project, trees)]),
            "run `thoth-infra render` and commit the result; `render --diff` shows it first",
        )


def _other_images(project: Project, trees: Mapping[str, Tree]) -> Iterator[str]:
    """Say which trees are stale because other images were pushed or locked: nobody has changed a line of YAML then."""
    for name, tree in trees.items():
        changed = [line for line in writer.diff(project.root, name, tree).splitlines() if line.startswith(("+ ", "- "))]
        if any(".dkr.ecr." in line for line in changed):
            lock = lock_file(project.root, name)
            known = lock.relative_to(project.root) if lock.is_file() else "the configuration"
            yield f"terraform/{name} names other images than {known}"


def rendered(
    project: Project, environments: tuple[str, ...], settings: tuple[str, ...] = ()
) -> Iterator[tuple[str, Tree]]:
    """Yield each environment's tree. All are loaded first, so that the problems of all are reported."""
    loaded: dict[str, RootModule] = {}
    problems: list[Problem] = []
    for name in environments:
        try:
            loaded[name] = project.root_module(name, settings)
        except ConfigInvalid as error:
            problems += error.problems
    if problems:
        raise ConfigInvalid(problems)
    version = read_pin(project.root).version
    for name, module in loaded.items():
        try:
            yield name, _tree(project, module, version)
        except ConfigInvalid:
            raise
        except ThothError as error:
            raise ThothError(f"{name}: {error.message}", error.hint) from error


def _tree(project: Project, module: RootModule, version: str) -> Tree:
    if isinstance(module, Environment):
        return render_tree(project.root, module, version)
    # It trusts roles of every environment, as their committed files name them.
    return render_shared(project.root, module, _committed(project), version)


def _committed(project: Project) -> list[Environment]:
    return [load(project.root, name, personal=False).environment for name in names(project.root)]
