"""Asking a person, and refusing to guess where there is none."""

from __future__ import annotations

import sys

import click

from thoth_infra.config.environment import Environment
from thoth_infra.errors import NotConfirmed

confirm_option = click.option(
    "--confirm", "confirmed", metavar="NAME", help="The environment's name once more, where it wants approval."
)


def confirm(question: str, expected: str, how: str) -> None:
    """Ask on a terminal for exactly ``expected``; raise NotConfirmed without it, or without a terminal.

    ``how`` names the option that answers in advance.
    """
    if not sys.stdin.isatty():
        raise NotConfirmed("nobody is there to confirm", f"give {how}")
    answer = click.prompt(f"{question} Type {expected!r} to go on", default="", show_default=False, err=True)
    if answer != expected:
        raise NotConfirmed(f"not confirmed ({answer!r} instead of {expected!r}); nothing was changed")


def approved(env: Environment, emulate: bool, confirmed: str | None, what: str) -> None:
    """Ask for the environment's name where ``protection.approval`` wants that, unless ``--confirm`` gave it.

    Raises NotConfirmed, also for another environment's name.
    """
    if confirmed is not None and confirmed != env.name:
        raise NotConfirmed(f"--confirm says {confirmed!r}, but the environment is {env.name!r}")
    if env.protection.approval != "none" and confirmed is None and not emulate:
        confirm(f"{what} {env.name} (account {env.account_id})?", env.name, f"--confirm {env.name}")
