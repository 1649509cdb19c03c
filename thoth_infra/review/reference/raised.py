"""Errors as the source makes them: found by reading the code, so that no list of them has to be kept.

An error is a call of a class of one of our families with its message as written; what is filled in when it happens
stands in braces. An error whose whole text comes from elsewhere (``refused(str(error))``) has none to show.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Kind:
    """A class of errors: its bases by name, its docstring, and the module that defines it."""

    name: str
    bases: tuple[str, ...]
    about: str
    module: str


@dataclass(frozen=True)
class Site:
    """A place that makes an error. ``texts``: its arguments as written; None where there is nothing to show."""

    kind: str
    module: str
    line: int
    texts: tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class Source:
    """A parsed module, its name (``thoth_infra.aws.gpu``) and its constants that are texts."""

    module: str
    tree: ast.Module
    constants: Mapping[str, str]


@cache
def sources(root: Path, package: str) -> tuple[Source, ...]:
    """Return the modules of a package of the project at ``root``, by name."""
    return tuple(_source(root, path) for path in sorted((root / package).rglob("*.py")))


def _source(root: Path, path: Path) -> Source:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    return Source(module, tree, dict(_constants(tree)))


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield from ((target.id, value.value) for target in targets if isinstance(target, ast.Name))


def family(found: tuple[Source, ...], base: str) -> dict[str, Kind]:
    """Return the classes below ``base``, itself first, by name."""
    classes = {kind.name: kind for source in found for kind in _classes(source)}
    known = {base: classes[base]} if base in classes else {}
    while more := {n: k for n, k in classes.items() if n not in known and set(k.bases) & set(known)}:
        known |= more
    return known


def _classes(source: Source) -> Iterator[Kind]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef):
            bases = tuple(_name(base) for base in node.bases)
            yield Kind(node.name, bases, " ".join((ast.get_docstring(node) or "").split()), source.module)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def sites(found: tuple[Source, ...], kinds: Mapping[str, object]) -> tuple[Site, ...]:
    """Return every call of one of ``kinds``, by module and line."""
    made = [site for source in found for site in _sites(source, kinds)]
    return tuple(sorted(made, key=lambda site: (site.module, site.line)))


def _sites(source: Source, kinds: Mapping[str, object]) -> Iterator[Site]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and (kind := _name(node.func)) in kinds:
            named = [k.value for k in node.keywords if k.arg in {"code", "message", "hint", "wrong", "right"}]
            texts = tuple(_text(argument, source.constants) for argument in (*node.args, *named))
            yield Site(kind, source.module, node.lineno, texts)


def _text(node: ast.expr, constants: Mapping[str, str]) -> str | None:
    """Return a text as written, with what is filled in in braces; None where nothing of it is written."""
    match node:
        case ast.Constant(value=str() | int() as value):
            return str(value)
        case ast.Name(id=name):
            return constants.get(name)
        case ast.JoinedStr(values=values):
            return "".join(_part(value, constants) for value in values)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            parts = _text(left, constants), _text(right, constants)
            return None if parts == (None, None) else "".join(part or "{…}" for part in parts)
        case ast.IfExp(body=body, orelse=orelse):
            ways = [way for way in (_text(body, constants), _text(orelse, constants)) if way]
            return " / ".join(ways) or None
    return None


def _part(node: ast.expr, constants: Mapping[str, str]) -> str:
    if not isinstance(node, ast.FormattedValue):
        return _text(node, constants) or ""
    return _text(node.value, constants) or f"{{{_name(node.value) or '…'}}}"
