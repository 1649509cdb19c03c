"""RDS, EFS, AWS Backup and S3."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.conftest import AsAccount

TLS_ONLY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*",'
    '"Resource":"arn:aws:s3:::%s/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}'
)


@pytest.mark.patch("parameter_source")
def test_changed_database_parameters_have_the_user_as_source(aws: AsAccount) -> None:
    rds = aws("rds")
    rds.create_db_parameter_group(DBParameterGroupName="pg", DBParameterGroupFamily="postgres16", Description="x")
    forced = {"ParameterName": "rds.force_ssl", "ParameterValue": "1", "ApplyMethod": "immediate"}
    rds.modify_db_parameter_group(DBParameterGroupName="pg", Parameters=[forced])

    found = rds.describe_db_parameters(DBParameterGroupName="pg", Source="user")["Parameters"]

    assert [(one["ParameterName"], one["Source"], one["ApplyMethod"]) for one in found] == [
        ("rds.force_ssl", "user", "immediate")
    ]


@pytest.mark.patch("performance_insights")
def test_performance_insights_of_a_database_are_kept(aws: AsAccount) -> None:
    rds = aws("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="thoth",
        Engine="postgres",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        MasterUsername="thoth",
        MasterUserPassword="not-a-secret",
        EnablePerformanceInsights=True,
        PerformanceInsightsKMSKeyId="alias/rds",
    )

    def insights() -> tuple[Any, ...]:
        found = rds.describe_db_instances(DBInstanceIdentifier="thoth")["DBInstances"][0]
        return tuple(found.get(f"PerformanceInsights{key}") for key in ("Enabled", "RetentionPeriod", "KMSKeyId"))

    assert insights() == (True, 7, "alias/rds")
    rds.modify_db_instance(DBInstanceIdentifier="thoth", PerformanceInsightsRetentionPeriod=31)
    assert insights() == (True, 31, "alias/rds")
    rds.modify_db_instance(DBInstanceIdentifier="thoth", EnablePerformanceInsights=False)
    assert insights()[0] is False


@pytest.mark.patch("backup_policy")
def test_the_backup_policy_of_a_file_system_can_change(aws: AsAccount) -> None:
    efs = aws("efs")
    system = efs.create_file_system(CreationToken="x")["FileSystemId"]
    for status in ("ENABLED", "DISABLED"):
        efs.put_backup_policy(FileSystemId=system, BackupPolicy={"Status": status})
        assert efs.describe_backup_policy(FileSystemId=system)["BackupPolicy"]["Status"] == status


@pytest.mark.patch("file_system_policy_deletion")
def test_a_file_system_policy_can_be_deleted(aws: AsAccount) -> None:
    efs = aws("efs")
    system = efs.create_file_system(CreationToken="x")["FileSystemId"]
    efs.put_file_system_policy(FileSystemId=system, Policy="{}")

    efs.delete_file_system_policy(FileSystemId=system)

    with pytest.raises(efs.exceptions.PolicyNotFound):
        efs.describe_file_system_policy(FileSystemId=system)


@pytest.fixture
def backup(aws: AsAccount) -> Any:
    client = aws("backup")
    client.create_backup_vault(BackupVaultName="thoth", BackupVaultTags={"Purpose": "backup"})
    return client


def _rules(days: int) -> dict[str, Any]:
    return {
        "BackupPlanName": "daily",
        "Rules": [{"RuleName": "daily", "TargetBackupVaultName": "thoth", "Lifecycle": {"DeleteAfterDays": days}}],
    }


@pytest.mark.patch("selections")
def test_a_backup_selection_lives_and_dies(backup: Any) -> None:
    plan = backup.create_backup_plan(BackupPlan=_rules(7))["BackupPlanId"]
    chosen = {
        "SelectionName": "efs",
        "IamRoleArn": "arn:aws:iam::1:role/backup",
        "Resources": ["arn:aws:efs:x"],
    }
    selection = backup.create_backup_selection(BackupPlanId=plan, BackupSelection=chosen)["SelectionId"]

    found = backup.get_backup_selection(BackupPlanId=plan, SelectionId=selection)
    listed = backup.list_backup_selections(BackupPlanId=plan)["BackupSelectionsList"]
    backup.delete_backup_selection(BackupPlanId=plan, SelectionId=selection)

    assert found["BackupSelection"] == chosen
    assert [one["SelectionName"] for one in listed] == ["efs"]
    with pytest.raises(backup.exceptions.ResourceNotFoundException):
        backup.get_backup_selection(BackupPlanId=plan, SelectionId=selection)


@pytest.mark.patch("tags_without_trailing_slash")
def test_the_tags_of_a_vault_are_found_without_a_trailing_slash(backup: Any, aws: AsAccount) -> None:
    arn = backup.describe_backup_vault(BackupVaultName="thoth")["BackupVaultArn"]
    backup.meta.events.register("before-send.backup.ListTags", _without_trailing_slash)

    assert backup.list_tags(ResourceArn=arn)["Tags"] == {"Purpose": "backup"}


def _without_trailing_slash(request: Any, **_: Any) -> None:
    request.url = request.url.rstrip("/")  # as the Go SDK sends it


@pytest.mark.patch("plan_update")
def test_a_backup_plan_can_change(backup: Any) -> None:
    made = backup.create_backup_plan(BackupPlan=_rules(7))

    backup.update_backup_plan(BackupPlanId=made["BackupPlanId"], BackupPlan=_rules(35))

    found = backup.get_backup_plan(BackupPlanId=made["BackupPlanId"])
    rule = found["BackupPlan"]["Rules"][0]
    assert (rule["Lifecycle"]["DeleteAfterDays"], rule["StartWindowMinutes"]) == (35, 480)
    assert found["VersionId"] != made["VersionId"]


@pytest.mark.patch("conditions_of_bucket_policies")
def test_a_tls_only_policy_does_not_lock_the_objects(aws: AsAccount, account: str) -> None:
    s3, bucket = aws("s3"), f"tls-{account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=TLS_ONLY % bucket)

    s3.put_object(Bucket=bucket, Key="x", Body=b"y")

    assert s3.get_object(Bucket=bucket, Key="x")["Body"].read() == b"y"


def test_an_unconditional_deny_still_denies(aws: AsAccount, account: str) -> None:
    s3, bucket = aws("s3"), f"deny-{account}"
    s3.create_bucket(Bucket=bucket)
    put = f'{{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::{bucket}/*"}}'
    policy = (TLS_ONLY % bucket).replace('"Statement":[', f'"Statement":[{put},')
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)

    with pytest.raises(ClientError, match="Forbidden"):
        s3.put_object(Bucket=bucket, Key="x", Body=b"y")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.patch("bucket_configurations")
@pytest.mark.parametrize(
    ("kind", "configuration"),
    [
        ("metrics", {"Id": "all"}),
        (
            "intelligent_tiering",
            {"Id": "all", "Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]},
        ),
    ],
)
def test_deleting_a_buckets_configuration_keeps_the_bucket(
    aws: AsAccount, account: str, kind: str, configuration: dict[str, Any]
) -> None:
    s3, bucket = aws("s3"), f"{kind.replace('_', '-')}-{account}"
    s3.create_bucket(Bucket=bucket)
    what = "".join(word.title() for word in kind.split("_")) + "Configuration"
    call = {"Bucket": bucket, "Id": "all"}
    getattr(s3, f"put_bucket_{kind}_configuration")(**call, **{what: configuration})
    assert getattr(s3, f"get_bucket_{kind}_configuration")(**call)[what] == configuration

    getattr(s3, f"delete_bucket_{kind}_configuration")(**call)

    with pytest.raises(ClientError, match="NoSuchConfiguration"):
        getattr(s3, f"get_bucket_{kind}_configuration")(**call)
    assert [found["Name"] for found in s3.list_buckets()["Buckets"]] == [bucket]
