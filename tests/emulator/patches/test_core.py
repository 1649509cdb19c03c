from __future__ import annotations

import botocore.session
import pytest
from botocore.exceptions import ClientError

from tests.emulator.conftest import REGION, AsAccount
from thoth_infra.emulator.access import Emulator
from thoth_infra.emulator.wire import Wire
from thoth_infra.errors import EngineError


@pytest.mark.patch("account_of_access_key")
def test_a_twelve_digit_access_key_is_the_account(aws: AsAccount, account: str, other_account: str) -> None:
    aws("iam").create_user(UserName="ada")

    assert aws("sts").get_caller_identity()["Account"] == account
    assert aws("iam", other_account).list_users()["Users"] == []


def test_an_assumed_role_belongs_to_its_own_account(aws: AsAccount, other_account: str) -> None:
    arn = f"arn:aws:iam::{other_account}:role/network"
    key = aws("sts").assume_role(RoleArn=arn, RoleSessionName="thoth")["Credentials"]["AccessKeyId"]

    assert aws("sts", key).get_caller_identity()["Account"] == other_account


@pytest.mark.patch("unknown_path_is_unknown_action")
def test_a_request_that_no_action_matches_is_refused_instead_of_not_found(emulator: Emulator, account: str) -> None:
    wire = Wire(emulator.url, account, REGION)

    with pytest.raises(EngineError, match="no backup:PATCH /backup-vaults/x"):
        wire._send("backup", "PATCH", "/backup-vaults/x", b"", {})


def test_a_path_without_an_action_is_refused_instead_of_not_found(aws: AsAccount) -> None:
    with pytest.raises(ClientError) as refused:
        aws("efs").describe_account_preferences()

    assert refused.value.response["Error"]["Code"] == "EmulatorNotImplemented"
    assert "elasticfilesystem" in str(refused.value)


@pytest.mark.patch("one_loader_of_service_models")
def test_sessions_share_what_they_read_of_the_services(aws: AsAccount) -> None:
    one, other = (botocore.session.Session().get_component("data_loader") for _ in range(2))

    assert one is other
