"""``thoth-infra policy`` as a user runs it: what it prints, and when it fails."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli, cli, project  # noqa: F401 - fixtures
from tests.render.support import PROJECT
from thoth_infra.review.policy.tool import FOLDER, LOCK

FAILED = {
    "check_id": "CKV_AWS_27", "check_name": "Ensure all data stored in the SQS queue is encrypted",
    "resource": "aws_sqs_queue.jobs", "file_path": "/10-queues.tf", "file_line_range": [9, 12],
}  # fmt: skip
SKIP = """\
skips:
  - check: {check}
    environments: [staging]
    resources: [{address}]
    reason: it only stands here for as long as the test runs
    owner: S2.6
"""


@pytest.fixture
def scanner(project: Path) -> Path:  # noqa: F811
    """A scanner's environment that is the lock's, whose Python prints a report of one failed check."""
    report = {
        "results": {"failed_checks": [FAILED], "parsing_errors": []},
        "summary": {"passed": 7, "checkov_version": "3.3"},
    }
    (project / LOCK).parent.mkdir()
    shutil.copy(PROJECT / LOCK, project / LOCK)
    python = project / FOLDER / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\ncat <<'REPORT'\n{json.dumps(report)}\nREPORT\n")
    python.chmod(0o755)
    digest = hashlib.sha256((project / LOCK).read_bytes()).hexdigest()
    (project / FOLDER / "installed.lock-digest").write_text(digest)
    return project


def _skip(root: Path, *rows: tuple[str, str]) -> None:
    bodies = [SKIP.format(check=check, address=address).removeprefix("skips:\n") for check, address in rows]
    (root / "policy.yaml").write_text("skips:\n" + "".join(bodies))


def test_a_failed_check_fails_the_command_and_says_where(cli: Cli, scanner: Path) -> None:  # noqa: F811
    done = cli("policy", "--env", "staging", "--scan-only")
    assert done.returncode == 1, done.stderr
    assert "staging: 1 failed, 0 warnings; checkov 3.3: 7 passed" in done.stdout
    assert "failure CKV_AWS_27: aws_sqs_queue.jobs (terraform/staging/10-queues.tf:9)" in done.stdout
    assert "no plan judged" in done.stdout
    assert "the policy does not hold in staging" in done.stderr
    assert "policy.yaml" in done.stderr


def test_a_skip_with_a_reason_lets_it_hold(cli: Cli, scanner: Path) -> None:  # noqa: F811
    _skip(scanner, ("CKV_AWS_27", "aws_sqs_queue.jobs"))
    done = cli("--json", "policy", "--env", "staging", "--scan-only")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert (found["environment"], found["holds"], found["passed"], found["resources"]) == ("staging", True, 7, None)
    assert found["failures"] == []
    (skipped,) = found["skipped"]
    assert (skipped["check"], skipped["owner"]) == ("CKV_AWS_27", "S2.6")


def test_a_stale_skip_fails_the_command(cli: Cli, scanner: Path) -> None:  # noqa: F811
    _skip(scanner, ("CKV_AWS_27", "aws_sqs_queue.jobs"), ("CKV_AWS_1", "aws_lb.this"))
    done = cli("policy", "--env", "staging", "--scan-only")
    assert done.returncode == 1
    assert "stale-skip: aws_lb.this (policy.yaml:7): the skip of CKV_AWS_1 covers nothing in staging" in done.stdout


def test_a_skip_without_a_reason_is_invalid_configuration(cli: Cli, scanner: Path) -> None:  # noqa: F811
    _skip(scanner, ("CKV_AWS_27", "aws_sqs_queue.jobs"))
    file = scanner / "policy.yaml"
    file.write_text("".join(line for line in file.read_text().splitlines(True) if "reason" not in line))
    done = cli("policy", "--env", "staging", "--scan-only")
    assert done.returncode == 3
    assert "policy.yaml:2: skips.0: has no reason" in done.stderr


@pytest.mark.terraform
def test_scaling_is_judged_from_the_rendered_tree(cli: Cli, scanner: Path) -> None:  # noqa: F811
    shutil.copytree(PROJECT / "templates", scanner / "templates", dirs_exist_ok=True)
    defaults = scanner / "environments" / "_defaults.yaml"
    text = defaults.read_text()
    line = text[: text.index("max_receive_count")].count("\n") + 1
    defaults.write_text(text.replace("max_receive_count: 4", "max_receive_count: 1"))

    done = cli("policy", "--env", "staging", "--scan-only")

    assert done.returncode == 1
    assert f"scaling-one-delivery: queues.max_receive_count (environments/_defaults.yaml:{line})" in done.stdout


@pytest.mark.slow
def test_a_plan_is_judged_and_not_kept(cli: Cli, scanner: Path) -> None:  # noqa: F811
    """The small project's queue has no dead-letter queue, and its log group no key."""
    _skip(scanner, ("CKV_AWS_27", "aws_sqs_queue.jobs"), ("queue-dead-letter", "aws_sqs_queue.jobs"))
    done = cli("--json", "policy", "--env", "staging", "--emulate")
    assert done.returncode == 1, done.stderr
    found: dict[str, Any]
    (found,) = json.loads(done.stdout)
    assert found["resources"] == 2
    assert [(f["check"], f["address"]) for f in found["failures"]] == [
        ("log-group-kept", "aws_cloudwatch_log_group.jobs")
    ]
    assert {row["check"] for row in found["skipped"]} == {"CKV_AWS_27", "queue-dead-letter"}
    assert not list((scanner / ".thoth").rglob("policy.tfplan*"))


@pytest.mark.terraform
def test_without_credentials_no_plan_is_made(cli: Cli, scanner: Path, tmp_path: Path) -> None:  # noqa: F811
    done = cli("policy", "--env", "staging", AWS_CONFIG_FILE=str(tmp_path / "none"), AWS_EC2_METADATA_DISABLED="true")
    assert done.returncode == 4, done.stdout + done.stderr


def test_an_environment_that_does_not_exist_is_told(cli: Cli, scanner: Path) -> None:  # noqa: F811
    done = cli("policy", "--env", "stagign", "--scan-only")
    assert done.returncode == 1
    assert "did you mean 'staging'?" in done.stderr
