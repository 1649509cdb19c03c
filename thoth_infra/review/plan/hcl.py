"""Reads the HCL of a rendered tree as far as tracing needs it: blocks, attributes, and what expressions refer to.

Expressions stay text. It is no validator: the tree is rendered by us, and Terraform has read it before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_SPACE = re.compile(r"(?:\s|#[^\n]*|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][\w-]*")
_LABEL = re.compile(r'[ \t]*(?:"((?:[^"\\]|\\.)*)"|([A-Za-z_][\w-]*))')
_HEREDOC = re.compile(r"<<-?([A-Za-z_]\w*)\n.*?\n[ \t]*\1\b", re.DOTALL)
_REFERENCE = re.compile(
    r'(?<![\w."-])(var|local|each|module|data|aws_\w+|terraform_data|[a-z_]\w*)'
    r'((?:\.[A-Za-z_*][\w-]*|\[(?:"[^"]*"|[\w.*-]+)\])+)'
)
_PART = re.compile(r'\.([A-Za-z_*][\w-]*)|\[(?:"([^"]*)"|([\w.*-]+))\]')
_OPEN: Final = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Block:
    """A block: ``resource "aws_vpc" "this" { … }``; ``text`` is all of it."""

    kind: str
    labels: tuple[str, ...]
    text: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()

    def named(self, name: str) -> Iterator[Block]:
        """Yield the nested blocks of a name, those that a ``dynamic`` block makes included."""
        for block in self.blocks:
            if block.kind == name or (block.kind == "dynamic" and block.labels == (name,)):
                yield block


@dataclass(frozen=True)
class Reference:
    """What an expression refers to: ``var`` and ``("edge", "allow_list")``. An index that is computed is ``*``, and one
    by ``each.key`` is written so."""

    root: str
    path: tuple[str, ...]


def parse(text: str) -> tuple[Block, ...]:
    """Return the top-level blocks of a file."""
    return tuple(item for item in _body(text, 0, len(text)) if isinstance(item, Block))


def references(expression: str) -> tuple[Reference, ...]:
    """Return what an expression refers to, in order, each once."""
    found = (Reference(match[1], _path(match[2])) for match in _REFERENCE.finditer(expression))
    return tuple(dict.fromkeys(found))


def assigned(expression: str, name: str) -> tuple[str, ...]:
    """Return what stands behind ``name =`` (or ``"name" :``) within an object expression."""
    found = re.finditer(rf'(?<![\w.-])"?{re.escape(name)}"?\s*(?:=(?![=>])|:)\s*', expression)
    return tuple(expression[match.end() : _expression_end(expression, match.end(), in_object=True)] for match in found)


def is_plain(expression: str) -> bool:
    """Whether an expression is one reference and nothing else."""
    return _REFERENCE.fullmatch(expression.strip()) is not None


def _path(text: str) -> tuple[str, ...]:
    parts = []
    for name, quoted, index in (match.groups() for match in _PART.finditer(text)):
        if name or quoted:
            parts.append(name or quoted)
        else:
            parts.append(index if index == "each.key" else "*")
    return tuple(parts)


def _body(text: str, start: int, end: int) -> Iterator[Block | tuple[str, str]]:
    place = start
    while (place := _SPACE.match(text, place).end()) < end:  # type: ignore[union-attr]
        name = _NAME.match(text, place)
        if name is None:
            place += 1
            continue
        after = re.compile(r"[ \t]*=(?!=)[ \t]*").match(text, name.end())
        if after:
            stop = _expression_end(text, after.end())
            yield name[0], text[after.end() : stop].strip()
            place = stop
            continue
        labels, here = [], name.end()
        while label := _LABEL.match(text, here):
            labels.append(label[1] if label[1] is not None else label[2])
            here = label.end()
        opening = text.find("{", here)
        if opening < 0:
            return
        closing = _closing(text, opening)
        inner = list(_body(text, opening + 1, closing))
        yield Block(
            name[0],
            tuple(labels),
            text[place : closing + 1],
            text.count("\n", 0, place) + 1,
            {item[0]: item[1] for item in inner if isinstance(item, tuple)},
            tuple(item for item in inner if isinstance(item, Block)),
        )
        place = closing + 1


def _expression_end(text: str, place: int, *, in_object: bool = False) -> int:
    """Return where the expression ends: at the line's end, outside all brackets (or at the comma of an object)."""
    while place < len(text):
        char = text[place]
        if char == "\n" or char in ")]}" or (in_object and char == ","):
            return place
        place = _next(text, place)
    return place


def _next(text: str, place: int) -> int:
    """Return the place after the string, bracket, comment or character at ``place``."""
    char = text[place]
    if char == '"':
        return _string_end(text, place)
    if char in _OPEN:
        return _closing(text, place) + 1
    if char == "#" or text.startswith("//", place):
        end = text.find("\n", place)
        return len(text) if end < 0 else end
    if char == "<" and (heredoc := _HEREDOC.match(text, place)):
        return heredoc.end()
    return place + 1


def _closing(text: str, opening: int) -> int:
    """Return the place of the bracket that closes the one at ``opening``."""
    wanted, place = _OPEN[text[opening]], opening + 1
    while place < len(text) and text[place] != wanted:
        place = _next(text, place)
    return place


def _string_end(text: str, start: int) -> int:
    place = start + 1
    while place < len(text) and text[place] != '"':
        if text[place] == "\\":
            place += 2
        elif text[place] in "$%" and text[place + 1 : place + 2] == "{" and text[place - 1] != text[place]:
            place = _closing(text, place + 1) + 1
        else:
            place += 1
    return place + 1
