"""Every wrong configuration is refused at its file, line and key, with what is wrong and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.cases import CASES
from tests.config.support import Case, copy_project, edit, problems


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_mistake_is_one_problem_at_its_place(case: Case, tmp_path: Path) -> None:
    root = copy_project(tmp_path)
    edit(root, *case.edits)
    if case.dotenv is not None:
        (root / f".env.{case.env}").write_text(case.dotenv)
    found = problems(root, case.env, case.variables, *case.settings)
    assert [problem.key for problem in found] == [case.key], found
    problem = found[0]
    assert (problem.file, problem.line) == case.expected_place(root), problem
    assert case.wrong in problem.wrong, problem
    assert case.right in problem.right, problem


def test_there_are_enough_cases_and_none_is_named_twice() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 75
