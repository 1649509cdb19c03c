"""What an attribute, or an instance, of a resource is made of: configuration keys, and how well each explains it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from thoth_infra.render.tree import Tree
from thoth_infra.review.plan import evidence, hcl
from thoth_infra.review.plan.change import Change, Path
from thoth_infra.review.plan.sensitivity import KeyPath, Sensitivity, at, leaves
from thoth_infra.review.plan.trace import Leaf, Scope, Source, Upstream, texts


class Found(NamedTuple):
    """Keys that explain a change equally well, how well that is, and the resources that it may come from instead."""

    score: int = evidence.NONE
    keys: tuple[KeyPath, ...] = ()
    upstream: tuple[Upstream, ...] = ()


class Provenance:
    """Where things come from, in one environment, as far as the keys that ``sensitivity`` turns go."""

    def __init__(self, sensitivity: Sensitivity) -> None:
        """Nothing is rendered before it is asked for."""
        self.sensitivity = sensitivity

    @cached_property
    def source(self) -> Source:
        """The rendered tree."""
        return Source(self.sensitivity.render(self.sensitivity.environment), self.sensitivity.values)

    @cached_property
    def _data(self) -> Mapping[str, Any]:
        return self.sensitivity.environment.model_dump(mode="json")

    def attribute(self, change: Change, path: Path, block: hcl.Block, scope: Scope) -> Found:
        """Return what explains that the attribute at ``path`` changes."""
        self.source.visited.clear()
        best, keys, upstream = evidence.NONE, list[KeyPath](), list[Upstream]()
        for pair in evidence.pairs(change, path) or (evidence.Pair(None, None),):
            for text in texts(block, (*path, *pair.below)):
                for each in self.source.trace(text, scope):
                    if isinstance(each, Upstream):
                        upstream.append(each)
                        continue
                    score, found = self._explaining(each, pair)
                    if score > best:
                        best, keys = score, []
                    if score == best and best:
                        keys += found
        return Found(best if keys else evidence.NONE, tuple(dict.fromkeys(keys)), tuple(dict.fromkeys(upstream)))

    def _explaining(self, source: Leaf, pair: evidence.Pair) -> tuple[int, list[KeyPath]]:
        if source.by_key:
            return evidence.NONE, []
        value = at(self.sensitivity.values, source.path)
        if isinstance(value, Mapping) or _rows(value):
            inner = {(*source.path, *p): v for p, v in leaves(value).items()}
            scored = {p: evidence.score(v, pair, p[-1]) for p, v in inner.items()}
            scored = {p: s for p, s in scored.items() if s > evidence.RELATED}
        else:
            scored = {source.path: evidence.score(value, pair, source.path[-1])}
        best = max(scored.values(), default=evidence.NONE)
        paths = [path for path, score in scored.items() if score == best and best]
        return best, [key for path in paths for key in self._keys(path, pair)]

    def _keys(self, leaf: KeyPath, pair: evidence.Pair) -> list[KeyPath]:
        """Return the keys that move a place of the tfvars; of several, those whose own value explains it best."""
        found = self.sensitivity.keys(leaf)
        if len(found) < 2:
            return list(found)
        scored = {key: evidence.score(at(self._data, key), pair, key[-1]) for key in found}
        best = max(scored.values())
        return [key for key, score in scored.items() if score == best]

    def instance(self, block: hcl.Block, scope: Scope) -> Found:
        """Return the keys that add or take away one instance of a resource that has ``for_each``, or its module has."""
        expression, inside = block.attributes.get("for_each", ""), scope
        if not expression and scope.above and scope.above.each:
            expression, inside = scope.above.each, scope.above
        if not expression:
            return Found()
        self.source.visited.clear()
        found = [each for each in self.source.trace(expression, inside) if isinstance(each, Leaf)]
        upstream = [each for each in self.source.trace(expression, inside) if isinstance(each, Upstream)]
        flipping = [key for leaf in found for key in self._flipping(leaf.path, str(inside.key))]
        if flipping:
            return Found(evidence.EQUAL, tuple(dict.fromkeys(flipping)), tuple(upstream))
        related = [key for leaf in found for key in self._below(leaf.path, str(inside.key))]
        return Found(evidence.RELATED if related else evidence.NONE, tuple(dict.fromkeys(related)), tuple(upstream))

    def _flipping(self, leaf: KeyPath, instance: str) -> Iterator[KeyPath]:
        now = _holds(at(self.sensitivity.values, leaf), instance)
        for turn in self.sensitivity.turned:
            if _holds(at(turn.values, leaf), instance) != now:
                yield turn.path

    def _below(self, leaf: KeyPath, instance: str) -> tuple[KeyPath, ...]:
        """Return the keys of the instance itself, where the collection has one of that name; else of all of it."""
        here = (*leaf, instance)
        return self.sensitivity.keys(here if at(self.sensitivity.values, here) is not None else leaf)

    def structure(self, block: tuple[str, ...]) -> tuple[KeyPath, ...]:
        """Return the keys that move the text of a block, or of the locals that the last trace went through."""
        wanted = {block, *self.source.visited}
        now = {each: self.source.text(each) for each in wanted}
        return tuple(
            key for key, source in self._turned_sources if any(source.text(each) != now[each] for each in wanted)
        )

    @cached_property
    def _turned_sources(self) -> tuple[tuple[KeyPath, Source], ...]:
        return tuple((key, Source(tree, {})) for key, tree in self.sensitivity.trees)

    def with_block(self, kind: str, labels: Iterable[str]) -> tuple[KeyPath, ...]:
        """Return the keys under another value of which there is such a block, or no longer one."""
        head = f"\n{kind} " + " ".join(f'"{label}"' for label in labels)
        now = _has(self.sensitivity.render(self.sensitivity.environment), head)
        return tuple(dict.fromkeys(key for key, tree in self.sensitivity.trees if _has(tree, head) != now))


def _has(tree: Tree, head: str) -> bool:
    return any(head in text for file, text in tree.items() if file.endswith(".tf"))


def _holds(value: Any, instance: str) -> bool:
    if isinstance(value, Mapping):
        return instance in value
    if isinstance(value, list | tuple):
        return instance in value or any(str(each) in instance for each in value if len(str(each)) > 3)
    return bool(value)


def _rows(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(each, Mapping) for each in value)
