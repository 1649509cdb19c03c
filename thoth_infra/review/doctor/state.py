"""Terraform's state, and what `bootstrap` makes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from thoth_infra.aws import bootstrap
from thoth_infra.review.doctor.account import age
from thoth_infra.review.doctor.context import Context
from thoth_infra.review.doctor.findings import Answer, fail, ok, skipped, some, warn
from thoth_infra.review.doctor.registry import check

LOCK_SUFFIX: Final = ".tflock"
STALE: Final = timedelta(hours=1)
_BUCKET: Final = (
    "s3:ListBucket", "s3:GetBucketVersioning", "s3:GetEncryptionConfiguration", "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketOwnershipControls", "s3:GetBucketPolicy", "s3:GetLifecycleConfiguration", "s3:GetBucketTagging",
)  # fmt: skip
# Without these a state can be lost or read by others; the rest is housekeeping.
_VITAL: Final = frozenset({"bucket", "versioning", "encryption", "public-access"})


@check("state-bucket", "account", needs=("account",), actions=_BUCKET)
def state_bucket(context: Context) -> Answer:
    """The state bucket exists, keeps versions, is encrypted and closed."""
    steps = bootstrap.plan(context.clients, replace(bootstrap.wanted_for(context.module), oidc=False))
    lacking = {step.name for step in steps if step.state != "exists"}
    bucket = context.module.state.bucket
    mend = context.thoth("bootstrap")
    if "bucket" in lacking:
        return fail(f"there is no bucket {bucket}", mend)
    if lacking & _VITAL:
        return fail(f"{bucket} lacks {', '.join(sorted(lacking & _VITAL))}", mend)
    if lacking:
        return warn(f"{bucket} lacks {', '.join(sorted(lacking))}", mend)
    return ok(f"{bucket}: versioned, encrypted, closed")


@check("state-lock", "account", needs=("account",), actions=("s3:ListBucket", "s3:GetObject"))
def state_lock(context: Context) -> Answer:
    """Nobody holds the state's lock, or holds it since a short while only."""
    s3, state = context.clients("s3"), context.module.state
    key = state.key + LOCK_SUFFIX
    # Listed first: who may read the lock but not list gets AccessDenied for one that is not there.
    try:
        found = s3.list_objects_v2(Bucket=state.bucket, Prefix=key, ExpectedBucketOwner=context.module.account_id)
    except s3.exceptions.NoSuchBucket:
        return skipped(f"there is no bucket {state.bucket}")
    if not any(row["Key"] == key for row in found.get("Contents", ())):
        return ok("nobody holds it")
    held = s3.get_object(Bucket=state.bucket, Key=key, ExpectedBucketOwner=context.module.account_id)
    lock = _lock(held["Body"].read())
    since = age(held["LastModified"], context)
    said = f"{lock.get('Who', 'somebody')} holds it for {lock.get('Operation', 'something')} since {_span(since)}"
    if since > STALE:
        return warn(f"{said}; a run that died leaves it behind", context.thoth(f"unlock {lock.get('ID', 'ID')}"))
    return ok(said)


def _lock(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


@check("github-oidc", "account", needs=("account",), actions=("iam:GetOpenIDConnectProvider",), environments_only=True)
def github_oidc(context: Context) -> Answer:
    """The account knows GitHub's OIDC provider, which the workflows sign in with."""
    wanted = bootstrap.wanted_for(context.module)
    step = bootstrap.provider_step(context.clients, wanted)
    if step.state != "exists":
        return fail(f"it is not there for {bootstrap.AUDIENCE}", context.thoth("bootstrap"))
    return ok(wanted.provider_arn)


@check("applied", "account", needs=("account",), actions=("ecs:DescribeClusters",), environments_only=True)
def applied(context: Context) -> Answer:
    """The environment has been applied: its cluster is there."""
    found = context.clients("ecs").describe_clusters(clusters=[context.env.prefix])["clusters"]
    active = [row["clusterName"] for row in found if row["status"] == "ACTIVE"]
    if not active:
        return Answer("warn", f"there is no cluster {context.env.prefix}", context.thoth("apply"), stops=True)
    return ok(f"cluster {some(active)}")
