"""The first plan of an environment: nothing is there yet that could stop, be lost, or have been another way."""

from __future__ import annotations

import pytest

from tests.plans import plan_of
from tests.render.support import ENVIRONMENTS, PROJECT
from thoth_infra.config.load import load
from thoth_infra.render.tree import render
from thoth_infra.review.plan import Causes, Risk, review


@pytest.mark.terraform
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_stops_and_no_template_is_said_to_have_changed(environment: str) -> None:
    loaded = load(PROJECT, environment, personal=False)
    causes = Causes(loaded, lambda e: render(PROJECT, e, "1.11.4"))
    report = review(environment, plan_of(environment), causes)
    assert report.add > 200
    risks = {finding.risk for entry in report.entries for finding in entry.findings}
    assert not risks & {Risk.DATA_LOSS, Risk.DOWNTIME}
    said = {str(entry.cause) for entry in report.entries if entry.cause}
    assert said
    assert not [each for each in said if "changed" in each]
