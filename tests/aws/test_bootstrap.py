"""What `bootstrap` makes, keeps and refuses, on the emulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.emulator.conftest import REGION, AsAccount, account, aws, emulator, other_account
from thoth_infra.aws import bootstrap
from thoth_infra.aws.bootstrap import AUDIENCE, ISSUER, Wanted
from thoth_infra.emulator.access import Emulator
from thoth_infra.errors import ThothError

__all__ = ["account", "aws", "emulator", "other_account"]

PARTS = (
    "bucket", "versioning", "encryption", "public-access", "ownership", "tls-only", "history", "tags", "github-oidc",
)  # fmt: skip


@pytest.fixture
def wanted(account: str) -> Wanted:
    tags = {"Project": "thoth", "ManagedBy": "thoth-infra"}
    return Wanted("staging", account, REGION, f"thoth-state-{account}", tags, oidc=True)


def states(clients: Callable[[str], Any], wanted: Wanted) -> dict[str, str]:
    return {step.name: step.state for step in bootstrap.plan(clients, wanted)}


def silent(step: bootstrap.Step) -> None:
    """Tell nobody."""


def everything(clients: Callable[[str], Any], wanted: Wanted) -> dict[str, Any]:
    """Return all that there is of the bucket and the provider, as AWS tells it."""
    s3, bucket = clients("s3"), wanted.bucket
    found = {
        "versioning": s3.get_bucket_versioning(Bucket=bucket).get("Status"),
        "encryption": s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"],
        "access": s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
        "ownership": s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"],
        "policy": json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]),
        "rules": s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"],
        "tags": sorted((tag["Key"], tag["Value"]) for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]),
    }
    provider = clients("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=wanted.provider_arn)
    return {**found, "provider": (provider["Url"], provider["ClientIDList"])}


def test_an_empty_account_gets_all_and_then_needs_nothing_more(aws: AsAccount, wanted: Wanted) -> None:
    assert states(aws, wanted) == dict.fromkeys(PARTS, "make")
    told: list[str] = []

    bootstrap.apply(aws, wanted, lambda step: told.append(step.name))

    # S3 makes a bucket with some of them already.
    assert told[:2] == ["bucket", "versioning"] and told[-1] == "github-oidc"
    assert set(told) <= set(PARTS)
    assert states(aws, wanted) == dict.fromkeys(PARTS, "exists")
    made = everything(aws, wanted)
    assert made["versioning"] == "Enabled"
    assert set(made["access"].values()) == {True}
    assert made["policy"]["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert made["provider"] == (ISSUER, [AUDIENCE])
    bootstrap.apply(aws, wanted, lambda step: pytest.fail(f"{step.name} was done twice"))


def test_a_plan_changes_nothing(aws: AsAccount, wanted: Wanted) -> None:
    bootstrap.plan(aws, wanted)
    assert aws("s3").list_buckets()["Buckets"] == []
    assert aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


class Dying:
    """Clients whose process dies at the n-th call, before or after AWS has done it."""

    def __init__(self, clients: Callable[[str], Any], calls: int, after: bool) -> None:
        self._clients, self._left, self._after = clients, calls, after

    def __call__(self, service: str) -> Any:
        """Return a client of its own: what it does must not happen to those of the test."""
        client = self._clients(service)
        client.meta.events.register("before-call", self._before)
        client.meta.events.register("after-call", self._done)
        return client

    def _before(self, **_: object) -> None:
        if self._left == 0 and not self._after:
            raise KeyboardInterrupt
        self._left -= 1

    def _done(self, **_: object) -> None:
        if self._left == -1 and self._after:
            raise KeyboardInterrupt


def mortal(emulator: Emulator, wanted: Wanted) -> Callable[[str], Any]:
    """Return what makes the clients of a process that will die."""
    return lambda service: emulator.client(service, account_id=wanted.account_id, region=REGION)


@pytest.fixture(scope="module")
def straight(emulator: Emulator) -> str:
    """Return what an apply leaves that nothing cut off."""
    account = "222222222222"

    def clients(service: str) -> Any:
        return emulator.client(service, account_id=account, region=REGION)

    tags = {"Project": "thoth", "ManagedBy": "thoth-infra"}
    whole = Wanted("staging", account, REGION, f"thoth-state-{account}", tags, oidc=True)
    bootstrap.apply(clients, whole, silent)
    return json.dumps(everything(clients, whole)).replace(account, "")


CALLS = 17  # of an apply to an empty account


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", range(CALLS))
def test_cut_off_anywhere_and_run_again_it_ends_the_same(
    emulator: Emulator, aws: AsAccount, wanted: Wanted, straight: str, call: int, after: bool
) -> None:
    with pytest.raises(KeyboardInterrupt):
        bootstrap.apply(Dying(mortal(emulator, wanted), call, after), wanted, silent)
    bootstrap.apply(aws, wanted, silent)
    assert json.dumps(everything(aws, wanted)).replace(wanted.account_id, "") == straight


def test_these_are_all_the_calls_of_an_apply(emulator: Emulator, wanted: Wanted) -> None:
    bootstrap.apply(Dying(mortal(emulator, wanted), CALLS, after=False), wanted, silent)


def test_what_is_there_and_stricter_stays(aws: AsAccount, wanted: Wanted) -> None:
    s3, bucket = aws("s3"), wanted.bucket
    s3.create_bucket(Bucket=bucket)
    by_key = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/state"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [by_key]})
    statement = {
        "Sid": "Auditors", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObjectVersion",
        "Resource": f"{wanted.bucket_arn}/*",
    }  # fmt: skip
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    rule = {
        "ID": "ours",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 9},
    }
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "Project", "Value": "older"}]})

    bootstrap.apply(aws, wanted, silent)

    found = everything(aws, wanted)
    assert found["encryption"]["Rules"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert [one["Sid"] for one in found["policy"]["Statement"]] == ["Auditors", "TlsOnly"]
    assert [one["ID"] for one in found["rules"]] == ["ours"]
    assert found["tags"] == [("ManagedBy", "thoth-infra"), ("Project", "older")]


def test_what_is_weaker_is_shown_and_changed(aws: AsAccount, wanted: Wanted) -> None:
    s3, bucket = aws("s3"), wanted.bucket
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    access = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=access)
    controls = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=controls)
    # Against some networks only: everybody else may come without TLS.
    statement = {
        "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": [wanted.bucket_arn, f"{wanted.bucket_arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}, "IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
    }  # fmt: skip
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    iam = aws("iam")
    iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=["https://github.com/someone"])

    steps = {step.name: step for step in bootstrap.plan(aws, wanted)}
    assert {name for name, step in steps.items() if step.state == "change"} == {
        "versioning", "public-access", "ownership", "github-oidc",
    }  # fmt: skip
    assert "now: Suspended" in steps["versioning"].what
    assert steps["tls-only"].state == "make"

    bootstrap.apply(aws, wanted, silent)

    found = everything(aws, wanted)
    assert (found["versioning"], set(found["access"].values())) == ("Enabled", {True})
    assert found["ownership"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert [one["Condition"] for one in found["policy"]["Statement"]] == [{"Bool": {"aws:SecureTransport": "false"}}]
    assert found["provider"][1] == ["https://github.com/someone", AUDIENCE]


def test_a_bucket_of_another_account_is_left_alone(aws: AsAccount, wanted: Wanted, other_account: str) -> None:
    theirs = aws("s3", account_id=other_account)
    theirs.create_bucket(Bucket=wanted.bucket)
    for act in (bootstrap.plan, lambda clients, wanted: bootstrap.apply(clients, wanted, silent)):
        with pytest.raises(ThothError, match=f"is not account {wanted.account_id}'s") as refused:
            act(aws, wanted)
        assert "state.bucket" in (refused.value.hint or "")
    assert theirs.get_bucket_versioning(Bucket=wanted.bucket).get("Status") is None


def test_a_bucket_that_somebody_else_makes_meanwhile_is_left_alone(
    aws: AsAccount, wanted: Wanted, other_account: str
) -> None:
    theirs = aws("s3", account_id=other_account)

    def taken(step: bootstrap.Step) -> None:
        if step.name == "bucket":
            theirs.create_bucket(Bucket=wanted.bucket)

    with pytest.raises(ThothError, match=f"is not account {wanted.account_id}'s"):
        bootstrap.apply(aws, wanted, taken)


def test_a_bucket_of_another_region_is_named(aws: AsAccount, emulator: Any, account: str, wanted: Wanted) -> None:
    there = emulator.client("s3", account_id=account, region="eu-west-1")
    there.create_bucket(Bucket=wanted.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    with pytest.raises(ThothError, match="is in eu-west-1, not in us-east-1"):
        bootstrap.plan(aws, wanted)


def test_the_shared_account_needs_no_provider(aws: AsAccount, wanted: Wanted) -> None:
    bootstrap.apply(aws, replace(wanted, oidc=False), silent)
    assert aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
