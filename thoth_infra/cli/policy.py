"""``thoth-infra policy``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from thoth_infra.cli.context import Project, check_environment, environments_option, pass_project, roots
from thoth_infra.cli.render import rendered
from thoth_infra.cli.session import render_into, session
from thoth_infra.config import shared
from thoth_infra.config.load import load
from thoth_infra.errors import CheckFailed
from thoth_infra.render import write as writer
from thoth_infra.review.policy import skips
from thoth_infra.review.policy.findings import Finding, Level
from thoth_infra.review.policy.plan import Plan
from thoth_infra.review.policy.report import Verdict, verdict
from thoth_infra.review.policy.scanner import CheckovScanner
from thoth_infra.review.policy.tool import Checkov
from thoth_infra.review.scaling.check import prove
from thoth_infra.review.scaling.rendered import AUTOSCALING
from thoth_infra.terraform.session import discard


@click.command()
@environments_option
@click.option("--emulate", is_flag=True, help="Plan against the embedded AWS emulator: no account, no credentials.")
@click.option("--scan-only", is_flag=True, help="Scan the rendered tree only; make no plan to judge.")
@pass_project
def policy(project: Project, environments: tuple[str, ...], emulate: bool, scan_only: bool) -> None:
    """Check the rendered tree with checkov, and its plan with our own rules.

    Its scaling is proved, too (see `simulate --check`).

    What stays as it is stands in policy.yaml with its reason; a skip that covers nothing any more fails, too.
    """
    chosen = tuple(check_environment(project.root, name) for name in environments) or roots(project.root)
    skipping = skips.load(project.root, roots(project.root))
    verdicts = []
    for found in _verdicts(project, chosen, skipping, emulate=emulate, scan_only=scan_only):
        verdicts.append(found)
        if not project.json:
            project.emit(None, found.as_text())
    if project.json:
        project.emit([found.as_data() for found in verdicts])
    if failed := [found.environment for found in verdicts if found.failures]:
        raise CheckFailed(
            f"the policy does not hold in {', '.join(failed)}",
            f"mend the template; what must stay gets a skip with a reason and an owner in {skips.FILE}",
        )


def _verdicts(
    project: Project, chosen: tuple[str, ...], skipping: tuple[skips.Skip, ...], *, emulate: bool, scan_only: bool
) -> Iterator[Verdict]:
    scanner = CheckovScanner(Checkov(project.root, project.say), project.root)
    for name in chosen:
        render_into(project, name)
        scan = scanner.scan(writer.folder(project.root, name))
        plan = None if scan_only else Plan(planned(project, name, emulate=emulate))
        yield verdict(name, scan, plan, skipping, tuple(_scaling(project, name)))


def _scaling(project: Project, name: str) -> Iterator[Finding]:
    """Yield what the prover finds in an environment's tree; the shared account's side has nothing that scales."""
    if name == shared.NAME:
        return
    ((_, tree),) = rendered(project, (name,))
    if AUTOSCALING not in tree:
        return  # templates of another estate, with nothing in them that scales
    for found in prove(load(project.root, name), tree).findings:
        level = Level.FAILURE if found.severity == "error" else Level.WARNING
        yield Finding(f"scaling-{found.rule}", found.key or found.place, found.what, found.mend, level, found.place)


def planned(project: Project, name: str, *, emulate: bool) -> dict[str, Any]:
    """Plan a rendered root and return the plan's JSON. What was saved holds secrets, and is removed at once."""
    with session(project, name, emulate=emulate, stdout="capture") as found:
        found.terraform.init()
        made = found.terraform.plan(found.workspace.scratch / "policy.tfplan")
        try:
            return found.terraform.show_json(made.path)
        finally:
            discard(made.path)
