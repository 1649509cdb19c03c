"""What is made by hand is found, what is deleted is not, and no kind of the estate's resources goes unwatched."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.by_hand import MAKERS, Made
from tests.emulator.conftest import REGION, AsAccount
from thoth_infra.emulator import Emulator
from thoth_infra.emulator.leftovers import Item, Kept, Leftovers, Surveyor, by_design, compare
from thoth_infra.emulator.listings import LISTINGS, PARTS, UNLISTED, Listing, Parent
from thoth_infra.errors import EngineError

ROOT = Path(__file__).resolve().parents[2]

_accounts = itertools.count(200_000_000_000 + os.getpid())


@pytest.fixture(scope="module")
def by_hand(emulator: Emulator) -> tuple[dict[str, Made], Leftovers]:
    """Every maker's things, made in one account, and what a comparison finds there."""
    account = str(next(_accounts))
    surveyor = Surveyor(emulator, [account, account], REGION)
    before = surveyor.survey()

    def client(service: str) -> Any:
        return emulator.client(service, account_id=account, region=REGION)

    made = {name: make(client) for name, make in MAKERS.items()}
    return made, compare(before, surveyor.survey())


def _pairs(made: Made) -> Iterator[tuple[str, str]]:
    return ((kind, found) for kind, ids in made.items() for found in ids)


@pytest.mark.parametrize("name", MAKERS)
def test_a_resource_made_by_hand_is_left_over(by_hand: tuple[dict[str, Made], Leftovers], name: str) -> None:
    made, left = by_hand
    assert set(_pairs(made[name])) <= {(item.kind, item.id) for item in left.forgotten}


def test_nothing_else_is(by_hand: tuple[dict[str, Made], Leftovers]) -> None:
    made, left = by_hand
    wanted = {pair for each in made.values() for pair in _pairs(each)}
    assert {(item.kind, item.id) for item in left.forgotten} == wanted
    assert len({item.account for item in left.forgotten}) == 1
    assert left.kept == ()


def test_what_was_deleted_is_not_left_over(emulator: Emulator, account: str, aws: AsAccount) -> None:
    surveyor = Surveyor(emulator, [account], REGION)
    kinds = {"ECS cluster", "KMS key", "NAT gateway", "instance", "secret", "VPC endpoint", "VPC peering"}
    listings = [listing for listing in LISTINGS if listing.kind in kinds]
    before = surveyor.survey(listings)

    ec2 = aws("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    nat = ec2.create_nat_gateway(SubnetId=subnet["SubnetId"], ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=subnet["VpcId"], ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Gateway"
    )
    image = ec2.describe_images()["Images"][0]["ImageId"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    aws("ecs").create_cluster(clusterName="c")
    key = aws("kms").create_key()["KeyMetadata"]["KeyId"]
    aws("secretsmanager").create_secret(Name="s", SecretString="x")
    made = compare(before, surveyor.survey(listings)).forgotten
    assert {item.kind for item in made} == kinds - {"VPC peering"}

    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpoint"]["VpcEndpointId"]])
    ec2.terminate_instances(InstanceIds=[instance])
    aws("ecs").delete_cluster(cluster="c")
    aws("kms").schedule_key_deletion(KeyId=key)
    aws("secretsmanager").delete_secret(SecretId="s", ForceDeleteWithoutRecovery=True)
    assert compare(before, surveyor.survey(listings)).forgotten == ()


def test_state_and_its_lock_stay_by_design_but_no_lock_that_is_held(
    emulator: Emulator, account: str, aws: AsAccount
) -> None:
    bucket, key = f"thoth-state-{account}", "dev/terraform.tfstate"
    emulator.prepare_backend(account_id=account, bucket=bucket, region=REGION)
    surveyor = Surveyor(emulator, [account], REGION)
    listings = [listing for listing in LISTINGS if listing.service == "s3"]
    before = surveyor.survey(listings)
    s3 = aws("s3")
    for content in (b"1", b"2"):
        s3.put_object(Bucket=bucket, Key=f"{key}.tflock", Body=b"lock")
        s3.put_object(Bucket=bucket, Key=key, Body=content)
        s3.delete_object(Bucket=bucket, Key=f"{key}.tflock")

    left = compare(before, surveyor.survey(listings), by_design(bucket, key))
    assert left.forgotten == ()
    assert [(kept.kind, kept.count) for kept in left.kept] == [
        ("S3 object", 1), ("S3 object version", 2), ("S3 object version", 2), ("S3 delete marker", 2),
    ]  # fmt: skip

    s3.put_object(Bucket=bucket, Key=f"{key}.tflock", Body=b"lock")
    s3.put_object(Bucket=bucket, Key="production/terraform.tfstate", Body=b"of another environment")
    left = compare(before, surveyor.survey(listings), by_design(bucket, key))
    assert {item.id.split("@")[0] for item in left.forgotten if item.kind == "S3 object"} == {
        f"{bucket}/{key}.tflock", f"{bucket}/production/terraform.tfstate",
    }  # fmt: skip


def test_what_stays_by_design_is_counted_with_its_reason() -> None:
    revision = Item("1", "task definition", "arn:aws:ecs:us-east-1:1:task-definition/api:1")
    left = compare({Item("1", "VPC", "vpc-0")}, {revision, Item("1", "VPC", "vpc-0")}, by_design("b", "k"))
    assert left == Leftovers((), (Kept("task definition", 1, "skip_destroy: a rollback starts an earlier revision"),))


def test_a_listing_that_the_emulator_has_not_got_is_named(emulator: Emulator, account: str) -> None:
    beneath = Listing("x", "sqs", "list_queues", "QueueUrls[]", parent=Parent("sqs", "list_queues", "x", "y"))
    surveyor = Surveyor(emulator, [account], REGION)
    with pytest.raises(EngineError, match=f"account {account}: ivs list_playback_restriction_policies"):
        surveyor.survey([beneath, Listing("y", "ivs", "list_playback_restriction_policies", "x")])


def test_every_resource_type_of_the_templates_is_listed_or_part_of_what_is() -> None:
    used = {
        name
        for template in (ROOT / "templates").rglob("*.j2")
        for name in re.findall(r'^\s*resource "(aws_\w+)"', template.read_text(), re.MULTILINE)
    }
    listed = {name for listing in LISTINGS for name in listing.types}
    assert used - listed - set(PARTS) - set(UNLISTED) == set()
    assert listed & set(PARTS) == set()
    assert set(PARTS.values()) <= {listing.kind for listing in LISTINGS}
