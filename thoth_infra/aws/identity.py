"""Who we are in AWS, and whether that is who an environment wants.

Staging and production share an account, so the account number alone can't tell them apart: the role (or
user) and the profile are compared too, before any Terraform process starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, cast

from thoth_infra.aws.refusals import Refusal, refusal
from thoth_infra.aws.whole import whole_answers
from thoth_infra.errors import IdentityRefused

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_sts.client import STSClient

_CONNECT_TIMEOUT_S: Final = 3
_READ_TIMEOUT_S: Final = 5
_ATTEMPTS: Final = 2

#: Single sign-on names a role after its permission set and adds a hash of sixteen digits.
_SSO_ROLE: Final = re.compile(r"AWSReservedSSO_(?P<permission_set>.+)_[0-9a-f]{16}")


@dataclass(frozen=True)
class Identity:
    """What STS answers to GetCallerIdentity."""

    account_id: str
    arn: str

    @property
    def names(self) -> tuple[str, ...]:
        """What a pattern may match: the role, user or ``root``; for single sign-on the permission set too."""
        resource = self.arn.split(":", 5)[-1].split("/")
        name = resource[1] if resource[0] == "assumed-role" else resource[-1]
        sso = _SSO_ROLE.fullmatch(name)
        return (name, sso["permission_set"]) if sso else (name,)


@dataclass(frozen=True)
class Expected:
    """Who an environment wants. No ``role_patterns``, or no ``profile``: that is not compared."""

    environment: str
    account_id: str
    profile: str | None = None
    role_patterns: tuple[str, ...] = ()


def guard(identity: Identity, expected: Expected, profile_in_use: str | None) -> None:
    """Raise IdentityRefused unless ``identity`` is who the environment wants, with all that differs."""
    wrong = [
        *_wrong_account(identity, expected),
        *_wrong_role(identity, expected),
        *_wrong_profile(expected, profile_in_use),
    ]
    if wrong:
        raise IdentityRefused(
            f"These are not {expected.environment}'s credentials: {'; '.join(wrong)}. Nothing was started.",
            _how_to_sign_in(expected.profile),
        )


def whoami(variables: Mapping[str, str], region: str | None = None) -> Identity:
    """Ask STS whose credentials ``variables`` (the whole environment) lead to.

    Raises IdentityRefused when there are none, they have expired, or STS does not answer.
    """
    with _explained(variables):
        from botocore.config import Config

        config = Config(
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
        )
        endpoint = variables.get("AWS_ENDPOINT_URL_STS") or variables.get("AWS_ENDPOINT_URL")
        session = botocore_session(variables)
        where = region or session.get_config_variable("region") or "us-east-1"
        client = whole_answers(session.create_client("sts", region_name=where, endpoint_url=endpoint, config=config))
        sts = cast("STSClient", client)
        try:
            answer = sts.get_caller_identity()
        finally:
            sts.close()
    return Identity(str(answer["Account"]), str(answer["Arn"]))


def credentials(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the credentials that ``variables`` lead to, as variables of their own.

    For a container, which sees neither the user's AWS files nor the helpers they name. They are as
    short-lived as their source makes them. Raises IdentityRefused when there are none.
    """
    with _explained(variables):
        found = botocore_session(variables).get_credentials()
        frozen = found.get_frozen_credentials() if found else None
    if frozen is None:
        raise _no_credentials(variables)
    named = {
        "AWS_ACCESS_KEY_ID": frozen.access_key,
        "AWS_SECRET_ACCESS_KEY": frozen.secret_key,
        "AWS_SESSION_TOKEN": frozen.token,
    }
    return {name: value for name, value in named.items() if value}


def profile_in_use(variables: Mapping[str, str]) -> str | None:
    """Return the profile that credentials would come from."""
    return variables.get("AWS_PROFILE") or variables.get("AWS_DEFAULT_PROFILE") or None


def botocore_session(variables: Mapping[str, str]) -> Session:
    """Return a session that follows ``variables`` where botocore would follow the process's own."""
    from botocore.session import Session

    session = Session(profile=None if variables.get("AWS_ACCESS_KEY_ID") else profile_in_use(variables))
    for name, variable in {
        "config_file": "AWS_CONFIG_FILE",
        "credentials_file": "AWS_SHARED_CREDENTIALS_FILE",
        "ca_bundle": "AWS_CA_BUNDLE",
        "region": "AWS_REGION",
    }.items():
        if value := variables.get(variable):
            session.set_config_variable(name, value)
    if key := variables.get("AWS_ACCESS_KEY_ID"):
        secret, token = variables.get("AWS_SECRET_ACCESS_KEY", ""), variables.get("AWS_SESSION_TOKEN")
        session.set_credentials(key, secret, token)
    return session


@contextmanager
def _explained(variables: Mapping[str, str]) -> Iterator[None]:
    """Turn botocore's errors into refusals that say how to sign in."""
    from botocore import exceptions

    profile = profile_in_use(variables)
    try:
        yield
    except exceptions.ProfileNotFound as error:
        raise IdentityRefused(
            f"AWS_PROFILE={profile}: there is no such profile",
            f"Set it up with `aws configure sso --profile {profile}`, or name one of `aws configure list-profiles`.",
        ) from error
    except exceptions.NoCredentialsError as error:
        raise _no_credentials(variables) from error
    except (exceptions.SSOError, exceptions.TokenRetrievalError) as error:
        raise IdentityRefused(f"The single sign-on session has ended: {error}", _how_to_sign_in(profile)) from error
    except exceptions.ClientError as error:
        said = error.response.get("Error", {})
        if (kind := refusal(error)) in (Refusal.THROTTLED, Refusal.UNAVAILABLE):
            raise IdentityRefused(f"AWS could not be asked whose credentials these are: {said}", kind.value) from error
        raise IdentityRefused(
            f"AWS refuses these credentials: {said.get('Code')}: {said.get('Message')}",
            _how_to_sign_in(profile),
        ) from error
    except exceptions.BotoCoreError as error:
        raise IdentityRefused(
            f"AWS could not be asked whose credentials these are: {error}",
            "Check the network and the proxy variables; `--emulate` needs neither AWS nor an account.",
        ) from error


def _no_credentials(variables: Mapping[str, str]) -> IdentityRefused:
    return IdentityRefused(
        "There are no AWS credentials",
        _how_to_sign_in(profile_in_use(variables)) + " `--emulate` needs none.",
    )


def _how_to_sign_in(profile: str | None) -> str:
    if profile is None:
        return "Set AWS_PROFILE to the environment's profile, then `aws sso login`."
    return f"Sign in: `export AWS_PROFILE={profile}; aws sso login --profile {profile}`."


def _wrong_account(identity: Identity, expected: Expected) -> list[str]:
    if identity.account_id == expected.account_id:
        return []
    return [f"account {identity.account_id}, not {expected.account_id}"]


def _wrong_role(identity: Identity, expected: Expected) -> list[str]:
    patterns = expected.role_patterns
    if not patterns or any(fnmatchcase(name, pattern) for name in identity.names for pattern in patterns):
        return []
    return [f"{identity.arn}, which is none of {', '.join(patterns)}"]


def _wrong_profile(expected: Expected, in_use: str | None) -> list[str]:
    if not (in_use and expected.profile) or in_use == expected.profile:
        return []
    return [f"profile {in_use}, not {expected.profile}"]
