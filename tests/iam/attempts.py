"""Requests that a service's role makes of the emulated AWS: those that its code needs, and all that it must not.

Both come from the contract. Another service, queue, bucket or secret there means more attempts here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from tests.iam.administration import ADMINISTRATION
from tests.iam.estate import Estate, Names
from thoth_infra.contract.calls import JOBS_PREFIX, By, Call, OnBucket, OnObjects, OnQueue, OnSecret, calls
from thoth_infra.contract.queues import QUEUES
from thoth_infra.contract.services import SECRETS, SERVICES, Service
from thoth_infra.contract.storage import BUCKETS

# A job's folder, and the same key in every bucket.
JOB = f"{JOBS_PREFIX}0190c2a4-7c1e-7d3a-9f52-1f1f8e0c5a11/"
NOT_A_JOB = "accounting/2026.csv"
# For these alone the emulator compares the resource; elsewhere it takes each for "*".
BY_RESOURCE = {"sqs", "s3", "secretsmanager"}

QUEUE_OPERATIONS: dict[str, dict[str, Any]] = {
    "SendMessage": {"MessageBody": "{}"},
    "ReceiveMessage": {"WaitTimeSeconds": 0},
    "ChangeMessageVisibility": {"ReceiptHandle": "x", "VisibilityTimeout": 30},
    "DeleteMessage": {"ReceiptHandle": "x"},
    "GetQueueAttributes": {"AttributeNames": ["All"]},
    "SetQueueAttributes": {"Attributes": {"VisibilityTimeout": "30"}},
    "PurgeQueue": {},
    "DeleteQueue": {},
}
_OBJECT_OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "GetObject": ("s3:GetObject", {}),
    "PutObject": ("s3:PutObject", {"Body": b"x"}),
    "DeleteObject": ("s3:DeleteObject", {}),
    "PutObjectAcl": ("s3:PutObjectAcl", {"ACL": "public-read"}),
    "RestoreObject": ("s3:RestoreObject", {"RestoreRequest": {"Days": 1}}),
}
_BUCKET_OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "ListObjectsV2": ("s3:ListBucket", {}),
    "ListObjectVersions": ("s3:ListBucketVersions", {}),
    "GetBucketPolicy": ("s3:GetBucketPolicy", {}),
    "PutBucketPolicy": ("s3:PutBucketPolicy", {"Policy": '{"Version": "2012-10-17", "Statement": []}'}),
    "PutBucketAcl": ("s3:PutBucketAcl", {"ACL": "public-read"}),
    "DeleteBucket": ("s3:DeleteBucket", {}),
}
_SECRET_OPERATIONS: dict[str, dict[str, Any]] = {
    "GetSecretValue": {},
    "DescribeSecret": {},
    "PutSecretValue": {"SecretString": "x"},
    "DeleteSecret": {},
}


@dataclass(frozen=True)
class Attempt:
    """One request of boto3, the IAM action that it needs, and the ARN that it is about."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"

    @property
    def names_action(self) -> bool:
        """Whether the emulator's refusal names the action, as S3's does not."""
        return self.service != "s3"


def resource(estate: Estate, call: Call) -> str:
    """The ARN that a call of a service's code is about."""
    match call.on:
        case OnQueue(queue, dead_letter):
            return estate.names.arn("sqs", estate.names.queue(queue, dead_letter))
        case OnObjects(bucket):
            return f"arn:aws:s3:::{estate.names.bucket(bucket)}/{JOB}source.mp4"
        case OnBucket(bucket):
            return f"arn:aws:s3:::{estate.names.bucket(bucket)}"
        case OnSecret(name):
            return estate.secret(name)
    raise NotImplementedError(call)


def forbidden(estate: Estate, service: Service) -> Iterator[Attempt]:
    """Yield all attempts that the contract does not have the service make."""
    of_code = [call for call in calls(service, exec_enabled=True) if call.by is By.CODE]
    own = {(call.action, resource(estate, call)) for call in of_code}
    actions = {call.action for call in calls(service, exec_enabled=True)}
    for attempt in everything(estate, service):
        if (attempt.action, attempt.resource) in own:
            continue
        # Elsewhere it says nothing about an action that the role has for something else.
        if attempt.service in BY_RESOURCE or attempt.action not in actions:
            yield attempt


