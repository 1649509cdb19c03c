"""Requests that a service's role makes of the emulated AWS: those that its code needs, and all that it must not.

Both come from the contract. Another service, queue, bucket or secret there means more attempts here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.iam.administration import ADMINISTRATION
from tests.iam.estate import Estate, Names
from thoth_infra.contract.calls import JOBS_PREFIX, By, Call, OnBucket, OnObjects, OnQueue, calls
from thoth_infra.contract.queues import QUEUES
from thoth_infra.contract.services import SECRETS, SERVICES, Service
from thoth_infra.contract.storage import BUCKETS

JOB = f"{JOBS_PREFIX}0190c2a4-7c1e-7d3a-9f52-1f1f8e0c5a11/"
NOT_A_JOB = "accounting/2026.csv"
REFUSED = {"AccessDenied", "AccessDeniedException"}
# moto refuses with a code of its own, and only for these two compares the resource; see `Attempt.judged`.
BY_RESOURCE = {"sqs", "s3"}

_QUEUE_OPERATIONS: dict[str, dict[str, Any]] = {
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
    "PutBucketPolicy": ("s3:PutBucketPolicy", {"Policy": "{}"}),
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


@dataclass(frozen=True)
class Verdict:
    """How the emulator answered: an error's code and message, both empty when it did what was asked."""

    attempt: Attempt
    code: str
    message: str

    @property
    def refused(self) -> bool:
        return self.code in REFUSED and (not self.attempt.names_action or self.attempt.action in self.message)

    def __str__(self) -> str:
        return f"{self.attempt}: {self.code or 'done'} {self.message}".strip()


@dataclass(frozen=True)
class Verdicts:
    """By service; ``control`` is a role that may do everything, and makes every attempt that others must not."""

    allowed: Mapping[str, tuple[Verdict, ...]]
    forbidden: Mapping[str, tuple[Verdict, ...]]
    control: tuple[Verdict, ...]


def make(estate: Estate) -> Verdicts:
    """Let every role make its attempts under the emulator's enforcement, the destructive control last."""
    _seed(estate)
    people = {service.name: _signed_in(estate, f"{estate.env.prefix}-{service.name}-task") for service in SERVICES}
    control = _signed_in(estate, _everything(estate))
    _enforce(estate)
    allowed = {service.name: tuple(_work(estate, service, people[service.name])) for service in SERVICES}
    attempts = {service.name: tuple(forbidden(estate, service)) for service in SERVICES}
    refused = {name: tuple(map(people[name].attempt, attempts[name])) for name in attempts}
    every = {str(each): each for found in attempts.values() for each in found}
    return Verdicts(allowed, refused, tuple(map(control.attempt, every.values())))


def resource(estate: Estate, call: Call) -> str:
    """The ARN that a call of a service's code is about."""
    match call.on:
        case OnQueue(queue, dead_letter):
            return estate.names.arn("sqs", estate.names.queue(queue, dead_letter))
        case OnObjects(bucket):
            return f"arn:aws:s3:::{estate.names.bucket(bucket)}/{JOB}source.mp4"
        case OnBucket(bucket):
            return f"arn:aws:s3:::{estate.names.bucket(bucket)}"
    raise NotImplementedError(call)


def forbidden(estate: Estate, service: Service) -> Iterator[Attempt]:
    """Yield all attempts that the contract does not have the service make."""
    of_code = [call for call in calls(service, exec_enabled=True) if call.by is By.CODE]
    own = {(call.action, resource(estate, call)) for call in of_code}
    actions = {call.action for call in calls(service, exec_enabled=True)}
    for attempt in everything(estate, service):
        if (attempt.action, attempt.resource) in own:
            continue
        # Elsewhere the emulator takes every resource for "*", so that it says nothing about an action that the role has.
        if attempt.service in BY_RESOURCE or attempt.action not in actions:
            yield attempt


