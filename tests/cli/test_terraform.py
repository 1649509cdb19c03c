"""The Terraform commands as a user runs them: real Terraform, the emulator, exit codes."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, Recorder
from tests.marks import slow
from thoth_infra.emulator import Emulator

OWN = "087439708020"
pytestmark = pytest.mark.terraform


def credentials(aws: Emulator, account: str = OWN, role: str | None = "tfs-ai-staging") -> dict[str, str]:
    """Variables of a user who is signed in to the stand-in for AWS."""
    found = aws.variables(account_id=account, region="us-east-1", role=role)
    return {name: value for name, value in found.items() if value}


@pytest.mark.slow
def test_plan_apply_plan_destroy_on_the_emulator(cli: Cli) -> None:
    env = ("--env", "staging", "--emulate")

    planned = cli("plan", *env, "--detailed-exitcode", "--summary", "text")
    assert planned.returncode == 2, planned.stderr
    assert "staging: 2 to add, 0 to change, 0 to destroy" in planned.stdout
    assert "thoth-infra apply --env staging --emulate" in planned.stderr

    applied = cli("apply", *env)
    assert applied.returncode == 0, applied.stderr
    assert "applied: 2 to add, 0 to change, 0 to destroy" in applied.stdout

    again = cli("plan", *env, "--detailed-exitcode")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "No changes" in again.stdout

    outputs = cli("--json", "output", *env)
    assert json.loads(outputs.stdout) == {"queue_name": "thoth-staging-jobs", "password": "(sensitive)"}
    assert cli("output", "queue_name", *env).stdout == "thoth-staging-jobs\n"

    drift = cli("drift", *env)
    assert (drift.returncode, drift.stdout.strip()) == (0, "staging (the emulator, us-east-1): no drift")

    listed = cli("terraform", *env, "--", "state", "list")
    assert listed.stdout.split() == ["aws_cloudwatch_log_group.jobs", "aws_sqs_queue.jobs"]

    gone = cli("destroy", *env)
    assert gone.returncode == 0, gone.stderr
    assert "destroyed 2 resources" in gone.stdout
    assert cli("destroy", *env).stdout == "nothing to destroy\n"


READING = """
variable "shared_session_role" { type = string }