def everything(estate: Estate, service: Service) -> Iterator[Attempt]:
    """Yield every attempt that there is: on this environment, on the others' data and roles, and on the account."""
    names = estate.names
    yield from _on_queues(estate, names, QUEUE_OPERATIONS)
    yield from _on_buckets(map(names.bucket, BUCKETS), (f"{JOB}source.mp4", NOT_A_JOB), _OBJECT_OPERATIONS)
    yield from _of_buckets(map(names.bucket, BUCKETS))
    yield from _on_secrets(names, _SECRET_OPERATIONS)
    yield from _on_roles(names, service)
    for env in estate.others:
        names = Names(env)
        yield from _on_queues(estate, names, ("SendMessage", "ReceiveMessage"))
        yield from _on_buckets(map(names.bucket, BUCKETS), (f"{JOB}source.mp4",), ("GetObject", "PutObject"))
        yield from _on_secrets(names, ("GetSecretValue",))
        yield _assume(names.role(f"{env.prefix}-github-deploy"))
    yield from _on_buckets(
        [estate.env.state.bucket], [estate.env.state.key], ("GetObject", "PutObject", "DeleteObject")
    )
    yield _assume(f"arn:aws:iam::{estate.shared_account}:role/{estate.env.identity.shared_role}")
    for client, operation, parameters, action in ADMINISTRATION:
        yield Attempt(client, operation, parameters, action, "*")


def _on_queues(estate: Estate, names: Names, operations: Iterable[str]) -> Iterator[Attempt]:
    for queue in QUEUES:
        for dead_letter in (False, True):
            name = names.queue(queue, dead_letter)
            for operation in operations:
                parameters = {"QueueUrl": queue_url(estate, name), **QUEUE_OPERATIONS[operation]}
                yield Attempt("sqs", operation, parameters, f"sqs:{operation}", names.arn("sqs", name))


def _on_buckets(buckets: Iterable[str], keys: Iterable[str], operations: Iterable[str]) -> Iterator[Attempt]:
    for bucket, key, operation in product(buckets, keys, operations):
        action, more = _OBJECT_OPERATIONS[operation]
        yield Attempt("s3", operation, {"Bucket": bucket, "Key": key, **more}, action, f"arn:aws:s3:::{bucket}/{key}")


def _of_buckets(buckets: Iterable[str]) -> Iterator[Attempt]:
    for bucket, (operation, (action, more)) in product(buckets, _BUCKET_OPERATIONS.items()):
        yield Attempt("s3", operation, {"Bucket": bucket, **more}, action, f"arn:aws:s3:::{bucket}")


def _on_secrets(names: Names, operations: Iterable[str]) -> Iterator[Attempt]:
    for secret in (*(f"{names.env.prefix}/{secret.name}" for secret in SECRETS), names.database_secret):
        for operation in operations:
            parameters = {"SecretId": secret, **_SECRET_OPERATIONS[operation]}
            yield Attempt("secretsmanager", operation, parameters, f"secretsmanager:{operation}", secret)


def _on_roles(names: Names, own: Service) -> Iterator[Attempt]:
    roles = [
        f"{names.env.prefix}-{service.name}-{purpose}" for service in SERVICES for purpose in ("task", "execution")
    ]
    roles.remove(f"{names.env.prefix}-{own.name}-task")
    for role in (
        *roles,
        *names.env.identity.operator_roles,
        *(f"{names.env.prefix}-github-{g}" for g in ("plan", "watch", "apply", "deploy")),
    ):
        yield _assume(names.role(role))


def _assume(arn: str) -> Attempt:
    return Attempt("sts", "AssumeRole", {"RoleArn": arn, "RoleSessionName": "x"}, "sts:AssumeRole", arn)


def queue_url(estate: Estate, queue: str) -> str:
    return f"{estate.emulator.url}/{estate.names.account}/{queue}"
