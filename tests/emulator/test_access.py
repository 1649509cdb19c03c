from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.conftest import REGION, AsAccount
from thoth_infra.emulator.access import Emulator
from thoth_infra.emulator.wire import Wire
from thoth_infra.errors import EngineError


def test_the_variables_let_nothing_of_the_users_aws_in(
    emulator: Emulator, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet")

    found = emulator.variables(account_id=account, region="eu-west-1")

    assert (found["AWS_ENDPOINT_URL"], found["AWS_ACCESS_KEY_ID"]) == (emulator.url, account)
    assert (found["AWS_REGION"], found["AWS_DEFAULT_REGION"]) == ("eu-west-1", "eu-west-1")
    assert (found["AWS_CONFIG_FILE"], found["AWS_SHARED_CREDENTIALS_FILE"]) == (os.devnull, os.devnull)
    assert found["AWS_PROFILE"] == found["AWS_SESSION_TOKEN"] == ""
    assert found["NO_PROXY"] == "intranet,127.0.0.1"


def test_an_sdk_with_only_these_variables_reaches_the_emulator(emulator: Emulator, account: str) -> None:
    variables = emulator.variables(account_id=account, region=REGION)
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    env = {"PATH": os.environ["PATH"], "HTTP_PROXY": "http://127.0.0.1:9"}
    env |= {name: value for name, value in variables.items() if value}

    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)

    assert (done.stdout.strip(), done.stderr) == (account, "")


def test_a_role_is_made_once_and_assumed(emulator: Emulator, aws: AsAccount, account: str) -> None:
    for _ in range(2):
        variables = emulator.variables(account_id=account, region=REGION, role="thoth-deploy")
        identity = emulator.client("sts", account_id=account, region=REGION, role="thoth-deploy").get_caller_identity()

    assert variables["AWS_SESSION_TOKEN"] != ""
    assert identity["Arn"] == f"arn:aws:sts::{account}:assumed-role/thoth-deploy/thoth"
    assert [role["RoleName"] for role in aws("iam").list_roles()["Roles"]] == ["thoth-deploy"]


def test_a_client_is_blind_to_the_users_settings(
    emulator: Emulator, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREALREALREALREAL")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    client = emulator.client("sts", account_id=account, region=REGION)

    assert client.get_caller_identity()["Account"] == account


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_the_backend_is_prepared_once(emulator: Emulator, account: str, region: str) -> None:
    bucket = f"state-{region}-{account}"
    s3: Any = emulator.client("s3", account_id=account, region=region)
    kms: Any = emulator.client("kms", account_id=account, region=region)
    for alias in ("state", "alias/state"):
        emulator.prepare_backend(account_id=account, bucket=bucket, region=region, kms_alias=alias)
        s3.put_object(Bucket=bucket, Key="kept", Body=b"x")

    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == (None if region == "us-east-1" else region)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    assert [one["AliasName"] for one in kms.list_aliases()["Aliases"]].count("alias/state") == 1


def test_a_backend_without_a_key_gets_none(emulator: Emulator, account: str, aws: AsAccount) -> None:
    emulator.prepare_backend(account_id=account, bucket=f"plain-{account}", region=REGION)

    assert aws("kms").list_keys()["Keys"] == []


def test_a_state_that_is_locked_answers_412(aws: AsAccount, emulator: Emulator, account: str) -> None:
    """What Terraform's ``use_lockfile`` stands on."""
    bucket = f"lock-{account}"
    emulator.prepare_backend(account_id=account, bucket=bucket, region=REGION)
    aws("s3").put_object(Bucket=bucket, Key="x.tflock", Body=b"1", IfNoneMatch="*")

    with pytest.raises(ClientError, match="PreconditionFailed"):
        aws("s3").put_object(Bucket=bucket, Key="x.tflock", Body=b"2", IfNoneMatch="*")


def test_a_refusal_of_the_emulator_is_told(emulator: Emulator, account: str) -> None:
    with pytest.raises(EngineError, match="EmulatorNotImplemented"):
        Wire(emulator.url, account, REGION).query("iam", "2010-05-08", "DoWhatNobodyCan")
