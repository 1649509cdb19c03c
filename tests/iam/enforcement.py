"""Attempts under the emulator's enforcement: signing in as a role, asking, and what was answered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.iam.attempts import JOB, QUEUE_OPERATIONS, Attempt, forbidden, queue_url, resource
from tests.iam.estate import Estate, Names
from thoth_infra.contract.calls import By, Call, OnBucket, OnObjects, OnQueue, OnSecret, calls
from thoth_infra.contract.queues import QUEUES
from thoth_infra.contract.services import SERVICES, Service
from thoth_infra.contract.storage import BUCKETS

REFUSED = {"AccessDenied", "AccessDeniedException"}


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
    """By service; ``control`` is a role that may do everything, and makes every attempt that others must not.

    But for assuming roles, which those roles' own trust policies refuse to it as well.
    """

    allowed: Mapping[str, tuple[Verdict, ...]]
    forbidden: Mapping[str, tuple[Verdict, ...]]
    control: tuple[Verdict, ...]


def make(estate: Estate) -> Verdicts:
    """Let every role make its attempts under the emulator's enforcement, the destructive control last."""
    _seed(estate)
    people = {service.name: signed_in(estate, f"{estate.env.prefix}-{service.name}-task") for service in SERVICES}
    control = signed_in(estate, everything(estate))
    enforce(estate)
    allowed = {service.name: tuple(_work(estate, service, people[service.name])) for service in SERVICES}
    attempts = {service.name: tuple(forbidden(estate, service)) for service in SERVICES}
    refused = {name: tuple(map(people[name].attempt, attempts[name])) for name in attempts}
    every = {str(each): each for found in attempts.values() for each in found if each.action != "sts:AssumeRole"}
    return Verdicts(allowed, refused, tuple(map(control.attempt, every.values())))


class SignedIn:
    """boto3 with the credentials of one role."""

    def __init__(self, estate: Estate, credentials: Mapping[str, str]) -> None:
        self._estate, self.credentials = estate, credentials
        self._clients: dict[str, Any] = {}

    def attempt(self, attempt: Attempt) -> Verdict:
        try:
            self.call(attempt.service, attempt.operation, attempt.parameters)
        except ClientError as error:
            return _verdict(attempt, error)
        return Verdict(attempt, "", "")

    def client(self, service: str) -> Any:
        """A boto3 client with these credentials."""
        if service not in self._clients:
            self._clients[service] = _client(self._estate, service, self.credentials)
        return self._clients[service]

    def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        client = self.client(service)
        (method,) = (m for m, found in client.meta.method_to_api_mapping.items() if found == operation)
        found: dict[str, Any] = getattr(client, method)(**parameters)
        return found


def _verdict(attempt: Attempt, error: ClientError) -> Verdict:
    """moto refuses in XML whatever the service speaks, so that boto3 finds no code in it."""
    found = error.response["Error"]
    code, message = found.get("Code", ""), found.get("Message", "")
    inner = re.search(r"<Code>(\w+)</Code>", message)
    return Verdict(attempt, inner[1] if inner else code, message)


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


def signed_in(estate: Estate, role: str) -> SignedIn:
    assumed = _owner(estate, "sts").assume_role(RoleArn=estate.names.role(role), RoleSessionName="task")
    return SignedIn(estate, assumed["Credentials"])


def everything(estate: Estate) -> str:
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
        sqs.send_message(QueueUrl=queue_url(estate, estate.names.queue(queue, False)), MessageBody="{}")
        for env in estate.others:
            for dead_letter in (False, True):
                sqs.create_queue(QueueName=Names(env).queue(queue, dead_letter))
    for bucket in BUCKETS:
        if bucket.name != "logs":
            s3.put_object(Bucket=estate.names.bucket(bucket), Key=f"{JOB}seed.mp4", Body=b"x")
    # RDS would make it; the emulator finds it by all that stands before the six characters that it adds itself.
    name = estate.names.database_secret.rpartition(":")[2]
    _owner(estate, "secretsmanager").create_secret(Name=name, SecretString='{"password": "x"}')


def enforce(estate: Estate) -> None:
    """From now on every request needs a policy that allows it."""
    address, text = f"{estate.emulator.url}/moto-api/reset-auth", {"Content-Type": "text/plain"}
    urlopen(Request(address, b"0", text, method="POST"), timeout=20).close()  # noqa: S310 - loopback


def _work(estate: Estate, service: Service, who: SignedIn) -> Iterator[Verdict]:
    """Make every call of the service's code, with what the calls before it answered."""
    known: dict[str, Any] = {}
    for call in calls(service):
        if call.by is By.CODE:
            if call.operation == "AbortMultipartUpload":  # the upload before has been completed
                _remember(who.call("s3", "CreateMultipartUpload", _parameters(estate, call, {})), known)
            parameters = _parameters(estate, call, known)
            attempt = Attempt(call.service, call.operation, parameters, call.action, resource(estate, call))
            try:
                answer = who.call(call.service, call.operation, parameters)
            except ClientError as error:
                yield _verdict(attempt, error)
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
            parameters = {"QueueUrl": queue_url(estate, estate.names.queue(queue, dead_letter))}
            usual = QUEUE_OPERATIONS[call.operation]
            return {**parameters, **usual, **{name: known[name] for name in usual if name in known}}
        case OnBucket(bucket):
            return {"Bucket": estate.names.bucket(bucket), "Prefix": JOB}
        case OnSecret():
            return {"SecretId": resource(estate, call)}
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
