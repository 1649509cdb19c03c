"""What a destroy asks for on its way, and what must be gone after it."""

from __future__ import annotations

import pytest

from tests.emulator.conftest import AsAccount


@pytest.mark.patch("recovery_points")
def test_a_vault_has_no_recovery_points(aws: AsAccount) -> None:
    backup = aws("backup")
    backup.create_backup_vault(BackupVaultName="thoth-dev")

    assert backup.list_recovery_points_by_backup_vault(BackupVaultName="thoth-dev")["RecoveryPoints"] == []


@pytest.mark.patch("trail_deleted_by_arn")
def test_a_trail_is_deleted_by_its_arn(aws: AsAccount, account: str) -> None:
    bucket = f"trail-{account}"
    aws("s3").create_bucket(Bucket=bucket)
    trail = aws("cloudtrail").create_trail(Name="thoth-dev-data", S3BucketName=bucket)["TrailARN"]

    aws("cloudtrail").delete_trail(Name=trail)

    assert aws("cloudtrail").list_trails()["Trails"] == []


@pytest.mark.patch("nat_gateway_takes_its_interface_along")
def test_a_deleted_nat_gateway_leaves_no_interface(aws: AsAccount) -> None:
    ec2 = aws("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    assert len(ec2.describe_network_interfaces()["NetworkInterfaces"]) == 1

    ec2.delete_nat_gateway(NatGatewayId=gateway)

    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    assert ec2.release_address(AllocationId=address)["ResponseMetadata"]["HTTPStatusCode"] == 200
