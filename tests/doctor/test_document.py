"""docs/doctor.md is what the checks say of themselves."""

from __future__ import annotations

from tests.doctor.world import ROOT
from thoth_infra.review.doctor.document import DOCUMENT, document
from thoth_infra.review.doctor.run import all_checks


def test_the_document_is_current() -> None:
    assert (ROOT / DOCUMENT).read_text(encoding="utf-8") == document(), "python -m thoth_infra.review.doctor.document"


def test_names_are_stable_words() -> None:
    names = [check.name for check in all_checks()]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalpha() and name.islower() for name in names)
