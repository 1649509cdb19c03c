"""Whose secret a role may read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.emulator.conftest import REGION, AsAccount
from thoth_infra.emulator.access import Emulator


@pytest.fixture
def reader(emulator: Emulator, aws: AsAccount) -> Iterator[Any]:
    """A client of a role that may read the first of two secrets, while policies are enforced."""
    secrets = aws("secretsmanager")
    arns = {name: secrets.create_secret(Name=name, SecretString=name)["ARN"] for name in ("own", "other")}
    iam, trust = aws("iam"), {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]
    allowed = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": arns["own"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="reader", PolicyName="reads", PolicyDocument=document)
    found = aws("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="reader")["Credentials"]
    _enforce(emulator, "0")
    yield boto3.client(
        "secretsmanager",
        region_name=REGION,
        endpoint_url=emulator.url,
        aws_access_key_id=found["AccessKeyId"],
        aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found["SessionToken"],
    )
    _enforce(emulator, "inf")


def _enforce(emulator: Emulator, after: str) -> None:
    address, text = f"{emulator.url}/moto-api/reset-auth", {"Content-Type": "text/plain"}
    urlopen(Request(address, after.encode(), text, method="POST"), timeout=20).close()  # noqa: S310 - loopback


@pytest.mark.patch("secrets_are_judged_by_arn")
def test_a_role_reads_the_secret_that_its_policy_names_and_no_other(reader: Any) -> None:
    assert reader.get_secret_value(SecretId="own")["SecretString"] == "own"
    for refused in ("other", "nowhere"):
        with pytest.raises(ClientError, match="AccessDenied"):
            reader.get_secret_value(SecretId=refused)
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.put_secret_value(SecretId="own", SecretString="x")
