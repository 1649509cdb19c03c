"""The configuration key, with file and line, that caused a change; or what else did.

An attribute is followed through the rendered tree to the tfvars, and from there to the configuration keys that move
them. Where the configuration as it was is known, only the keys that differ from it can have caused anything, and what
differs in no key comes from a template. Otherwise, of several keys the one counts whose value is in what comes after
and was not in what is there now.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from thoth_infra.config import layers
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import Loaded
from thoth_infra.render.tree import Tree
from thoth_infra.review.plan import evidence, hcl
from thoth_infra.review.plan.change import Change, Path, Plan, at
from thoth_infra.review.plan.provenance import Found, Provenance
from thoth_infra.review.plan.report import Cause
from thoth_infra.review.plan.sensitivity import KeyPath, Sensitivity
from thoth_infra.review.plan.trace import Scope, Upstream
from thoth_infra.terraform.summary import Action

OUTSIDE: Final = "changed outside Terraform"
_REASONS: Final[Mapping[str, str]] = {
    "replace_because_tainted": "its last apply failed half-way (tainted)",
    "replace_by_request": "asked for with --replace",
}
_KEYS_SHOWN: Final = 3
_PATHS_ASKED: Final = 12
_DEEPEST: Final = 6
_INDEX = re.compile(r"\[[^\]]*\]")


@dataclass
class Causes:
    """Finds causes in one environment.

    ``render`` gives the tree of an environment by today's templates; ``siblings`` are the project's other environments.
    ``before`` is the configuration that the change starts from, where that is known.
    """

    loaded: Loaded
    render: Callable[[Environment], Tree]
    siblings: Sequence[Environment] = ()
    before: Environment | None = None

    def __call__(self, change: Change, plan: Plan) -> Cause | None:
        """Return what caused ``change``."""
        return self._cause(change, plan, 0)

    @cached_property
    def _changed(self) -> Provenance | None:
        """By the keys that differ from the configuration before."""
        if self.before is None:
            return None
        return Provenance(Sensitivity(self.loaded.environment, self.render, before=self.before))

    @cached_property
    def _all(self) -> Provenance:
        """By every key."""
        return Provenance(Sensitivity(self.loaded.environment, self.render, self.siblings))

    def _cause(self, change: Change, plan: Plan, depth: int) -> Cause:
        if said := _REASONS.get(change.reason):
            return Cause(said=said)
        first = self._changed or self._all
        place = first.source.place(change.address)
        if place is None:
            return self._block_gone(change)
        block, file, scope = place
        if change.action in (Action.CREATE, Action.DELETE):
            return self._instance(change, block, scope, plan, depth) or Cause(said=_template(file, change.action))
        paths = change.replace_paths or (change.known_paths() or change.paths())[:_PATHS_ASKED]
        if paths and all(_moved_back(change, plan, path) for path in paths):
            return Cause(said=OUTSIDE)
        found = [self._attribute(change, path, block, scope, plan, depth) for path in paths]
        if keys := tuple(dict.fromkeys(key for each in found if each for key in each.keys)):
            return self._of_keys(keys)
        said = next((each.said for each in found if each and each.said), "")
        return Cause(said=said or _template(file, change.action))

    def _attribute(
        self, change: Change, path: Path, block: hcl.Block, scope: Scope, plan: Plan, depth: int
    ) -> Cause | None:
        own = (scope.folder, block.kind, *block.labels)
        first = self._changed or self._all
        found = first.attribute(change, path, block, scope)
        if found.score >= evidence.PART or (self._changed and found.keys):
            return self._of_keys(found.keys)
        structural = self._changed.structure(own) if self._changed else ()
        if structural and not found.upstream:
            return self._of_keys(structural)
        if above := self._above(found.upstream, change, plan, depth):
            return above
        if structural:
            return self._of_keys(structural)
        if self._changed:
            return self._by_value(self._all.attribute(change, path, block, scope))
        return self._of_keys(found.keys) if found.keys else None

    def _by_value(self, found: Found) -> Cause | None:
        """Return a key that did not change since, but whose value is what comes: an earlier change not applied yet."""
        return self._of_keys(found.keys) if found.score >= evidence.EQUAL else None

    def _instance(self, change: Change, block: hcl.Block, scope: Scope, plan: Plan, depth: int) -> Cause | None:
        first = self._changed or self._all
        found = first.instance(block, scope)
        if found.keys and (found.score >= evidence.PART or len(found.keys) <= _KEYS_SHOWN):
            return self._of_keys(found.keys)
        own = (scope.folder, block.kind, *block.labels)
        if self._changed and (structural := self._changed.structure(own)):
            return self._of_keys(structural)
        if above := self._above(found.upstream, change, plan, depth):
            return above
        if change.action is Action.CREATE and (keys := first.with_block(block.kind, block.labels)):
            return self._of_keys(keys)
        return None

    def _block_gone(self, change: Change) -> Cause:
        """Return the key that would bring back the block of a resource that no file has any more."""
        labels = tuple(_base(change.address).split(".")[-2:])
        keys = (self._changed or self._all).with_block("resource", labels)
        return self._of_keys(keys) if keys else Cause(said="no template makes it any more")

    def _above(self, upstream: Iterable[Upstream], change: Change, plan: Plan, depth: int) -> Cause | None:
        """Return the cause of another resource that this one is made anew for."""
        for wanted in upstream if depth < _DEEPEST else ():
            alike = [c for c in plan.changes if _base(c.address) == wanted.address and c.address != change.address]
            alike.sort(key=lambda c: (c.key != change.key, c.action is not Action.REPLACE))
            if alike:
                return self._cause(alike[0], plan, depth + 1)
        return None

    def _of_keys(self, keys: Iterable[KeyPath | str]) -> Cause:
        shown = [key if isinstance(key, str) else ".".join(key) for key in keys]
        shown = list(dict.fromkeys(shown))[:_KEYS_SHOWN]
        return Cause(tuple(shown), tuple(self._place(tuple(key.split("."))) for key in shown))

    def _place(self, path: KeyPath) -> str:
        node: Any = self.loaded.merged.data
        for part in path:
            if not isinstance(node, dict) or part not in node:
                return "built-in default"
            node = node[part]
        origin: layers.Origin = self.loaded.merged.origin(path)
        return str(origin)


def _moved_back(change: Change, plan: Plan, path: Path) -> bool:
    """Whether the plan only brings back what was before somebody changed it outside Terraform."""
    drift = plan.drift.get(change.address)
    return drift is not None and at(drift.before, path) == at(change.after, path) != at(change.before, path)


def _template(file: str, action: Action) -> str:
    # What is created may be new in the template, or the environment is: only of others it is known that it changed.
    return f"templates/{file}.j2" if action is Action.CREATE else f"templates/{file}.j2 changed"


def _base(address: str) -> str:
    """Return an address without any index, as references in the configuration are."""
    return _INDEX.sub("", address)
