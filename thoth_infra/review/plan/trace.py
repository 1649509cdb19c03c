"""Follows an attribute through the rendered tree to the tfvars it is made of, and to other resources it refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from thoth_infra.render.tree import Tree
from thoth_infra.review.plan import hcl
from thoth_infra.review.plan.change import Path
from thoth_infra.review.plan.sensitivity import KeyPath, at

_ADDRESS = re.compile(r"(?:data\.)?([\w-]+)\.([\w-]+)((?:\[[^\]]*\])?)$")
_MODULE = re.compile(r'module\.([\w-]+)(?:\[(?:"([^"]*)"|(\d+))\])?\.')
_DEEPEST: Final = 14


@dataclass(frozen=True)
class Leaf:
    """A place in the tfvars. ``by_key``: an instance's key comes from it, not a value."""

    path: KeyPath
    by_key: bool = False


@dataclass(frozen=True)
class Upstream:
    """Another resource, by its address without an index."""

    address: str


@dataclass(frozen=True)
class Scope:
    """Where an expression stands: the module's folder, its call, and the instance."""

    folder: str
    prefix: str = ""
    key: str | None = None
    each: str = ""
    call: hcl.Block | None = None
    above: Scope | None = None


class Source:
    """A rendered tree, read once. ``values`` are its tfvars."""

    def __init__(self, tree: Tree, values: Mapping[str, Any]) -> None:
        """Keep the tree; nothing is parsed before it is asked for."""
        self._tree, self._values = tree, values
        #: The locals that the last ``trace`` went through, by folder, ``local`` and name.
        self.visited: set[tuple[str, ...]] = set()

    @cached_property
    def _blocks(self) -> dict[tuple[str, ...], tuple[hcl.Block, str]]:
        """Every block by folder, kind and labels; each local by its own name."""
        found: dict[tuple[str, ...], tuple[hcl.Block, str]] = {}
        for file, text in self._tree.items():
            if file.endswith(".tf"):
                folder = file.rpartition("/")[0]
                for block in hcl.parse(text):
                    found[(folder, block.kind, *block.labels)] = (block, file)
                    if block.kind == "locals":
                        found |= {(folder, "local", name): (block, file) for name in block.attributes}
        return found

    def place(self, address: str) -> tuple[hcl.Block, str, Scope] | None:
        """Return the block of a resource's address, its file, and the scope of its expressions; None without one."""
        scope, rest = self._scope(address)
        match = _ADDRESS.match(rest)
        if scope is None or match is None:
            return None
        found = self._blocks.get((scope.folder, "resource", match[1], match[2]))
        if found is None:
            return None
        block, file = found
        key = match[3][1:-1].strip('"') if match[3] else None
        each = block.attributes.get("for_each", "")
        return block, file, Scope(scope.folder, scope.prefix, key, each, scope.call, scope.above)

    def text(self, block: tuple[str, ...]) -> str:
        """Return the text of a block, or of one local; empty where there is none."""
        found = self._blocks.get(block)
        if found is None:
            return ""
        return found[0].attributes[block[2]] if block[1] == "local" else found[0].text

    def _scope(self, address: str) -> tuple[Scope | None, str]:
        scope = Scope("")
        while match := _MODULE.match(address):
            child = self._child(scope, match[1], match[2] or match[3])
            if child is None:
                return None, address
            scope, address = child, address[match.end() :]
        return scope, address

    def _child(self, scope: Scope, name: str, key: str | None) -> Scope | None:
        found = self._blocks.get((scope.folder, "module", name))
        if found is None:
            return None
        call = found[0]
        folder = call.attributes.get("source", "").strip('"').removeprefix("./")
        inside = Scope(scope.folder, scope.prefix, key, call.attributes.get("for_each", ""), scope.call, scope.above)
        return Scope(folder, f"{scope.prefix}module.{name}.", call=call, above=inside)

    def trace(self, expression: str, scope: Scope, depth: int = 0) -> Iterator[Leaf | Upstream]:
        """Yield what an expression is made of."""
        if depth < _DEEPEST:
            for reference in hcl.references(expression):
                yield from self._follow(reference, scope, depth + 1)

    def _follow(self, found: hcl.Reference, scope: Scope, depth: int) -> Iterator[Leaf | Upstream]:
        path = tuple(scope.key or "*" if part == "each.key" else part for part in found.path)
        match found.root:
            case "var":
                yield from self._variable(path, scope, depth)
            case "local":
                block = self._blocks.get((scope.folder, "local", path[0]))
                if block:
                    self.visited.add((scope.folder, "local", path[0]))
                    text = block[0].attributes[path[0]]
                    yield from self._below(text, scope, depth, path[1:])
            case "each" if scope.each and path[0] == "key":
                inner = self.trace(scope.each, scope, depth)
                yield from (Leaf(each.path, by_key=True) if isinstance(each, Leaf) else each for each in inner)
            case "each" if scope.each:
                yield from self._below(scope.each, scope, depth, (scope.key or "*", *path[1:]))
            case "data":
                yield from self._data(path, scope, depth)
            case "module":
                yield from self._output(path, scope, depth)
            case root if root.startswith("aws_") or root == "terraform_data":
                yield Upstream(f"{scope.prefix}{root}.{path[0]}")

    def _variable(self, path: KeyPath, scope: Scope, depth: int) -> Iterator[Leaf | Upstream]:
        if scope.call is None:
            if path[0] in self._values:
                yield Leaf(self._extended((path[0],), path[1:]))
        elif scope.above and (text := scope.call.attributes.get(path[0])):
            yield from self._below(text, scope.above, depth, path[1:])

    def _below(self, text: str, scope: Scope, depth: int, rest: KeyPath) -> Iterator[Leaf | Upstream]:
        for each in self.trace(text, scope, depth):
            yield Leaf(self._extended(each.path, rest), each.by_key) if isinstance(each, Leaf) else each

    def _extended(self, path: KeyPath, rest: KeyPath) -> KeyPath:
        """Go further down, as far as the tfvars have the same shape; what has none is passed over."""
        for part in rest:
            below = at(self._values, path)
            if not isinstance(below, Mapping):
                break
            if part in below:
                path = (*path, part)
        return path

    def _data(self, path: KeyPath, scope: Scope, depth: int) -> Iterator[Leaf | Upstream]:
        found = self._blocks.get((scope.folder, "data", *path[:2]))
        if found:
            self.visited.add((scope.folder, "data", *path[:2]))
            key = path[2] if len(path) > 2 and path[2] != "*" else scope.key
            each = found[0].attributes.get("for_each", "")
            inside = Scope(scope.folder, scope.prefix, key, each, scope.call, scope.above)
            yield from self.trace(found[0].text, inside, depth)

    def _output(self, path: KeyPath, scope: Scope, depth: int) -> Iterator[Leaf | Upstream]:
        names = [part for part in path[1:] if part != "*"]
        for index, name in enumerate(names[:2]):
            key = names[0] if index else None
            child = self._child(scope, path[0], key)
            block = child and self._blocks.get((child.folder, "output", name))
            if child and block:
                yield from self.trace(block[0].attributes.get("value", ""), child, depth)
                return


def texts(block: hcl.Block, path: Path) -> tuple[str, ...]:
    """Return the expressions that an attribute's value comes from; none where the block does not give it."""
    names = [part for part in path if isinstance(part, str)]
    if not names:
        return (block.text,)
    first, rest = names[0], names[1:]
    if first in block.attributes:
        return _within(block.attributes[first], rest)
    found: list[str] = []
    for nested in block.named(first):
        inner = next(nested.named("content"), nested) if nested.kind == "dynamic" else nested
        below = texts(inner, tuple(rest))
        found += below
        if below and nested.kind == "dynamic":
            found.append(nested.attributes.get("for_each", ""))
    return tuple(found)


def _within(text: str, names: list[str]) -> tuple[str, ...]:
    for name in reversed(names):
        if parts := hcl.assigned(text, name):
            return parts
    return (text,)
