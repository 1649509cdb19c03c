"""Every check holds where all is well, and says what is wrong and what mends it where something is not."""

from __future__ import annotations

import pytest

from tests.doctor.cases import FAILING, PASSING
from tests.doctor.world import World
from thoth_infra.review.doctor.run import all_checks

NAMES = [check.name for check in all_checks()]


def test_every_check_is_tested_both_ways() -> None:
    assert set(PASSING) == set(NAMES)
    assert set(FAILING) == set(NAMES)
    assert len(NAMES) >= 28


@pytest.mark.parametrize("name", NAMES)
def test_a_check_holds_where_all_is_well(world: World, name: str) -> None:
    PASSING[name](world)
    finding = world.look(name)
    assert (finding.state, finding.mend) == ("ok", ""), finding


@pytest.mark.parametrize("name", NAMES)
def test_a_check_says_what_is_wrong_and_what_mends_it(world: World, name: str) -> None:
    case = FAILING[name]
    case.prepare(world)
    finding = world.look(name)
    assert finding.state == case.state, finding
    assert case.what in finding.what
    assert case.mend in finding.mend
