"""The orchestrator's queues and buckets in an emulated AWS, and what its process is given to find them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from thoth_infra.contract.queues import QUEUES, Stage
from thoth_infra.emulator import Emulator

ACCOUNT, REGION = "123456789012", "us-east-1"
SECRETS = {
    "APP_KEY": "an-app-key-that-nobody-may-ever-read",
    "WEBHOOK_KEY": "a-webhook-key-that-nobody-may-ever-read",
    "DATABASE_PASSWORD": "a-password-that-nobody-may-ever-read",
}
VISIBILITY_SECONDS = 5


@dataclass
class Account:
    """Queues and buckets of one test."""

    emulator: Emulator

    def __post_init__(self) -> None:
        """Make them."""
        self.sqs: Any = self.emulator.client("sqs", account_id=ACCOUNT, region=REGION)
        self.s3: Any = self.emulator.client("s3", account_id=ACCOUNT, region=REGION)
        self.urls = {
            queue.name: self.sqs.create_queue(
                QueueName=queue.name, Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)}
            )["QueueUrl"]
            for queue in QUEUES
        }
        for bucket in ("media", "archive"):
            self.s3.create_bucket(Bucket=bucket)
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def credentials(self) -> dict[str, str]:
        """Return the variables by which boto3 finds the emulator."""
        found = self.emulator.variables(account_id=ACCOUNT, region=REGION)
        return {name: value for name, value in found.items() if value}

    def variables(self, database: URL, jobs_dir: Path) -> dict[str, str]:
        """Return what the contract gives the orchestrator."""
        return {
            "THOTH_ENVIRONMENT": "test",
            "LOG_LEVEL": "INFO",
            "AWS_DEFAULT_REGION": REGION,
            "METRIC_NAMESPACE": "Thoth",
            "SERVICE_NAME": "orchestrator",
            "JOBS_DIR": str(jobs_dir),
            "RESULTS_QUEUE_URL": self.urls["results"],
            **{f"{stage.name}_QUEUE_URL": self.urls[stage.value] for stage in Stage},
            "TRANSCRIPT_RETENTION_DAYS": "90",
            "JOB_FILES_RETENTION_DAYS": "7",
            "AUDIT_RETENTION_DAYS": "180",
            "MEDIA_BUCKET": "media",
            "ARCHIVE_BUCKET": "archive",
            "DATABASE_HOST": str(database.host),
            "DATABASE_PORT": str(database.port),
            "DATABASE_NAME": str(database.database),
            "DATABASE_USER": str(database.username),
            "DATABASE_SECRET_ARN": f"arn:aws:secretsmanager:{REGION}:111122223333:secret:rds!db-AbCdEf",
            **SECRETS,
        }

    def keys(self, bucket: str) -> set[str]:
        """Return the keys of a bucket's objects."""
        return {entry["Key"] for entry in self.s3.list_objects_v2(Bucket=bucket).get("Contents", ())}
