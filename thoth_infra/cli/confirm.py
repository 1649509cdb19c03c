"""Asking a person, and refusing to guess where there is none."""

from __future__ import annotations

import sys

import click

from thoth_infra.errors import NotConfirmed


def confirm(question: str, expected: str, how: str) -> None:
    """Ask on a terminal for exactly ``expected``; raise NotConfirmed without it, or without a terminal.

    ``how`` names the option that answers in advance.
    """
    if not sys.stdin.isatty():
        raise NotConfirmed("nobody is there to confirm", f"give {how}")
    answer = click.prompt(f"{question} Type {expected!r} to go on", default="", show_default=False, err=True)
    if answer != expected:
        raise NotConfirmed(f"not confirmed ({answer!r} instead of {expected!r}); nothing was changed")
