"""How Terraform and boto3 reach a running emulator, as which account and role."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.request import Request

from thoth_infra.emulator.wire import Wire, direct
from thoth_infra.errors import EngineError

if TYPE_CHECKING:
    from botocore.config import Config

SESSION_NAME = "thoth"
_SESSION_LOCK = Lock()
_SECRET = "emulator"  # noqa: S105 - the emulator checks no signatures
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
)
_IAM, _STS = "2010-05-08", "2011-06-15"  # the versions of their APIs
_LOCATION = "<CreateBucketConfiguration><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>"
_VERSIONED = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


class Credentials(NamedTuple):
    """An access key, its secret and, for an assumed role, its session token (else empty)."""

    key: str
    secret: str
    token: str


@dataclass(frozen=True)
class Emulator:
    """A running emulator: ``url`` is ``http://127.0.0.1:PORT``, ``pid`` its process."""

    url: str
    pid: int

    def variables(self, *, account_id: str, region: str, role: str | None = None) -> dict[str, str]:
        """The environment that sends Terraform here and lets nothing of the user's own AWS settings in.

        A variable with an empty value is meant to be unset: Terraform takes it so, boto3 doesn't (use :meth:`client`).
        With ``role``, it is made in the account if missing and assumed, so that GetCallerIdentity answers
        ``arn:aws:sts::ACCOUNT:assumed-role/ROLE/thoth``.
        """
        key, secret, token = self._credentials(account_id, region, role)
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": token,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_PROFILE": "",
            "AWS_DEFAULT_PROFILE": "",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
            "AWS_EC2_METADATA_DISABLED": "true",
            "CHECKPOINT_DISABLE": "1",
            "NO_PROXY": _without_proxy(os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""),
        }

    def client(
        self,
        service: str,
        *,
        account_id: str,
        region: str,
        role: str | None = None,
        config: Config | None = None,
    ) -> Any:
        """A boto3 client on this emulator.

        It is blind to the user's profiles, configuration files, endpoints and proxies.
        """
        from botocore.config import Config

        found = self._credentials(account_id, region, role)
        with _SESSION_LOCK:  # a session's client() is not made for threads
            return _session().client(
                service,
                region_name=region,
                endpoint_url=self.url,
                aws_access_key_id=found.key,
                aws_secret_access_key=found.secret,
                aws_session_token=found.token or None,
                config=Config(proxies={}).merge(config or Config()),
            )

    def prepare_backend(self, *, account_id: str, bucket: str, region: str, kms_alias: str | None = None) -> None:
        """Make what must exist before ``terraform init``: the versioned state bucket and, if named, its KMS key.

        Does nothing where they exist. ``kms_alias`` is an alias's name, with or without its ``alias/``.
        """
        wire = Wire(self.url, account_id, region)
        if wire.s3("HEAD", f"/{bucket}") is None:
            # S3 refuses the constraint in its first region and wants it in all others
            wire.s3("PUT", f"/{bucket}", "" if region == "us-east-1" else _LOCATION.format(region))
            wire.s3("PUT", f"/{bucket}?versioning", _VERSIONED)
        name = "alias/" + (kms_alias or "").removeprefix("alias/")
        if kms_alias and wire.kms("DescribeKey", KeyId=name) is None:
            key = wire.kms("CreateKey", Description="Terraform state")
            wire.kms("CreateAlias", AliasName=name, TargetKeyId=key["KeyMetadata"]["KeyId"] if key else "")

    def reset(self) -> None:
        """Empty every account: no resource, no bucket, no Terraform state is left."""
        direct.open(Request(f"{self.url}/moto-api/reset", method="POST"), timeout=60).close()  # noqa: S310 - loopback

    def _credentials(self, account_id: str, region: str, role: str | None) -> Credentials:
        owner = Credentials(account_id, _SECRET, "")  # the emulator takes a 12-digit access key for the account itself
        if role is None:
            return owner
        wire = Wire(self.url, account_id, region)
        known = wire.query("iam", _IAM, "GetRole", RoleName=role)
        made = known or wire.query("iam", _IAM, "CreateRole", RoleName=role, AssumeRolePolicyDocument=_TRUST)
        arn = (made or {}).get("Arn", "")
        assumed = wire.query("sts", _STS, "AssumeRole", RoleArn=arn, RoleSessionName=SESSION_NAME)
        if not assumed:
            raise EngineError(f"the emulator could not assume the role {role}", "reset it and try again")
        return Credentials(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])


def caller(variables: Mapping[str, str]) -> tuple[str, str]:
    """The account and the ARN behind an emulator's :meth:`Emulator.variables`, as STS answers, without botocore."""
    wire = Wire(variables["AWS_ENDPOINT_URL"], variables["AWS_ACCESS_KEY_ID"], variables["AWS_REGION"])
    answer = wire.query("sts", _STS, "GetCallerIdentity") or {}
    return answer.get("Account", ""), answer.get("Arn", "")


@cache
def _session() -> Any:
    """One session for all clients: each new one would read botocore's data files again, 0.1 s for every client."""
    import boto3
    from botocore.session import Session

    no_file = (None, None, os.devnull, None)  # neither a setting nor a variable: only this default
    no_profile = (None, None, None, None)
    blind = Session(session_vars={"profile": no_profile, "config_file": no_file, "credentials_file": no_file})
    return boto3.Session(botocore_session=blind)


def _without_proxy(known: str) -> str:
    """``NO_PROXY`` with the loopback address, which boto3 would send through a proxy."""
    names = [name for name in known.split(",") if name]
    return ",".join(names if "127.0.0.1" in names else [*names, "127.0.0.1"])