def everything(estate: Estate, service: Service) -> Iterator[Attempt]:
    """Yield every attempt that there is: on this environment, on the others, and on the account."""
    for env in (estate.env, *estate.others):
        names = Names(env)
        yield from _on_queues(estate, names)
        yield from _on_buckets([names.bucket(bucket) for bucket in BUCKETS])
        yield from _on_secrets(names)
        yield from _on_roles(names, service if env is estate.env else None)
    yield from _on_buckets([estate.env.state.bucket])
    shared = f"arn:aws:iam::{estate.shared_account}:role/{estate.env.identity.shared_role}"
    yield _assume(shared)
    for client, operation, parameters, action in ADMINISTRATION:
        yield Attempt(client, operation, parameters, action, "*")


def _on_queues(estate: Estate, names: Names) -> Iterator[Attempt]:
    for queue in QUEUES:
        for dead_letter in (False, True):
            name = names.queue(queue, dead_letter)
            url = {"QueueUrl": f"{estate.emulator.url}/{names.account}/{name}"}
            for operation, parameters in _QUEUE_OPERATIONS.items():
                yield Attempt("sqs", operation, {**url, **parameters}, f"sqs:{operation}", names.arn("sqs", name))


def _on_buckets(buckets: Iterable[str]) -> Iterator[Attempt]:
    for bucket in buckets:
        for key in (f"{JOB}source.mp4", NOT_A_JOB):
            for operation, (action, more) in _OBJECT_OPERATIONS.items():
                parameters = {"Bucket": bucket, "Key": key, **more}
                yield Attempt("s3", operation, parameters, action, f"arn:aws:s3:::{bucket}/{key}")
        for operation, (action, more) in _BUCKET_OPERATIONS.items():
            yield Attempt("s3", operation, {"Bucket": bucket, **more}, action, f"arn:aws:s3:::{bucket}")


def _on_secrets(names: Names) -> Iterator[Attempt]:
    for secret in (*(f"{names.env.prefix}/{secret.name}" for secret in SECRETS), names.database_secret):
        for operation, parameters in _SECRET_OPERATIONS.items():
            named = {"SecretId": secret, **parameters}
            yield Attempt("secretsmanager", operation, named, f"secretsmanager:{operation}", secret)


def _on_roles(names: Names, own: Service | None) -> Iterator[Attempt]:
    for service in SERVICES:
        for purpose in ("task", "execution"):
            if service is not own or purpose == "execution":
                yield _assume(names.role(f"{names.env.prefix}-{service.name}-{purpose}"))
    for role in (*names.env.identity.operator_roles, *(f"{names.env.prefix}-github-{g}" for g in ("plan", "deploy"))):
        yield _assume(names.role(role))


def _assume(arn: str) -> Attempt:
    return Attempt("sts", "AssumeRole", {"RoleArn": arn, "RoleSessionName": "x"}, "sts:AssumeRole", arn)


class _SignedIn:
    """boto3 with the credentials of one role."""

    def __init__(self, estate: Estate, credentials: Mapping[str, str]) -> None:
        self._estate, self._credentials = estate, credentials
        self._clients: dict[str, Any] = {}

    def attempt(self, attempt: Attempt) -> Verdict:
        try:
            self.call(attempt.service, attempt.operation, attempt.parameters)
        except ClientError as error:
            found = error.response["Error"]
            return Verdict(attempt, found.get("Code", ""), found.get("Message", ""))
        return Verdict(attempt, "", "")

    def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if service not in self._clients:
            self._clients[service] = _client(self._estate, service, self._credentials)
        client = self._clients[service]
        (method,) = (m for m, found in client.meta.method_to_api_mapping.items() if found == operation)
        found: dict[str, Any] = getattr(client, method)(**parameters)
        return found


_session = boto3.Session()


def _client(estate: Estate, service: str, credentials: Mapping[str, str]) -> Any:
    return _session.client(
        service,  # type: ignore[call-overload]  # its name is not known here
        region_name=estate.env.region,
        endpoint_url=estate.emulator.url,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        config=Config(proxies={}, retries={"total_max_attempts": 1}, parameter_validation=False),
    )


def _owner(estate: Estate, service: str) -> Any:
    return estate.emulator.client(service, account_id=estate.names.account, region=estate.env.region)


def _signed_in(estate: Estate, role: str) -> _SignedIn:
    assumed = _owner(estate, "sts").assume_role(RoleArn=estate.names.role(role), RoleSessionName="task")
    return _SignedIn(estate, assumed["Credentials"])


