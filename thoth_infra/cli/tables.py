"""Tables: drawn by rich for a person at a terminal, plain columns elsewhere."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Sequence


class Marked(str):
    """A text that is coloured at a terminal and plain elsewhere; in a table, or printed with `paint`."""

    __slots__ = ("style",)
    style: str


def marked(text: object, style: str) -> Marked:
    """Return ``text`` with one of rich's styles: "red" for trouble, "yellow" for what is under way."""
    made = Marked(text)
    made.style = style
    return made


def at_terminal() -> bool:
    """Whether a person looks at stdout, through a terminal that can do more than lines."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return ``rows`` below ``head`` in aligned columns; a row's last filled cell may be of any length.

    At a terminal the columns fit its width (long cells are folded) and marked cells have their colours.
    """
    cells = [tuple(cell if isinstance(cell, str) else str(cell) for cell in row) for row in rows]
    return _drawn(head, cells) if at_terminal() else _plain((tuple(head), *cells))


def paint(text: str) -> str:
    """Return a marked text as it is printed: coloured at a terminal, plain elsewhere."""
    if not isinstance(text, Marked) or not at_terminal():
        return str(text)
    from rich.text import Text

    return _printed(Text(text, style=text.style))


def _plain(cells: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in cells if any(row[column + 1 :]) or row is cells[0])
              for column in range(len(cells[0]))]  # fmt: skip
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def _drawn(head: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in head:
        made.add_column(name, overflow="fold")
    for row in cells:
        made.add_row(*(Text(cell, style=cell.style if isinstance(cell, Marked) else "") for cell in row))
    return _printed(made)


def _printed(what: object) -> str:
    from rich.console import Console
    from rich.text import Text

    # rich looks at NO_COLOR, COLUMNS and TERM itself; it must be told that its text goes to the terminal.
    console = Console(file=io.StringIO(), force_terminal=True, highlight=False)
    with console.capture() as captured:
        # A table fits the terminal's width; the terminal itself breaks a line of text, so that it can be copied whole.
        console.print(what, soft_wrap=isinstance(what, Text))
    return "\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n"))
