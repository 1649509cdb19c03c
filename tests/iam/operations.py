"""Every action of the services that the estate is made of, and which of them only read."""

from __future__ import annotations

import re
from collections.abc import Iterator

import botocore.session

# boto3's name of a service → the prefix of its IAM actions, where they differ.
_PREFIXES = {
    "application-autoscaling": "application-autoscaling",
    "efs": "elasticfilesystem",
    "elbv2": "elasticloadbalancing",
}
SERVICES = (
    "acm", "application-autoscaling", "autoscaling", "backup", "budgets", "chatbot", "cloudtrail", "cloudwatch",
    "codedeploy", "ec2", "ecr", "ecs", "efs", "elbv2", "events", "iam", "kms", "logs", "rds", "route53", "s3",
    "secretsmanager", "servicediscovery", "sns", "sqs", "ssm", "sts", "wafv2",
)  # fmt: skip
# Types of Terraform resources, by the start of their name, that are not called as boto3 calls the service.
TYPES = {
    "appautoscaling_": "application-autoscaling", "cloudwatch_event_": "events", "cloudwatch_log_": "logs",
    "cloudwatch_query_": "logs", "db_": "rds", "lb": "elbv2", "service_discovery_": "servicediscovery",
    "default_": "ec2", "eip": "ec2", "flow_": "ec2", "internet_": "ec2", "launch_": "ec2", "nat_": "ec2",
    "route_": "ec2", "security_": "ec2", "subnet": "ec2", "vpc": "ec2",
}  # fmt: skip

# S3's IAM actions are not named as its operations: those that change something.
_S3_WRITES = (
    "AbortMultipartUpload", "BypassGovernanceRetention", "CreateAccessPoint", "CreateBucket", "DeleteBucket",
    "DeleteBucketPolicy", "DeleteBucketWebsite", "DeleteObject", "DeleteObjectTagging", "DeleteObjectVersion",
    "PutAccelerateConfiguration", "PutBucketAcl", "PutBucketCORS", "PutBucketLogging", "PutBucketNotification",
    "PutBucketOwnershipControls", "PutBucketPolicy", "PutBucketPublicAccessBlock", "PutBucketTagging",
    "PutBucketVersioning", "PutBucketWebsite", "PutEncryptionConfiguration", "PutIntelligentTieringConfiguration",
    "PutInventoryConfiguration", "PutLifecycleConfiguration", "PutMetricsConfiguration", "PutObject", "PutObjectAcl",
    "PutObjectRetention", "PutObjectTagging", "PutObjectVersionAcl", "PutReplicationConfiguration", "ReplicateDelete",
    "ReplicateObject", "RestoreObject",
)  # fmt: skip
# Actions without an operation of boto3's own.
_OTHERS = (
    "iam:PassRole", "ecs:Poll", "ecs:StartTelemetrySession", "elasticfilesystem:ClientMount",
    "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess", "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
    "rds-db:connect", "kms:ReEncryptFrom", "kms:ReEncryptTo",
)  # fmt: skip
_READS = re.compile(r"(Batch)?(Get|List|Describe|Head|Lookup|Search|Filter|Simulate|Test|Check|Verify|Discover)[A-Z]?")


def service_of(kind: str) -> str:
    """Return boto3's name of the service that a type of Terraform resource belongs to."""
    name = kind.removeprefix("aws_")
    known = (service for start, service in TYPES.items() if name.startswith(start))
    return "ec2" if name == "route" else next(known, name.partition("_")[0])


def writes() -> Iterator[str]:
    """Yield every action of ``SERVICES`` whose name does not say that it only reads."""
    yield from (action for action in actions() if not _READS.match(action.partition(":")[2]))
    yield from (f"s3:{name}" for name in _S3_WRITES)
    yield from _OTHERS


def actions() -> Iterator[str]:
    """Yield the IAM action of every operation that boto3 knows of ``SERVICES``."""
    session = botocore.session.Session()
    for service in SERVICES:
        if service != "s3":
            prefix = _PREFIXES.get(service, service)
            yield from (f"{prefix}:{name}" for name in session.get_service_model(service).operation_names)
