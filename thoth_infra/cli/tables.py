"""Plain tables: columns as wide as their widest cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return ``rows`` below ``head`` in aligned columns; a row's last filled cell may be of any length."""
    cells = [tuple(head), *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(len(row[column]) for row in cells if any(row[column + 1 :]) or row is cells[0])
              for column in range(len(head))]  # fmt: skip
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)
