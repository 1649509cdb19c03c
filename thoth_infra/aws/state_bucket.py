"""The state bucket, part by part: what it must be like, and what would make it so."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from thoth_infra.errors import ThothError

ISSUER: Final = "token.actions.githubusercontent.com"
AUDIENCE: Final = "sts.amazonaws.com"
#: Older states stay for a year, and a hundred of them for ever: enough to go back to.
NONCURRENT_DAYS: Final = 365
NEWER_VERSIONS: Final = 100
UPLOAD_DAYS: Final = 7

_CLOSED: Final = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_RULE: Final = "thoth-state-history"
_SID: Final = "TlsOnly"
_WITHOUT_TLS: Final = ("aws:securetransport", "false")


@dataclass(frozen=True)
class Wanted:
    """What an account must have. ``oidc``: whether GitHub's workflows sign in to it."""

    environment: str
    account_id: str
    region: str
    bucket: str
    tags: Mapping[str, str]
    oidc: bool
    partition: str = "aws"

    @property
    def bucket_arn(self) -> str:
        """The state bucket's ARN."""
        return f"arn:{self.partition}:s3:::{self.bucket}"

    @property
    def provider_arn(self) -> str:
        """The OIDC provider's ARN, as the rendered trust policies name it."""
        return f"arn:{self.partition}:iam::{self.account_id}:oidc-provider/{ISSUER}"


@dataclass(frozen=True)
class Step:
    """One part: ``exists`` as wanted (or stricter), or what would be done."""

    name: str
    state: Literal["exists", "make", "change"]
    what: str


@dataclass(frozen=True)
class Work:
    """A step, and what does it."""

    step: Step
    do: Callable[[], object] | None = None


