"""``thoth-infra doctor``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Final

import click

from thoth_infra.cli.context import Project, RootModule, check_environment, environments_option, pass_project, roots
from thoth_infra.cli.session import signed_in_variables, workspace_of
from thoth_infra.cli.terraform import emulate_option
from thoth_infra.config import shared
from thoth_infra.config.load import load
from thoth_infra.errors import CheckFailed, ThothError
from thoth_infra.review.doctor.context import Context, Settings, of
from thoth_infra.review.doctor.findings import Finding, State
from thoth_infra.review.doctor.registry import Scope
from thoth_infra.review.doctor.run import all_checks, examine

_COLOURS: Final[dict[State, str]] = {"ok": "green", "warn": "yellow", "fail": "red", "skipped": "bright_black"}
_LOCAL: Final[tuple[Scope, ...]] = ("project",)
_EVERYTHING: Final[tuple[Scope, ...]] = ("project", "account", "estate")


@click.command()
@environments_option
@emulate_option
@pass_project
def doctor(project: Project, environments: tuple[str, ...], emulate: bool) -> None:
    """Look at machine, credentials, account and estate, and name the command that mends what is wrong.

    Without --env only at this machine and the project's files. Exits 1 when a check fails; a warning is no failure.
    """
    chosen = tuple(check_environment(project.root, name) for name in environments)
    found: list[Finding] = []
    for finding in _findings(project, chosen, emulate):
        if not project.json:
            project.emit(None, _shown(finding, new=not found or found[-1].environment != finding.environment))
        found.append(finding)
    counts = Counter(finding.state for finding in found)
    summary = ", ".join(f"{counts[state]} {state}" for state in _COLOURS if counts[state])
    project.emit(found, f"\n{len(found)} checks: {summary}")
    if failed := [finding for finding in found if finding.state == "fail"]:
        names = ", ".join(dict.fromkeys(finding.name for finding in failed))
        raise CheckFailed(f"{len(failed)} of {len(found)} checks fail: {names}", "each says how it is mended")


def _findings(project: Project, chosen: tuple[str, ...], emulate: bool) -> Iterator[Finding]:
    settings = Settings(project.root, dict(os.environ), project.engine, emulate)
    yield from examine(Context(settings), ["machine"])
    for name in chosen or roots(project.root):
        scopes = _EVERYTHING if chosen else _LOCAL
        try:
            module, overrides = _load(project, name)
        except ThothError as error:
            yield from examine(of(settings, name, None, problem=error), scopes)
            continue
        workspace = workspace_of(project.root, module, emulate)
        if not chosen:
            yield from examine(of(settings, name, module, overrides=overrides, workspace=workspace), scopes)
            continue
        with signed_in_variables(project, module, emulate) as variables:
            context = of(settings, name, module, overrides=overrides, workspace=workspace, variables=variables)
            yield from examine(context, scopes)


def _load(project: Project, name: str) -> tuple[RootModule, dict[str, str]]:
    if name == shared.NAME:
        return shared.load(project.root), {}
    loaded = load(project.root, name)
    return loaded.environment, {key: str(origin) for key, origin in loaded.overrides.items()}


def _shown(finding: Finding, *, new: bool) -> str:
    head = f"{'' if finding.environment is None else chr(10)}{finding.environment or 'this machine'}\n" if new else ""
    width = max(len(check.name) for check in all_checks())
    state = click.style(finding.state.ljust(7), fg=_COLOURS[finding.state]) if _coloured() else finding.state.ljust(7)
    line = f"  {state}  {finding.name.ljust(width)}  {finding.what}"
    indent = " " * (width + 13)
    return f"{head}{line}" + (f"\n{indent}→ {finding.mend}" if finding.mend else "")


def _coloured() -> bool:
    return "NO_COLOR" not in os.environ  # click itself leaves colours out where nobody sees them