def _everything(estate: Estate) -> str:
    """Make a role that may do everything, and return its name."""
    iam, name = _owner(estate, "iam"), "control"
    trust = '{"Version": "2012-10-17", "Statement": []}'
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    return name


def _seed(estate: Estate) -> None:
    """Work for every worker, and the other environments' queues, so that they are refused although they exist."""
    sqs, s3 = _owner(estate, "sqs"), _owner(estate, "s3")
    for queue in QUEUES:
        sqs.send_message(QueueUrl=_url(estate, estate.names.queue(queue, False)), MessageBody="{}")
        for env in estate.others:
            for dead_letter in (False, True):
                sqs.create_queue(QueueName=Names(env).queue(queue, dead_letter))
    for bucket in BUCKETS:
        if bucket.name != "logs":
            s3.put_object(Bucket=estate.names.bucket(bucket), Key=f"{JOB}seed.mp4", Body=b"x")


def _url(estate: Estate, queue: str) -> str:
    return f"{estate.emulator.url}/{estate.names.account}/{queue}"


def _enforce(estate: Estate) -> None:
    """From now on every request needs a policy that allows it."""
    address, text = f"{estate.emulator.url}/moto-api/reset-auth", {"Content-Type": "text/plain"}
    urlopen(Request(address, b"0", text, method="POST"), timeout=20).close()  # noqa: S310 - loopback


def _work(estate: Estate, service: Service, who: _SignedIn) -> Iterator[Verdict]:
    """Make every call of the service's code, with what the calls before it answered."""
    known: dict[str, Any] = {}
    for call in calls(service):
        if call.by is By.CODE:
            parameters = _parameters(estate, call, known)
            attempt = Attempt(call.service, call.operation, parameters, call.action, resource(estate, call))
            try:
                answer = who.call(call.service, call.operation, parameters)
            except ClientError as error:
                yield Verdict(attempt, error.response["Error"]["Code"], error.response["Error"]["Message"])
                continue
            _remember(answer, known)
            yield Verdict(attempt, "", "")


def _remember(answer: Mapping[str, Any], known: dict[str, Any]) -> None:
    for message in answer.get("Messages", ()):
        known["ReceiptHandle"] = message["ReceiptHandle"]
    for name in ("UploadId", "VersionId", "ETag"):
        if name in answer:
            known[name] = answer[name]


def _parameters(estate: Estate, call: Call, known: Mapping[str, Any]) -> dict[str, Any]:
    match call.on:
        case OnQueue(queue, dead_letter):
            parameters = {"QueueUrl": _url(estate, estate.names.queue(queue, dead_letter))}
            usual = _QUEUE_OPERATIONS[call.operation]
            return {**parameters, **usual, **{name: known[name] for name in usual if name in known}}
        case OnBucket(bucket):
            return {"Bucket": estate.names.bucket(bucket), "Prefix": JOB}
        case OnObjects(bucket):
            return {"Bucket": estate.names.bucket(bucket), **_object_parameters(call, known)}
    raise NotImplementedError(call)


def _object_parameters(call: Call, known: Mapping[str, Any]) -> dict[str, Any]:
    match call.operation:
        case "GetObject" | "HeadObject":
            return {"Key": f"{JOB}seed.mp4"}
        case "PutObject":
            return {"Key": f"{JOB}source.mp4", "Body": b"x"}
        case "DeleteObject" if call.action == "s3:DeleteObjectVersion":
            return {"Key": f"{JOB}source.mp4", "VersionId": known["VersionId"]}
        case "DeleteObject":
            return {"Key": f"{JOB}source.mp4"}
    upload = {"Key": f"{JOB}large.mp4"} | ({"UploadId": known["UploadId"]} if "UploadId" in known else {})
    match call.operation:
        case "CreateMultipartUpload":
            return {"Key": f"{JOB}large.mp4"}
        case "UploadPart":
            return {**upload, "PartNumber": 1, "Body": b"x"}
        case "CompleteMultipartUpload":
            return {**upload, "MultipartUpload": {"Parts": [{"ETag": known["ETag"], "PartNumber": 1}]}}
    return upload
