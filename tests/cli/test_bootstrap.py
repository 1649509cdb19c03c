"""``thoth-infra bootstrap`` as an operator types it."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Cli
from tests.snapshots import same
from thoth_infra.emulator import Emulator

OWN, SHARED, REGION = "087439708020", "542876199144", "us-east-1"
BUCKET = f"thoth-terraform-state-{OWN}"


@pytest.fixture
def credentials(aws: Emulator) -> dict[str, str]:
    """Staging's credentials, in an AWS that is empty."""
    aws.reset()
    found = aws.variables(account_id=OWN, region=REGION, role="tfs-ai-staging")
    return {key: value for key, value in found.items() if value}


def buckets(aws: Emulator) -> list[str]:
    found = aws.client("s3", account_id=OWN, region=REGION).list_buckets()["Buckets"]
    return [bucket["Name"] for bucket in found]


def test_it_shows_asks_makes_and_then_has_nothing_to_do(cli: Cli, aws: Emulator, credentials: dict[str, str]) -> None:
    asked = cli("bootstrap", "--env", "staging", **credentials)
    assert asked.returncode == 7
    assert "+ make" in asked.stdout and "--confirm staging" in asked.stderr
    assert buckets(aws) == []
    wrong = cli("bootstrap", "--env", "staging", "--confirm", "production", **credentials)
    assert (wrong.returncode, buckets(aws)) == (7, [])

    made = cli("bootstrap", "--env", "staging", "--confirm", "staging", **credentials)
    assert made.returncode == 0, made.stderr
    assert buckets(aws) == [BUCKET]
    same("bootstrap.txt", made.stdout)

    again = cli("--json", "bootstrap", "--env", "staging", **credentials)
    assert again.returncode == 0, again.stderr
    assert {step["state"] for step in json.loads(again.stdout)["steps"]} == {"exists"}
    same("bootstrap.json", again.stdout)
    assert "nothing to do" in cli("bootstrap", "--env", "staging", **credentials).stdout


def test_another_accounts_credentials_are_refused(cli: Cli, aws: Emulator, credentials: dict[str, str]) -> None:
    other = aws.variables(account_id=SHARED, region=REGION, role="tfs-ai-staging")
    variables = {key: value for key, value in other.items() if value}
    found = cli("bootstrap", "--env", "staging", "--confirm", "staging", **variables)
    assert found.returncode == 4
    assert f"account {SHARED}, not {OWN}" in found.stderr


def test_the_shared_account_gets_a_bucket_and_no_provider(cli: Cli) -> None:
    found = cli("--json", "bootstrap", "--env", "shared", "--emulate")
    assert found.returncode == 0, found.stderr
    steps = {step["name"]: step for step in json.loads(found.stdout)["steps"]}
    assert SHARED in steps["bucket"]["what"]
    assert "github-oidc" not in steps
