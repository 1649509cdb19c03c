"""Asks every rule about one environment, and says where each finding is mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from thoth_infra.config.load import Loaded
from thoth_infra.render.tree import Tree
from thoth_infra.review.scaling import rendered
from thoth_infra.review.scaling.findings import Case, Finding, Found, Rule, Severity, StageLoad
from thoth_infra.review.scaling.rules import RULES


@dataclass(frozen=True)
class Proof:
    """What the prover says of one environment: the rules that it asked, and what does not hold."""

    environment: str
    rules: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing but warnings was found."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)


def prove(
    loaded: Loaded,
    tree: Tree,
    load: Mapping[str, StageLoad] | None = None,
    slo_minutes: float | None = None,
    rules: Sequence[Rule] = RULES,
) -> Proof:
    """Judge the scaling of a rendered ``tree``, which ``loaded`` was rendered to.

    ``load``: what each service (by name) has to do; without it the rules about capacity say nothing. ``slo_minutes``:
    the longest wait that is wanted; ``rules``: those that are asked. Raises ThothError for a tree that can't be read.
    """
    case = Case(loaded.environment, rendered.read(tree, loaded.environment.name), load, slo_minutes)
    found = tuple(finding for rule in rules for found in rule.find(case) for finding in _placed(loaded, rule.id, found))
    return Proof(loaded.environment.name, tuple(rule.id for rule in rules), tuple(dict.fromkeys(found)))


def _placed(loaded: Loaded, rule: str, found: Found) -> Iterator[Finding]:
    place = found.place
    if found.key and not place:
        place = str(loaded.merged.origin(tuple(found.key.split("."))))
    yield Finding(rule, found.severity, found.key, place, found.what, found.mend)
