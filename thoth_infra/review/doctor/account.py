"""Who we are in AWS: profile, credentials and how long they live, account, role, clock."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from thoth_infra.aws import identity
from thoth_infra.errors import IdentityRefused
from thoth_infra.review.doctor.context import Context
from thoth_infra.review.doctor.findings import Answer, fail, ok, skipped, warn
from thoth_infra.review.doctor.registry import check

# An apply takes up to half an hour, and Terraform in a container can't renew what it was given.
LIFETIME: Final = timedelta(minutes=60)
# AWS refuses requests whose time differs by more than five minutes from its own.
_TIMEOUT_S: Final = 10
SKEW: Final = (timedelta(minutes=1), timedelta(minutes=5))


@check("profile", "account", needs=("configuration",))
def profile(context: Context) -> Answer:
    """The AWS profile that would be used is configured, and is the environment's."""
    variables, wanted = context.variables, context.module.identity.profile
    if context.settings.emulated:
        return skipped("the emulator needs none")
    if variables.get("AWS_ACCESS_KEY_ID") or variables.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return ok("credentials come from the environment's variables")
    in_use = identity.profile_in_use(variables)
    if in_use not in identity.botocore_session({**variables, "AWS_PROFILE": ""}).available_profiles:
        return fail(f"there is no profile {in_use}", f"aws configure sso --profile {in_use}")
    if in_use != wanted:
        return fail(f"AWS_PROFILE is {in_use}; {context.name} wants {wanted}", f"export AWS_PROFILE={wanted}")
    return ok(str(in_use))


@check("credentials", "account", needs=("profile",))
def credentials(context: Context) -> Answer:
    """There are credentials, and they live long enough for an apply."""
    sign_in = f"aws sso login --profile {context.module.identity.profile}"
    try:
        identity.credentials(context.variables)  # resolves them, and explains what is wrong with them
    except IdentityRefused as error:
        return fail(error.message, sign_in)
    found: Any = identity.botocore_session(context.variables).get_credentials()
    found.get_frozen_credentials()  # those that are renewed know their end only now
    expiry = getattr(found, "_expiry_time", None)
    if expiry is None:
        return ok(f"from {found.method}; they do not say when they end")
    # Rounded up, so that an hour that has just begun is an hour.
    minutes = math.ceil((expiry - context.settings.now()).total_seconds() / 60)
    if minutes <= 0:
        return fail(f"they ended {_ago(-minutes)} ago", sign_in)
    if timedelta(minutes=minutes) < LIFETIME:
        return warn(f"they end in {minutes} min, and an apply may take longer", sign_in)
    return ok(f"from {found.method}, for another {minutes} min")


def _date_of_aws(context: Context) -> str | None:
    """Ask STS for nothing: no credentials are needed, and where the clock is wrong, all signed requests are refused."""
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import URLLib3Session
    from botocore.utils import get_environ_proxies

    endpoint = context.variables.get("AWS_ENDPOINT_URL")
    url = endpoint or f"https://sts.{context.module.region}.amazonaws.com/"
    session = URLLib3Session(
        verify=context.variables.get("AWS_CA_BUNDLE") or True,  # type: ignore[arg-type]  # a file will do
        proxies={} if endpoint else get_environ_proxies(url),
        timeout=_TIMEOUT_S,
    )
    try:
        found = session.send(AWSRequest("GET", url).prepare()).headers.get("Date")
    finally:
        session.close()
    return str(found) if found else None


def _ago(minutes: int) -> str:
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


@check("clock", "account", needs=("configuration",))
def clock(context: Context) -> Answer:
    """This machine's clock agrees with AWS's."""
    header = _date_of_aws(context)
    if header is None:
        return skipped("AWS's answer has no date")
    skew = context.settings.now() - parsedate_to_datetime(header)
    seconds = abs(skew.total_seconds())
    said = f"{seconds:.0f} s {'ahead of' if skew > timedelta() else 'behind'} AWS"
    mend = "sudo timedatectl set-ntp true"
    if seconds > SKEW[1].total_seconds():
        return fail(f"{said}: every request is refused", mend)
    if seconds > SKEW[0].total_seconds():
        return warn(said, mend)
    return ok(f"within {SKEW[0].seconds} s of AWS")


@check("account", "account", needs=("credentials",), actions=("sts:GetCallerIdentity",))
def account(context: Context) -> Answer:
    """The credentials are of the environment's account."""
    found = _caller(context)
    module = context.module
    identity.guard(found, identity.Expected(module.name, module.account_id, module.identity.profile), None)
    return ok(found.account_id)


@check("role", "account", needs=("account",), actions=("sts:GetCallerIdentity",))
def role(context: Context) -> Answer:
    """The role behind the credentials is one of the environment's."""
    found, module = _caller(context), context.module
    patterns = module.identity.role_patterns
    identity.guard(found, identity.Expected(module.name, found.account_id, module.identity.profile, patterns), None)
    return ok(found.arn)


def _caller(context: Context) -> identity.Identity:
    answer = context.clients("sts").get_caller_identity()
    return identity.Identity(str(answer["Account"]), str(answer["Arn"]))


def age(of: datetime, context: Context) -> timedelta:
    """Return how long ago something was."""
    return context.settings.now() - (of if of.tzinfo else of.replace(tzinfo=UTC))
