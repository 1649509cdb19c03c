"""How checks hang together: order, what is skipped, what is denied, what breaks."""

from __future__ import annotations

import os

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.doctor.cases import PASSING
from tests.doctor.world import World, by_name
from thoth_infra.errors import ThothError
from thoth_infra.review.doctor.context import Context
from thoth_infra.review.doctor.findings import Answer, ok
from thoth_infra.review.doctor.registry import Check
from thoth_infra.review.doctor.run import all_checks


def test_without_credentials_one_check_says_so_and_the_others_are_skipped(world: World) -> None:
    world.credentials = {"AWS_CONFIG_FILE": os.devnull, "AWS_PROFILE": "tfs-ai-staging"}
    found = {finding.name: finding for finding in world.findings() if by_name(finding.name).scope != "machine"}
    assert found["profile"].state == "fail"
    asking = [
        name for name in found if by_name(name).scope in ("account", "estate") and name not in ("profile", "clock")
    ]
    assert {found[name].state for name in asking} == {"skipped"}
    assert {found[name].what.partition(" ")[0] for name in asking} == {"needs"}


def test_an_environment_that_was_never_applied_is_no_failure(world: World) -> None:
    found = {finding.name: finding for finding in world.findings()}
    estate = [finding for name, finding in found.items() if by_name(name).scope == "estate"]
    assert found["applied"].state == "warn"
    assert {finding.state for finding in estate} == {"skipped"}


def test_findings_come_in_the_order_of_the_checks(world: World) -> None:
    assert [finding.name for finding in world.findings()] == [check.name for check in all_checks()]


@pytest.mark.parametrize(
    ("name", "operation", "action"),
    [
        ("secrets", "DescribeSecret", "secretsmanager:DescribeSecret"),
        ("alarms", "DescribeAlarms", "cloudwatch:DescribeAlarms"),
        ("quota-gpu", "GetServiceQuota", "servicequotas:GetServiceQuota"),
        ("spot-role", "GetRole", "iam:GetRole"),
    ],
)
def test_what_the_role_may_not_see_is_a_warning_that_names_the_action(
    world: World, name: str, operation: str, action: str
) -> None:
    PASSING[name](world)
    world.denied = (operation,)
    finding = world.look(name)
    assert (finding.state, finding.what) == ("warn", f"may not look: {operation} is denied")
    assert action in finding.mend


def test_scans_that_the_shared_accounts_role_may_not_see_are_asked_for_with_its_own_profile(world: World) -> None:
    PASSING["image-findings"](world)
    world.denied = ("DescribeImageScanFindings",)
    finding = world.look("image-findings")
    assert finding.state == "skipped"
    assert "describe-image-scan-findings --repository-name thoth/api" in finding.mend
    assert "--profile tfs-shared-services" in finding.mend


#: boto3's names of services and operations → IAM's, where they differ.
_SERVICES = {"service-quotas": "servicequotas", "elbv2": "elasticloadbalancing"}
_OPERATIONS = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
}
_READS = ("Get", "List", "Describe", "BatchGet", "AssumeRole")


@pytest.mark.parametrize("name", [check.name for check in all_checks() if check.scope in ("account", "estate")])
def test_a_check_asks_for_no_more_than_it_says_and_changes_nothing(world: World, name: str) -> None:
    PASSING[name](world)
    world.look(name)
    stated = {action for need in [name, *_needs(name)] for action in by_name(need).actions}
    asked = {_action(operation) for operation in world.asked}
    assert asked <= stated
    assert all(action.partition(":")[2].startswith(_READS) for action in stated)


def _needs(name: str) -> set[str]:
    direct = set(by_name(name).needs)
    return direct | {further for need in direct for further in _needs(need)}


def _action(operation: str) -> str:
    service, _, name = operation.partition(":")
    found = f"{_SERVICES.get(service, service)}:{name}"
    return _OPERATIONS.get(found, found)


def check(name: str, error: Exception) -> Check:
    def look(context: Context) -> Answer:
        raise error

    return Check(name, "machine", look, (), (), environments_only=False)


def test_a_check_that_breaks_hides_no_other(world: World) -> None:
    last = Check("last", "machine", lambda context: ok("fine"), (), (), environments_only=False)
    needy = Check("needy", "machine", lambda context: ok("fine"), ("broken",), (), environments_only=False)
    found = world.findings(
        check("broken", ValueError("oh")),
        check("explained", ThothError("wrong", "mend it")),
        check("silent", EndpointConnectionError(endpoint_url="https://sts.example")),
        needy,
        last,
    )
    assert [(one.name, one.state) for one in found] == [
        ("broken", "fail"), ("explained", "fail"), ("silent", "fail"), ("needy", "skipped"), ("last", "ok"),
    ]  # fmt: skip
    assert "ValueError: oh" in found[0].what
    assert (found[1].what, found[1].mend) == ("wrong", "mend it")
    assert found[2].what.startswith("AWS did not answer")