class Bucket:
    """The state bucket. Every call names its owner, so that S3 refuses it where the bucket is somebody else's."""

    def __init__(self, s3: Any, wanted: Wanted) -> None:
        self._s3, self._wanted = s3, wanted
        self._own = {"Bucket": wanted.bucket, "ExpectedBucketOwner": wanted.account_id}

    def is_there(self) -> bool:
        """Whether the account has it. Raises ThothError where it is somebody else's, or elsewhere."""
        from botocore.exceptions import ClientError

        try:
            found = self._s3.head_bucket(**self._own)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == 404:
                return False
            if status == 301:
                raise self._elsewhere(error.response["ResponseMetadata"]["HTTPHeaders"]) from error
            if status == 403:
                raise self._foreign() from error
            raise
        if (region := found.get("BucketRegion")) and region != self._wanted.region:
            raise self._elsewhere({"x-amz-bucket-region": region})
        return True

    def _foreign(self) -> ThothError:
        return ThothError(
            f"the bucket {self._wanted.bucket} is not account {self._wanted.account_id}'s,"
            " or its policy shuts this role out",
            "names of buckets are global: choose another one as state.bucket in the environments' files, and render",
        )

    def _elsewhere(self, headers: Mapping[str, str]) -> ThothError:
        return ThothError(
            f"the bucket {self._wanted.bucket} is in {headers.get('x-amz-bucket-region', 'another region')},"
            f" not in {self._wanted.region}",
            "choose another name as state.bucket, or give the region that it is in",
        )

    def create(self) -> None:
        """Make it."""
        from botocore.exceptions import ClientError

        region = self._wanted.region
        # S3 refuses the constraint in its first region and wants it in all others.
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            self._s3.create_bucket(Bucket=self._wanted.bucket, ObjectOwnership="BucketOwnerEnforced", **place)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "BucketAlreadyExists":
                raise self._foreign() from error
            if code != "BucketAlreadyOwnedByYou":  # made by somebody else of this account just now
                raise

    def versioning(self) -> Work:
        said = "every state is kept as a version"
        found = self._look("get_bucket_versioning") or {}
        if found.get("Status") == "Enabled":
            return exists("versioning", said)
        return self._differs(
            "versioning",
            found.get("Status"),
            said,
            lambda: self._s3.put_bucket_versioning(**self._own, VersioningConfiguration={"Status": "Enabled"}),
        )

    def encryption(self) -> Work:
        # The backend asks for AES256 itself (`encrypt = true`); a bucket with a KMS key stays as it is.
        found = self._look("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError")
        for rule in (found or {}).get("ServerSideEncryptionConfiguration", {}).get("Rules", ()):
            if algorithm := rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm"):
                return exists("encryption", f"at rest by {algorithm}")
        rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
        return self._differs(
            "encryption",
            None,
            "at rest by AES256",
            lambda: self._s3.put_bucket_encryption(**self._own, ServerSideEncryptionConfiguration=rules),
        )

    def public_access(self) -> Work:
        found = (self._look("get_public_access_block", "NoSuchPublicAccessBlockConfiguration") or {}).get(
            "PublicAccessBlockConfiguration", {}
        )
        if all(found.get(name) for name in _CLOSED):
            return exists("public-access", "blocked")
        return self._differs(
            "public-access",
            "open in part" if any(found.values()) else None,
            "blocked",
            lambda: self._s3.put_public_access_block(
                **self._own, PublicAccessBlockConfiguration=dict.fromkeys(_CLOSED, True)
            ),
        )

    def ownership(self) -> Work:
        said = "all objects are the bucket owner's, ACLs are off"
        found = self._look("get_bucket_ownership_controls", "OwnershipControlsNotFoundError") or {}
        rules = found.get("OwnershipControls", {}).get("Rules", ())
        current = rules[0].get("ObjectOwnership") if rules else None
        if current == "BucketOwnerEnforced":
            return exists("ownership", said)
        controls = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        return self._differs(
            "ownership",
            current,
            said,
            lambda: self._s3.put_bucket_ownership_controls(**self._own, OwnershipControls=controls),
        )

    def transport(self) -> Work:
        said = "its policy refuses whoever comes without TLS"
        found = self._look("get_bucket_policy", "NoSuchBucketPolicy")
        document: dict[str, Any] = json.loads(found["Policy"]) if found else {"Version": "2012-10-17", "Statement": []}
        given = document["Statement"]
        statements: list[dict[str, Any]] = given if isinstance(given, list) else [given]
        if any(_demands_tls(statement, self._wanted.bucket_arn) for statement in statements):
            return exists("tls-only", said)
        ours = {
            "Sid": _SID,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [self._wanted.bucket_arn, f"{self._wanted.bucket_arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        others = [one for one in statements if one.get("Sid") != _SID]
        text = json.dumps({**document, "Statement": [*others, ours]})
        return self._differs(
            "tls-only",
            f"{len(others)} other statements, which stay" if others else None,
            said,
            lambda: self._s3.put_bucket_policy(**self._own, Policy=text),
        )

    def history(self) -> Work:
        said = f"versions older than {NONCURRENT_DAYS} days go, but for the last {NEWER_VERSIONS}"
        found = self._look("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration") or {}
        rules = [rule for rule in found.get("Rules", ()) if rule.get("ID") != _RULE]
        if any(rule.get("ID") == _RULE and rule["Status"] == "Enabled" for rule in found.get("Rules", ())):
            return exists("history", said)
        if any("NoncurrentVersionExpiration" in rule and rule["Status"] == "Enabled" for rule in rules):
            return exists("history", "old versions go by a rule of the bucket's own, which stays")
        ours = {
            "ID": _RULE,
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {
                "NoncurrentDays": NONCURRENT_DAYS,
                "NewerNoncurrentVersions": NEWER_VERSIONS,
            },
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UPLOAD_DAYS},
        }
        return self._differs(
            "history",
            f"{len(rules)} other rules, which stay" if rules else None,
            said,
            lambda: self._s3.put_bucket_lifecycle_configuration(
                **self._own, LifecycleConfiguration={"Rules": [*rules, ours]}
            ),
        )

    def tags(self) -> Work:
        found = {
            tag["Key"]: tag["Value"]
            for tag in (self._look("get_bucket_tagging", "NoSuchTagSet") or {}).get("TagSet", ())
        }
        missing = {key: value for key, value in self._wanted.tags.items() if key not in found}
        if not missing:
            return exists("tags", ", ".join(sorted(self._wanted.tags)))
        # A key that is there keeps its value: environments share the bucket, and may tag differently.
        together = [{"Key": key, "Value": value} for key, value in {**found, **missing}.items()]
        return self._differs(
            "tags",
            ", ".join(sorted(found)) or None,
            f"with {', '.join(sorted(missing))}",
            lambda: self._s3.put_bucket_tagging(**self._own, Tagging={"TagSet": together}),
        )

    def _look(self, operation: str, *absent: str) -> dict[str, Any] | None:
        """Ask for a configuration; None where the bucket has none of that kind, or is not there yet."""
        from botocore.exceptions import ClientError

        try:
            return dict(getattr(self._s3, operation)(**self._own))
        except ClientError as error:
            if error.response["Error"]["Code"] in (*absent, "NoSuchBucket"):
                return None
            raise

    def _differs(self, name: str, current: str | None, wanted: str, do: Callable[[], object]) -> Work:
        if current is None:
            return Work(Step(name, "make", wanted), do)
        return Work(Step(name, "change", f"{wanted} (now: {current})"), do)


def exists(name: str, what: str) -> Work:
    """Return a part that is as wanted."""
    return Work(Step(name, "exists", what))


def _demands_tls(statement: Mapping[str, Any], arn: str) -> bool:
    """Whether a statement refuses everybody everything in the bucket without TLS."""
    resources = statement.get("Resource", ())
    principal = statement.get("Principal")
    condition = statement.get("Condition", {})
    return (
        statement.get("Effect") == "Deny"
        and principal in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and statement.get("Action") in ("s3:*", ["s3:*"], "*", ["*"])
        and {arn, f"{arn}/*"} <= ({resources} if isinstance(resources, str) else set(resources))
        and list(condition) == ["Bool"]
        and [(key.lower(), str(value).lower()) for key, value in condition["Bool"].items()] == [_WITHOUT_TLS]
    )
