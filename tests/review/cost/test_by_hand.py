"""The estimate against bills that were worked out by hand, part by part and in all, each bound within 1 %."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.render.support import PROJECT
from tests.review.cost.by_hand import Case
from tests.review.cost.cases import CASES
from thoth_infra.config import prices
from thoth_infra.config.load import load
from thoth_infra.review.cost.estimate import Estimate, estimate
from thoth_infra.review.cost.usage import usage_of

BOUNDS = ("least", "expected", "most")


def worked_out(case: Case, tmp_path: Path) -> Estimate:
    """Return our own estimate of a case."""
    env = load(PROJECT, case.environment, settings=case.settings, personal=False).environment
    file = tmp_path / "usage.yaml"
    file.write_text("".join(f"{name}: {value}\n" for name, value in case.usage.items()) or "{}")
    return estimate(env, prices.load(), usage_of(env, file))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_estate_costs_what_was_worked_out_by_hand(case: Case, tmp_path: Path) -> None:
    found = worked_out(case, tmp_path)
    parts = {part.name: part.cost for part in found.parts}
    assert parts.keys() == {name for name, amounts in case.bill.items() if any(amounts)}
    for name, amounts in case.bill.items():
        ours = [float(getattr(parts[name], bound)) for bound in BOUNDS]
        # Lines are rounded to cents, and a part has up to ten.
        assert ours == pytest.approx(list(amounts), rel=0.01, abs=0.05), name
    for number, bound in enumerate(BOUNDS):
        by_hand = sum(amounts[number] for amounts in case.bill.values())
        assert float(getattr(found.total, bound)) == pytest.approx(by_hand, rel=0.01), bound


def test_there_are_enough_of_them_and_all_differ_in_what_they_are_made_of() -> None:
    assert len(CASES) >= 25
    assert len({(case.environment, case.settings, tuple(case.usage.items())) for case in CASES}) == len(CASES)
