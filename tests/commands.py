"""Whether a command line, as a document or a workflow shows it, is one that ``thoth-infra`` takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click

from thoth_infra.cli.main import COMMANDS, cli

_REDIRECTED = re.compile(r"^(\d?>>?|<|\||\|\||&&|;)$")


def wrong(line: str) -> str | None:
    """Return what the command line's parser says against ``thoth-infra …``, or None."""
    words = list(_own(shlex.split(line, comments=True)))
    try:
        with cli.make_context("thoth-infra", words[1:]) as context:
            return _parsed(cli, context)
    except click.ClickException as error:
        return error.format_message()
    except click.exceptions.Exit:  # --help, --version
        return None


def _own(words: list[str]) -> Iterator[str]:
    """Yield the words up to the first redirection or the next command."""
    for word in words:
        if _REDIRECTED.match(word):
            return
        yield word


def _parsed(group: click.Group, context: click.Context) -> str | None:
    words = [*context._protected_args, *context.args]
    if not words:
        return "it names no command"
    found = group.get_command(context, words[0])
    if found is None:
        return f"there is no command {words[0]!r}"
    with found.make_context(words[0], words[1:], parent=context) as below:
        return _parsed(found, below) if isinstance(found, click.Group) else None


def names() -> list[str]:
    """Return the names of all commands."""
    return list(COMMANDS)
