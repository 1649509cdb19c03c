"""The prover finds what is wrong, says where and how to mend it, and lets be what is right."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.render.support import ENVIRONMENTS, PROJECT
from tests.review.scaling.mutants import GOOD, MUTANTS, REFUSED, Edit, Mutant
from thoth_infra.config.load import Loaded, load
from thoth_infra.errors import ConfigInvalid
from thoth_infra.render.tree import Tree, render
from thoth_infra.review.scaling.check import Proof, prove
from thoth_infra.review.scaling.findings import StageLoad
from thoth_infra.review.scaling.rules import RULES
from thoth_infra.terraform.version import read_pin


@cache
def _project(environment: str, settings: tuple[str, ...] = ()) -> tuple[Loaded, Tree]:
    loaded = load(PROJECT, environment, personal=False, settings=settings)
    return loaded, render(PROJECT, loaded.environment, read_pin(PROJECT).version)


def _edited(tree: Tree, edit: Edit) -> Tree:
    text = tree[edit.file]
    begin = text.index(edit.after)
    assert edit.old in text[begin:], edit
    return {**tree, edit.file: text[:begin] + text[begin:].replace(edit.old, edit.new, 1)}


def _load(jobs_per_hour: float | None) -> dict[str, StageLoad] | None:
    """Lessons of half an hour: seconds of work on average, and of one lesson in a hundred."""
    if jobs_per_hour is None:
        return None
    work = {"audio-extraction": (30.0, 120.0), "transcription": (240.0, 900.0), "music-terms": (10.0, 40.0)}
    return {name: StageLoad(jobs_per_hour, jobs_per_hour, *seconds) for name, seconds in work.items()}


def _prove(mutant: Mutant) -> Proof:
    loaded, tree = _project(mutant.environment, mutant.settings)
    for edit in mutant.edits:
        tree = _edited(tree, edit)
    return prove(loaded, tree, _load(mutant.jobs_per_hour), mutant.slo)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_is_found_by_its_rule(mutant: Mutant) -> None:
    if mutant.rule == REFUSED:
        with pytest.raises(ConfigInvalid):
            _prove(mutant)
        return
    proof = _prove(mutant)
    found = [finding for finding in proof.findings if finding.rule == mutant.rule]

    assert found, f"only {[finding.rule for finding in proof.findings]}"
    assert not proof.holds
    for finding in found:
        assert finding.what and finding.mend
        file, _, line = finding.place.partition(":")
        assert file.startswith(("environments/", f"terraform/{mutant.environment}/", "--set")), finding
        assert line.isdigit() or file == "--set"


def test_every_rule_has_a_mutant() -> None:
    assert {rule.id for rule in RULES} - {mutant.rule for mutant in MUTANTS} <= {"bounds"}
    assert len(MUTANTS) >= 40


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_shipped_environments_hold(environment: str) -> None:
    assert not _prove(Mutant("as it is", "", environment=environment)).findings


@pytest.mark.parametrize(("environment", "settings"), GOOD, ids=[" ".join(s)[:60] for _, s in GOOD])
def test_good_variants_hold(environment: str, settings: tuple[str, ...]) -> None:
    assert not _prove(Mutant("good", "", settings, environment=environment)).findings


def test_production_holds_under_the_lessons_it_is_made_for() -> None:
    assert not _prove(Mutant("busy", "", environment="production", jobs_per_hour=40, slo=60)).findings


def test_a_finding_names_the_line_of_the_attribute() -> None:
    mutant = next(m for m in MUTANTS if m.name == "wake again each minute")
    (finding,) = (f for f in _prove(mutant).findings if "transcription" in f.what)
    file, _, line = finding.place.partition(":")
    committed = (PROJECT / Path(file)).read_text().splitlines()

    assert "cooldown" in committed[int(line) - 1]
    assert "15" in finding.what and "900" in finding.mend  # minutes to be ready and counted; the cooldown wanted
