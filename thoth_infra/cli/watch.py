"""`--watch`: a view that keeps up with what it shows, in place at a terminal, one block per change elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NoReturn

import click

from thoth_infra.aws.clients import explained
from thoth_infra.cli.context import Project
from thoth_infra.cli.tables import at_terminal
from thoth_infra.errors import ThothError

watch_option = click.option("--watch", "watching", is_flag=True, help="Go on showing it as it changes, until Ctrl-C.")
_SECONDS: Final = 5.0

sleep = time.sleep
"""Between two looks; tests put theirs here."""


def show(project: Project, look: Callable[[], tuple[Any, str]], *, watching: bool) -> None:
    """Print what ``look`` returns (a result and its text) once, or again and again until Ctrl-C.

    The first look's errors end the command; a later one that fails is told, and the next one tried.
    """
    if not watching:
        project.emit(*look())
    elif at_terminal() and not project.json:
        _live(look)
    else:
        _blocks(project, look)


def _blocks(project: Project, look: Callable[[], tuple[Any, str]]) -> NoReturn:
    last: str | None = None
    while True:
        found = _look(look, first=last is None)
        if isinstance(found, str):
            project.say(found)
        elif found[1] != last:
            result, last = found
            project.emit(result, f"{_now()}\n{last}\n")
        sleep(_SECONDS)


def _live(look: Callable[[], tuple[Any, str]]) -> NoReturn:
    from rich.live import Live
    from rich.text import Text

    first, text = True, ""
    with Live(auto_refresh=False, vertical_overflow="visible") as view:
        while True:
            found = _look(look, first=first)
            problem, first = "", False
            if isinstance(found, str):
                problem = f"\n\n{found}"
            else:
                text = found[1]
            view.update(Text.from_ansi(f"{_now()}, until Ctrl-C\n\n{text}{problem}"), refresh=True)
            sleep(_SECONDS)


def _look(look: Callable[[], tuple[Any, str]], *, first: bool) -> tuple[Any, str] | str:
    try:
        with explained():
            return look()
    except ThothError as error:
        if first:
            raise
        return f"{_now()} {error.message}; trying again"


def _now() -> str:
    return f"{datetime.now():%H:%M:%S}"
