"""Real plans with labels written by hand: no loss and no widening is missed, and every replacement names its cause."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.review.plans import edit, store
from tests.review.plans.case import Case
from tests.review.plans.cases import CASES
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load
from thoth_infra.render.tree import render
from thoth_infra.review.plan import Causes, PlanReport, Risk, review
from thoth_infra.terraform.summary import Action

KEPT = [case for case in CASES if case.name in store.read(case.on)]
LABELS = {
    Risk.DATA_LOSS: "loss",
    Risk.SECURITY: "security",
    Risk.DOWNTIME: "downtime",
    Risk.COST: "cost",
}


def matches(pattern: str, address: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), address) is not None


def labelled(case: Case, addresses: set[str]) -> set[tuple[str, Risk]]:
    found = {
        (a, risk) for risk, name in LABELS.items() for p in getattr(case, name) for a in addresses if matches(p, a)
    }
    risky = {address for address, _ in found}
    return found | {(address, Risk.HARMLESS) for address in addresses - risky}


def judged(report: PlanReport) -> set[tuple[str, Risk]]:
    return {
        (address, risk)
        for entry in report.entries
        for address in entry.addresses
        for risk in ({finding.risk for finding in entry.findings} or {Risk.HARMLESS})
    }


@cache
def verdicts() -> dict[str, tuple[set[tuple[str, Risk]], set[tuple[str, Risk]]]]:
    found = {}
    for case in KEPT:
        said = judged(review(case.on, store.read(case.on)[case.name]))
        found[case.name] = (labelled(case, {address for address, _ in said}), said)
    return found


def test_there_are_enough_plans_of_every_kind() -> None:
    assert len(KEPT) >= 80
    wanted = Counter(risk for true, _ in verdicts().values() for risk in {risk for _, risk in true})
    assert min(wanted[risk] for risk in Risk) >= 10
    assert sum(not true - {t for t in true if t[1] is Risk.HARMLESS} for true, _ in verdicts().values()) >= 15


@pytest.mark.parametrize("risk", [Risk.DATA_LOSS, Risk.SECURITY])
def test_none_is_missed(risk: Risk) -> None:
    missed = {(name, t[0]) for name, (true, said) in verdicts().items() for t in true - said if t[1] is risk}
    assert not missed


def test_a_label_is_about_something_that_the_plan_changes() -> None:
    unused = [
        (case.name, pattern)
        for case in KEPT
        for name in LABELS.values()
        for pattern in getattr(case, name)
        if not any(matches(pattern, address) for address, _ in verdicts()[case.name][1])
    ]
    assert not unused


@pytest.mark.parametrize("risk", list(Risk))
def test_nine_of_ten_findings_are_right(risk: Risk) -> None:
    said = [(name, t) for name, (_, all_said) in verdicts().items() for t in all_said if t[1] is risk]
    wrong = [(name, t) for name, t in said if t not in verdicts()[name][0]]
    assert len(wrong) <= len(said) / 10, wrong
    # Each plan counts the same too, so that one with fifty changes can't hide ten small ones that are wrong.
    assert len({name for name, _ in wrong}) <= len({name for name, _ in said}) / 10, wrong


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plans")


@pytest.fixture(scope="module")
def bases(scratch: Path) -> dict[str, Environment]:
    """The environments as they were applied."""
    return {
        name: load(edit.project(Case("base", on=name), scratch / name), name, personal=False).environment
        for name in edit.BASES
    }


def replacements() -> Iterator[Case]:
    for case in KEPT:
        entries = store.read(case.on)[case.name]["resource_changes"]
        if any({"create", "delete"} <= set(entry["change"]["actions"]) for entry in entries):
            yield case


@pytest.mark.parametrize("case", replacements(), ids=lambda case: case.name)
def test_each_replacement_names_its_cause(case: Case, scratch: Path, bases: dict[str, Environment]) -> None:
    root = edit.project(case, scratch / "case")
    loaded = load(root, case.on, personal=False)
    causes = Causes(loaded, lambda e: render(root, e, "1.11.4"), tuple(bases.values()), bases[case.on])
    report = review(case.on, store.read(case.on)[case.name], causes)
    for entry in report.entries:
        if entry.action is not Action.REPLACE:
            continue
        address = entry.addresses[0]
        wanted = next((key for p, key in case.keys.items() if p and matches(p, address)), case.keys.get("", "?"))
        assert entry.cause is not None
        assert wanted in str(entry.cause), (address, entry.forced_by)
        if wanted in case.config:
            place = entry.cause.places[entry.cause.keys.index(wanted)]
            _assert_place(root, place, wanted)


def _assert_place(root: Path, place: str, key: str) -> None:
    """The line that is named is the one that a person has to look at."""
    file, _, line = place.partition(":")
    text = (root / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert text.strip().startswith(f"{key.rpartition('.')[2]}:")
