"""``rehearse`` as a user runs it: real Terraform and the emulator, on resources that take no time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from thoth_infra.emulator import running

OWN = "087439708020"
pytestmark = pytest.mark.terraform

# A log group is made at once, where a queue takes the provider half a minute.
LOGS = """\
variable "environment" { type = string }
variable "project" { type = string }
variable "account_id" { type = string }
variable "region" { type = string }
variable "tags" { type = map(string) }

resource "aws_cloudwatch_log_group" "jobs" {
  name              = "/thoth/${var.environment}/jobs"
  retention_in_days = {{ env.retention.logs_days | hcl }}

  lifecycle {
    prevent_destroy = {{ env.protection.deletion_protection | hcl }}
  }
}
"""
FORGOTTEN = """
resource "aws_cloudwatch_log_group" "forgotten" {
  name         = "/thoth/${var.environment}/forgotten"
  skip_destroy = true
}
"""
RESTLESS = """
resource "terraform_data" "now" {
  input = timestamp()
}
"""
TWICE = """
resource "aws_cloudwatch_log_group" "twice" {
  name       = aws_cloudwatch_log_group.jobs.name
  depends_on = [aws_cloudwatch_log_group.jobs]
}
"""


@pytest.fixture
def project(project: Path) -> Path:
    (project / "templates" / "10-queues.tf.j2").write_text(LOGS)
    return project


def _add(project: Path, *resources: str) -> None:
    template = project / "templates" / "10-queues.tf.j2"
    template.write_text(template.read_text() + "".join(resources))


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _steps(result: Mapping[str, Any]) -> list[str]:
    return [step["name"] for step in result["steps"]]


@pytest.mark.slow
def test_a_protected_environment_holds_and_leaves_nothing_behind(cli: Cli, project: Path) -> None:
    assert cli("render", "--env", "production").returncode == 0
    tree = project / "terraform" / "production"
    before = _files(tree)
    assert b"prevent_destroy = true" in before["10-queues.tf"]

    done = cli("rehearse", "--env", "production")

    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    table = {row[0]: row[2:] for row in rows if row[-1] == "ok"}
    assert table == {
        "init": ["-", "-", "-", "-", "ok"],
        "validate": ["-", "-", "-", "-", "ok"],
        "plan": ["1", "-", "-", "-", "ok"],
        "apply": ["1", "-", "-", "1", "ok"],
        "plan-again": ["-", "-", "-", "1", "ok"],
        "unprotect": ["-", "-", "-", "1", "ok"],
        "destroy": ["-", "-", "1", "0", "ok"],
    }
    assert "stays by design: 1 × S3 object (Terraform's own state" in done.stdout
    assert [line.split()[0] for line in done.stderr.splitlines()] == list(table)
    after = _files(tree)
    del after[".terraform.lock.hcl"]  # which the first init makes, as it does for `init`
    assert after == before
    assert not (project / ".thoth" / "production" / "rehearsal").exists()


@pytest.mark.slow
def test_what_differs_and_what_stays_is_named_and_kept(cli: Cli, project: Path) -> None:
    _add(project, FORGOTTEN, RESTLESS)
    assert cli("render", "--env", "dev").returncode == 0

    done = cli("rehearse", "--env", "dev")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "plan-again: not empty: update terraform_data.now" in done.stdout
    assert "destroy: left over in AWS: 1" in done.stdout
    assert f"left over in {OWN}: log group /thoth/dev/forgotten" in done.stdout
    assert "kept in .thoth/dev/rehearsal" in done.stderr
    log = (project / ".thoth" / "dev" / "rehearsal" / "terraform.log").read_text()
    assert log.index("==> plan-again") < log.index("# terraform_data.now will be updated") < log.index("==> destroy")


@pytest.mark.slow
def test_a_step_that_fails_is_the_last_and_shows_what_terraform_said(cli: Cli, project: Path) -> None:
    _add(project, TWICE)
    assert cli("render", "--env", "dev").returncode == 0

    done = cli("--json", "rehearse", "--env", "dev")

    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert _steps(result) == ["init", "validate", "plan", "apply"]
    assert [step["failed"] for step in result["steps"]] == [False, False, False, True]
    assert "apply" in done.stderr
    assert "ResourceAlreadyExistsException" in done.stderr
    assert "Terraform will perform the following actions" not in done.stderr  # that was the step before
    assert (project / result["folder"] / "aws" / "emulator.snapshot").exists()


@pytest.mark.slow
def test_a_switch_is_rehearsed_without_touching_the_committed_tree(cli: Cli, project: Path) -> None:
    settings = ("--set", "retention.logs_days=30")
    done = cli("--json", "-v", "rehearse", "--env", "dev", *settings, "--until", "apply", "--keep")

    assert done.returncode == 0, done.stderr
    assert "-parallelism=40" in done.stderr  # nearly all of an emulated apply is waiting
    result = json.loads(done.stdout)
    assert (_steps(result)[-1], result["settings"]) == ("apply", ["retention.logs_days=30"])
    assert not (project / "terraform" / "dev").exists()
    with running(project / result["folder"] / "aws") as emulator:
        groups = emulator.client("logs", account_id=OWN, region="us-east-1").describe_log_groups()["logGroups"]
    assert [(group["logGroupName"], group["retentionInDays"]) for group in groups] == [("/thoth/dev/jobs", 30)]


def test_a_stale_tree_is_not_rehearsed(cli: Cli, project: Path) -> None:
    stale = cli("rehearse", "--env", "dev")
    assert stale.returncode == 1
    assert "terraform/dev is not what the configuration renders" in stale.stderr
    assert "thoth-infra render --env dev" in stale.stderr
    assert not (project / ".thoth").exists()


def test_a_rehearsal_does_not_disturb_another_one(cli: Cli, project: Path) -> None:
    assert cli("render", "--env", "dev").returncode == 0
    with running(project / ".thoth" / "dev" / "rehearsal" / "aws"):
        refused = cli("rehearse", "--env", "dev")
        assert refused.returncode == 5, refused.stderr
        assert "in use by another command" in refused.stderr