resource "terraform_data" "reads" {
  lifecycle {
    precondition {
      condition     = var.shared_session_role == "tfs-ai-cross-account-access-read"
      error_message = "It would assume the writing role of the shared account."
    }
  }
}
"""
WRITING = 'shared_session_role = "tfs-ai-cross-account-access"\n'


@pytest.mark.slow
def test_a_read_only_plan_needs_no_lock_and_no_writing_role_and_leaves_no_plan(
    cli: Cli, project: Path, aws: Emulator
) -> None:
    (project / "templates/20-reading.tf.j2").write_text(READING)
    (project / "templates/shared.auto.tfvars.j2").write_text(WRITING)
    state = "thoth-terraform-state-087439708020"
    aws.prepare_backend(account_id=OWN, bucket=state, region="us-east-1")
    lock = {"ID": "0b0b", "Operation": "OperationTypeApply", "Who": "somebody", "Created": "2026-01-01T00:00:00Z"}
    s3 = aws.client("s3", account_id=OWN, region="us-east-1")
    s3.put_object(Bucket=state, Key="staging/terraform.tfstate.tflock", Body=json.dumps(lock).encode())
    signed_in = credentials(aws, role="thoth-staging-github-plan")
    try:
        planned = cli("plan", "--env", "staging", "--read-only", "--summary", "markdown", **signed_in)
        assert planned.returncode == 0, planned.stderr
        assert "3 to add" in planned.stdout
        assert "sealed" not in planned.stderr
        assert not list((project / ".thoth/staging").glob("*.tfplan*"))
        drift = cli("drift", "--env", "staging", "--read-only", **signed_in)
        assert drift.returncode == 0, drift.stderr

        for usual in (("plan",), ("drift",)):
            refused = cli(*usual, "--env", "staging", **signed_in)
            assert refused.returncode == 1
            assert "lock" in refused.stderr + refused.stdout
    finally:
        s3.delete_object(Bucket=state, Key="staging/terraform.tfstate.tflock")
    writing = cli("plan", "--env", "staging", **signed_in)
    assert "It would assume the writing role" in writing.stderr + writing.stdout


@pytest.mark.slow
def test_apply_without_a_plan_plans_first(cli: Cli) -> None:
    applied = cli("--json", "apply", "--env", "dev", "--emulate")
    assert applied.returncode == 0, applied.stderr
    assert json.loads(applied.stdout) == {
        "environment": "dev", "applied": True, "add": 2, "change": 0, "destroy": 0,
    }  # fmt: skip
    assert cli("apply", "--env", "dev", "--emulate").stdout.endswith("nothing to apply\n")


@pytest.mark.slow
def test_drift_names_what_was_changed_by_hand(cli: Cli, project: Path) -> None:
    from thoth_infra.emulator import running

    assert cli("apply", "--env", "dev", "--emulate").returncode == 0
    with running(project / ".thoth" / "dev" / "emulated" / "aws") as emulator:
        logs = emulator.client("logs", account_id=OWN, region="us-east-1")
        logs.put_retention_policy(logGroupName="/thoth/dev/jobs", retentionInDays=30)

    found = cli("drift", "--env", "dev", "--emulate")

    assert found.returncode == 2, found.stderr
    assert found.stdout == "update aws_cloudwatch_log_group.jobs\n"
    assert not list((project / ".thoth" / "dev" / "emulated").glob("drift*"))


@pytest.mark.slow
def test_summaries_hold_no_values(cli: Cli) -> None:
    markdown = cli("plan", "--env", "staging", "--emulate", "--summary", "markdown").stdout
    assert markdown.startswith("### Plan for `staging`: 2 to add, 0 to change, 0 to destroy")
    assert "- 1 × `aws_sqs_queue`" in markdown
    as_json = cli("--json", "plan", "--env", "staging", "--emulate")
    summary = json.loads(as_json.stdout)
    assert (summary["add"], summary["change"], summary["destroy"]) == (2, 0, 0)
    assert {change["address"] for change in summary["changes"]} == {
        "aws_cloudwatch_log_group.jobs", "aws_sqs_queue.jobs",
    }  # fmt: skip
    assert "hunter2" not in markdown + as_json.stdout


@pytest.mark.slow
def test_plan_target_limits_the_plan(cli: Cli) -> None:
    planned = cli("plan-target", "aws_sqs_queue.jobs", "--env", "staging", "--emulate")
    assert planned.returncode == 0, planned.stderr
    assert "Plan: 1 to add" in planned.stdout


@pytest.mark.parametrize("command", ["plan", "apply", "destroy", "output", "drift", "init", "unlock"])
def test_another_account_is_refused_before_terraform_starts(
    cli: Cli, aws: Emulator, recorder: Recorder, command: str
) -> None:
    assert cli("render", "--env", "staging").returncode == 0
    arguments = [command, *(["lock-id"] if command == "unlock" else []), "--env", "staging"]
    refused = cli(*arguments, **credentials(aws, account="111122223333"), THOTH_TERRAFORM=str(recorder.binary))
    assert refused.returncode == 4, refused.stderr
    assert "account 111122223333, not 087439708020" in refused.stderr
    assert recorder.starts == []


def test_another_role_is_refused_although_the_account_is_right(cli: Cli, aws: Emulator, recorder: Recorder) -> None:
    variables = credentials(aws, role="tfs-ai-production")
    refused = cli("plan", "--env", "staging", **variables, THOTH_TERRAFORM=str(recorder.binary))
    assert refused.returncode == 4, refused.stderr
    assert "tfs-ai-production" in refused.stderr
    assert recorder.starts == []


def test_another_profile_is_refused(cli: Cli, aws: Emulator, recorder: Recorder, tmp_path: Path) -> None:
    keys = credentials(aws)
    profile = tmp_path / "aws-credentials"
    profile.write_text(
        f"[tfs-ai-production]\naws_access_key_id={keys['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key={keys['AWS_SECRET_ACCESS_KEY']}\naws_session_token={keys['AWS_SESSION_TOKEN']}\n"
    )
    refused = cli(
        "plan", "--env", "staging", AWS_PROFILE="tfs-ai-production", AWS_SHARED_CREDENTIALS_FILE=str(profile),
        AWS_CONFIG_FILE=os.devnull, AWS_ENDPOINT_URL=aws.url, AWS_EC2_METADATA_DISABLED="true",
        THOTH_TERRAFORM=str(recorder.binary),
    )  # fmt: skip
    assert refused.returncode == 4, refused.stderr
    assert "profile tfs-ai-production, not tfs-ai-staging" in refused.stderr
    assert recorder.starts == []


def test_another_environments_state_key_is_refused(cli: Cli, project: Path, aws: Emulator, recorder: Recorder) -> None:
    template = project / "templates" / "00-backend.tf.j2"
    template.write_text(template.read_text().replace("{{ env.state.key | hcl }}", '"production/terraform.tfstate"'))
    refused = cli("plan", "--env", "staging", **credentials(aws), THOTH_TERRAFORM=str(recorder.binary))
    assert refused.returncode == 4, refused.stderr
    assert "production/terraform.tfstate" in refused.stderr
    assert recorder.starts == []


@pytest.mark.slow
def test_a_plan_for_staging_is_not_applied_to_production(cli: Cli) -> None:
    assert cli("plan", "--env", "staging", "--emulate", "--out", "reviewed.tfplan").returncode == 0
    refused = cli("apply", "--env", "production", "--emulate", "--plan", "reviewed.tfplan")
    assert refused.returncode == 6, refused.stderr
    assert "environment: staging, not production" in refused.stderr


@pytest.mark.parametrize("what", slow("tree", "plan file", "environment"))
def test_a_plan_is_refused_after_any_change(cli: Cli, project: Path, what: str) -> None:
    assert cli("plan", "--env", "staging", "--emulate").returncode == 0
    if what == "tree":
        changed = project / "terraform" / "staging" / "10-queues.tf"
        changed.write_text(changed.read_text().replace("300", "301"))
        expected = "10-queues.tf"
    elif what == "plan file":
        with (project / ".thoth" / "staging" / "emulated" / "plan.tfplan").open("ab") as plan:
            plan.write(b"x")
        expected = "the plan file is not the one that was sealed"
    else:
        yaml = project / "environments" / "staging.yaml"
        yaml.write_text(yaml.read_text().replace("monthly_usd: 800", "monthly_usd: 900"))
        cli("render", "--env", "staging")
        expected = "staging.auto.tfvars"
    refused = cli("apply", "--env", "staging", "--emulate")
    assert refused.returncode == 6, refused.stderr
    assert expected in refused.stderr


@pytest.mark.slow
def test_a_change_of_configuration_that_was_not_rendered_breaks_the_seal(cli: Cli, project: Path) -> None:
    assert cli("plan", "--env", "staging", "--emulate").returncode == 0
    yaml = project / "environments" / "staging.yaml"
    yaml.write_text(yaml.read_text().replace("monthly_usd: 800", "monthly_usd: 900"))
    refused = cli("apply", "--env", "staging", "--emulate")
    assert refused.returncode == 6, refused.stderr
    assert "environments/staging.yaml" in refused.stderr


@pytest.mark.slow
def test_apply_and_destroy_want_a_person(cli: Cli, aws: Emulator) -> None:
    variables = credentials(aws)
    aws.prepare_backend(account_id=OWN, bucket="thoth-terraform-state-087439708020", region="us-east-1")
    asked = cli("apply", "--env", "staging", **variables)
    assert asked.returncode == 7, asked.stderr
    assert "--auto-approve" in asked.stderr
    named = cli("destroy", "--env", "staging", "--confirm", "production", **variables)
    assert named.returncode in {0, 7}
    protected = cli("destroy", "--env", "production", "--confirm", "production", **variables)
    assert protected.returncode == 7
    assert "protection.deletion_protection" in protected.stderr


@pytest.mark.slow
def test_an_interrupted_apply_releases_the_lock(cli: Cli) -> None:
    env = ("--env", "staging", "--emulate")
    with cli.start("apply", *env) as process:
        assert process.stdout
        for line in process.stdout:
            if "aws_sqs_queue.jobs: Creating" in line:
                break
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "clean-up" in said

    again = cli("plan", *env)
    assert again.returncode == 0, again.stderr
    assert "Error acquiring the state lock" not in again.stderr


def test_validate_and_fmt_need_no_credentials(cli: Cli, project: Path) -> None:
    assert cli("validate", "--env", "staging").returncode == 0
    assert cli("fmt", "--check", "--env", "staging").returncode == 0
    ragged = project / "terraform" / "staging" / "10-queues.tf"
    ragged.write_text(ragged.read_text().replace("  name  ", "name    "))
    checked = cli("fmt", "--check", "--env", "staging")
    assert checked.returncode == 1
    assert "10-queues.tf" in checked.stdout + checked.stderr
    assert cli("fmt", "--env", "staging").returncode == 0
    assert cli("fmt", "--check", "--env", "staging").returncode == 0


@pytest.mark.slow
def test_clean_removes_plans_but_neither_state_nor_lock_file(cli: Cli, project: Path) -> None:
    assert cli("plan", "--env", "dev", "--emulate").returncode == 0
    removed = cli("clean", "--env", "dev")
    assert ".thoth/dev/emulated/plan.tfplan" in removed.stdout
    assert (project / "terraform" / "dev" / ".terraform.lock.hcl").exists()
    assert (project / ".thoth" / "dev" / "emulated" / "aws" / "emulator.snapshot").exists()
    forgotten = cli("clean", "--env", "dev", "--emulated-aws")
    assert "emulator.snapshot" in forgotten.stdout
    assert cli("clean", "--env", "dev").stdout == "nothing to remove\n"


@pytest.mark.slow
def test_the_environment_may_come_from_a_variable(cli: Cli) -> None:
    assert cli("plan", "--emulate", THOTH_ENV="staging").returncode == 0


@pytest.mark.slow
def test_unlock_releases_a_lock_that_was_left_behind(cli: Cli, project: Path) -> None:
    from thoth_infra.emulator import running

    env = ("--env", "dev", "--emulate")
    assert cli("plan", *env).returncode == 0
    lock = {"ID": "6a5c1b0e-0000-4000-8000-000000000001", "Operation": "OperationTypeApply", "Info": "",
            "Who": "somebody@elsewhere", "Version": "1.11.4", "Created": "2026-01-01T00:00:00Z",
            "Path": "thoth-terraform-state-087439708020/dev/terraform.tfstate"}  # fmt: skip
    with running(project / ".thoth" / "dev" / "emulated" / "aws") as emulator:
        s3 = emulator.client("s3", account_id=OWN, region="us-east-1")
        s3.put_object(
            Bucket="thoth-terraform-state-087439708020", Key="dev/terraform.tfstate.tflock", Body=json.dumps(lock)
        )
    refused = cli("plan", *env)
    assert refused.returncode == 1
    assert "thoth-infra unlock" in refused.stderr
    released = cli("unlock", lock["ID"], *env)
    assert released.returncode == 0, released.stderr
    assert cli("plan", *env).returncode == 0
