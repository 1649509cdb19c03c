"""The steps of the pull request's workflow, run here in order as a hosted runner would."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflows.github import GitHub, serving
from tests.workflows.model import Workflow
from tests.workflows.run import NUMBER, Runner, lend_packages, pull_request

pytestmark = [pytest.mark.slow, pytest.mark.terraform]

# What `make lint test policy` have their own runs for.
LONG = frozenset({"test", "Lint", "Policy"})


def run(folder: Path, *, fork: bool = False, damage: tuple[str, str] = ("", "")) -> tuple[Runner, GitHub, bool]:
    with serving() as github, pull_request(folder, fork=fork) as (clone, event):
        lend_packages(clone)
        text = (clone / ".github/workflows/pull-request.yml").read_text()
        assert damage[0] in text
        workflow = Workflow("pull-request.yml", text.replace(*damage))
        runner = Runner(workflow, clone, folder, github, event, LONG)
        return runner, github, runner.run()


def test_the_steps_pass_and_staging_is_planned_in_one_comment(tmp_path: Path) -> None:
    runner, github, passed = run(tmp_path)
    assert passed
    results = {name: one.result for name, one in runner.ended.items()}
    assert results == {"check": "success", "test": "skipped", "plan": "success", "comment": "success"}
    assert runner.steps_run == [
        "check: Install", "check: Committed trees are what is rendered", "check: Changed environments",
        "plan: Install", "plan: Plan", "comment: One comment, written anew",
    ]  # fmt: skip
    (comment,) = github.of("comment", NUMBER)
    assert "### Plan for `staging`" in comment["body"]
    assert " to add, 0 to change, 0 to destroy" in comment["body"]
    assert "`production`" not in comment["body"]
    assert "### Plan for `staging`" in runner.summary.read_text()
    # The plan itself stays nowhere, not even on the machine that made it.
    assert not list(tmp_path.rglob("*.tfplan"))
    assert [path.name for path in (tmp_path / "artifacts").rglob("*.*")] == ["staging.md"]


def test_a_fork_gets_neither_plan_nor_comment(tmp_path: Path) -> None:
    runner, github, passed = run(tmp_path, fork=True)
    assert passed
    results = {name: one.result for name, one in runner.ended.items()}
    assert results == {"check": "success", "test": "skipped", "plan": "skipped", "comment": "skipped"}
    assert github.requests == []
    assert not (tmp_path / "aws").exists()


def test_a_plan_that_fails_fails_the_run_and_is_told(tmp_path: Path) -> None:
    runner, github, passed = run(tmp_path, damage=("--detailed-exitcode", "--target none"))
    assert not passed
    assert runner.ended["plan"].result == "failure"
    (comment,) = github.of("comment", NUMBER)
    assert "It could not be made" in comment["body"]
