"""What ``plan --summary`` prints: the reviewed plan, each risk with the configuration key behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from thoth_infra.cli.context import Project
from thoth_infra.cli.earlier import earlier
from thoth_infra.cli.session import Session
from thoth_infra.config import prices
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load, names
from thoth_infra.errors import ConfigInvalid, ThothError
from thoth_infra.render.tree import render
from thoth_infra.review.cost import delta
from thoth_infra.review.cost.usage import usage_of
from thoth_infra.review.plan import Causes, CostDelta, PlanReport, as_document, as_markdown, as_text, review
from thoth_infra.terraform.session import PlanFile
from thoth_infra.terraform.version import read_pin

_TEXTS = {"text": as_text, "markdown": as_markdown}


def reviewed(project: Project, found: Session, made: PlanFile) -> PlanReport:
    """Review a plan that was just made."""
    name, plan = found.environment.name, found.terraform.show_json(made.path)
    return review(name, plan, _causes(project, found), _money(project, found, plan))


def print_summary(project: Project, found: Session, made: PlanFile, form: str) -> None:
    """Print the plan's review as ``text``, ``markdown`` or ``json``."""
    report = reviewed(project, found, made)
    if form == "json":
        Project(project.root, json=True).emit({**as_document(report), "plan": str(made.path)})
    else:
        click.echo(_TEXTS[form](report))


def _money(project: Project, found: Session, plan: Mapping[str, Any]) -> CostDelta | None:
    """Return what the plan costs; None for the shared account's side, which has no estimate."""
    if not isinstance(found.environment, Environment):
        return None
    try:
        table = prices.load(project.root)
        change = delta.of_plan(found.environment.name, plan, table, usage_of(found.environment))
    except ThothError as error:  # a plan is worth reading without its price
        return CostDelta(f"not estimated: {error.message}")
    headline, *lines = delta.as_text(change).splitlines()
    return CostDelta(headline, tuple(lines))


def _causes(project: Project, found: Session) -> Causes | None:
    """Return what finds causes; None for the shared account's side, which has no environment of its own."""
    if not isinstance(found.environment, Environment):
        return None
    version, name = read_pin(project.root).version, found.environment.name
    return Causes(
        load(project.root, name),
        lambda environment: render(project.root, environment, version),
        _siblings(project, name),
        earlier(project.root, name),
    )


def _siblings(project: Project, name: str) -> list[Environment]:
    found = []
    for other in names(project.root):
        try:
            found += [load(project.root, other, personal=False).environment] if other != name else []
        except ConfigInvalid:  # another environment's mistakes are not this plan's
            continue
    return found
