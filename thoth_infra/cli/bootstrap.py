"""``thoth-infra bootstrap``."""

from __future__ import annotations

from typing import Any

import click

from thoth_infra.aws import bootstrap as work
from thoth_infra.cli.confirm import confirm
from thoth_infra.cli.context import Project, environment_option, pass_project
from thoth_infra.cli.session import signed_in_clients
from thoth_infra.cli.tables import table
from thoth_infra.cli.terraform import emulate_option
from thoth_infra.errors import NotConfirmed

_DOES = {"exists": "exists", "make": "+ make", "change": "~ change"}


@click.command()
@environment_option
@emulate_option
@click.option("--confirm", "confirmed", metavar="NAME", help="Confirm with the environment's name, without asking.")
@pass_project
def bootstrap(project: Project, environment: str, emulate: bool, confirmed: str | None) -> None:
    """Make the account's state bucket and GitHub's OIDC provider, or bring them up to what is wanted.

    Shows what is there and what it would do, and asks. Nothing is deleted or loosened; it can be run again at any time.
    """
    module = project.root_module(environment)
    account = work.wanted_for(module)
    with signed_in_clients(project, module, emulate) as clients:
        steps = work.plan(clients, account)
        todo = [step for step in steps if step.state != "exists"]
        if not project.json:
            where = "the emulator" if emulate else f"account {account.account_id}"
            project.emit(None, f"{where}, for {environment}:\n{_shown(steps)}")
        if todo:
            _ask(environment, emulate, confirmed)
            work.apply(clients, account, lambda step: project.say(f"{_DOES[step.state]} {step.name} …"))
    result: dict[str, Any] = {
        "environment": environment,
        "account": account.account_id,
        "steps": steps,
        "changed": bool(todo),
    }
    project.emit(result, f"done: {len(todo)} of {len(steps)}" if todo else "nothing to do")


def _shown(steps: tuple[work.Step, ...]) -> str:
    return table(("PART", "DOES", "WHAT"), [(step.name, _DOES[step.state], step.what) for step in steps])


def _ask(environment: str, emulate: bool, confirmed: str | None) -> None:
    if confirmed is not None and confirmed != environment:
        raise NotConfirmed(f"--confirm says {confirmed!r}, but the environment is {environment!r}")
    if confirmed is None and not emulate:
        confirm("Make and change all of this?", environment, f"--confirm {environment}")
