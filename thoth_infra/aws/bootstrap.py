"""What Terraform can't make for itself: the account's state bucket, and the OIDC provider that GitHub signs in with.

Each part is looked at and, where it is missing or weaker than wanted, made or changed; what is stricter stays. Nothing
is ever deleted or loosened, and each part stands alone, so whatever was cut off is simply run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from thoth_infra.aws.state_bucket import AUDIENCE, ISSUER, Bucket, Step, Wanted, Work, exists
from thoth_infra.config.environment import Environment
from thoth_infra.config.shared import SharedAccount

__all__ = ["AUDIENCE", "ISSUER", "Step", "Wanted", "apply", "plan", "provider_step", "wanted_for"]


def wanted_for(module: Environment | SharedAccount) -> Wanted:
    """Return what the account of a root module must have."""
    return Wanted(
        environment=module.name,
        account_id=module.account_id,
        region=module.region,
        bucket=module.state.bucket,
        # No environment's tag: the account's environments share the bucket.
        tags={**module.tags, "Project": module.project, "ManagedBy": "thoth-infra"},
        oidc=isinstance(module, Environment),
    )


def plan(clients: Callable[[str], Any], wanted: Wanted) -> tuple[Step, ...]:
    """Return what is there, what is missing and what differs. Changes nothing.

    Raises:
        ThothError: when the bucket belongs to another account or is in another region.
    """
    return tuple(work.step for work in _works(clients, wanted))


def apply(clients: Callable[[str], Any], wanted: Wanted, tell: Callable[[Step], None]) -> tuple[Step, ...]:
    """Make and change what is missing or too weak, and tell each step before it is done; return all steps."""
    done = []
    for work in _works(clients, wanted):
        if work.do:
            tell(work.step)
            work.do()
        done.append(work.step)
    return tuple(done)


def provider_step(clients: Callable[[str], Any], wanted: Wanted) -> Step:
    """Return what is there of the OIDC provider alone."""
    return _provider(clients("iam"), wanted).step


def _works(clients: Callable[[str], Any], wanted: Wanted) -> Iterator[Work]:
    """Yield the parts, each looked at when it is its turn: what stands before it is in force by then, or planned."""
    s3 = Bucket(clients("s3"), wanted)
    there = s3.is_there()
    if there:
        yield Work(Step("bucket", "exists", f"s3://{wanted.bucket} in {wanted.region}"))
    else:
        yield Work(Step("bucket", "make", f"s3://{wanted.bucket} in {wanted.region}"), s3.create)
    for look in (s3.versioning, s3.encryption, s3.public_access, s3.ownership, s3.transport, s3.history, s3.tags):
        yield look()
    if wanted.oidc:
        yield _provider(clients("iam"), wanted)


def _provider(iam: Any, wanted: Wanted) -> Work:
    said = f"{ISSUER} for {AUDIENCE}"
    try:
        found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=wanted.provider_arn)
    except iam.exceptions.NoSuchEntityException:
        tags = [{"Key": key, "Value": value} for key, value in wanted.tags.items()]

        def make() -> None:
            # IAM knows GitHub's certificate authority itself; a list of thumbprints would only age.
            iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=[AUDIENCE], Tags=tags)

        return Work(Step("github-oidc", "make", said), make)
    audiences = found.get("ClientIDList", ())
    if AUDIENCE in audiences:
        return exists("github-oidc", said)
    return Work(
        Step("github-oidc", "change", f"{said} (now: {', '.join(audiences) or 'for nobody'})"),
        lambda: iam.add_client_id_to_open_id_connect_provider(
            OpenIDConnectProviderArn=wanted.provider_arn, ClientID=AUDIENCE
        ),
    )
