"""The kept plans are what Terraform makes: a few are made again. Minutes, most of them an apply to the emulated AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.review.plans import make, store
from tests.review.plans.cases import CASES
from tests.review.plans.test_labelled import judged
from thoth_infra.review.plan import review

SAMPLE = ("database-major-upgrade", "database-downgrade", "rate-limit-up")
pytestmark = [pytest.mark.terraform, pytest.mark.slow]


def test_a_sample_made_again_is_judged_the_same(tmp_path: Path) -> None:
    with make.planner(tmp_path, "staging") as planner:
        for case in CASES:
            if case.name in SAMPLE:
                made = planner.plan(case)
                assert judged(review("staging", made)) == judged(review("staging", store.read("staging")[case.name]))
