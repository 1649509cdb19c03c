"""Trust policies: who may become a role, exactly, and on whose behalf."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from thoth_infra.review.policy.findings import Finding
from thoth_infra.review.policy.plan import Plan
from thoth_infra.review.policy.statements import Condition, Kind, Statement, statements

TRUST: Final = "exact-trust"

# They send no source account; each assumes the role only for resources of the role's own account.
_WITHOUT_SOURCE: Final[Mapping[str, str]] = {
    "codedeploy.amazonaws.com": "a deployment group names its own role",
    "ec2.amazonaws.com": "an instance profile names its own role",
}
_ACCOUNT: Final = re.compile(r"\d{12}|arn:[\w-]+:iam::\d{12}:root")
_ACCOUNT_PART: Final = re.compile(r":\d{12}:")
_GITHUB: Final = "token.actions.githubusercontent.com"


def trust(plan: Plan) -> Iterator[Finding]:
    """Yield statements that let more principals in than they mean to."""
    for statement in statements(plan):
        if statement.kind is not Kind.TRUST or not statement.allow:
            continue
        for wrong, right in _problems(statement):
            yield Finding(TRUST, statement.address, wrong, right)


def _problems(statement: Statement) -> Iterator[tuple[str, str]]:
    for kind, name in statement.principals:
        if "*" in name:
            yield f"trusts {name}, anybody", "name the principal"
        elif kind == "AWS" and _ACCOUNT.fullmatch(name):
            yield f"trusts the whole account {name}", "name the roles by ARN"
        elif kind == "Service" and name not in _WITHOUT_SOURCE and not _has_source(statement):
            yield (
                f"lets {name} act for any account (the confused deputy)",
                "add a condition on aws:SourceAccount (StringEquals)",
            )
        elif kind == "Federated":
            yield from _federated(statement, name.rpartition("oidc-provider/")[2])
    if not statement.principals or statement.inverted:
        yield "trusts everybody but whom it names", "name whom it trusts"


def _has_source(statement: Statement) -> bool:
    account, arn = statement.condition("aws:SourceAccount"), statement.condition("aws:SourceArn")
    if account is not None:
        return _is_exact(account)
    return arn is not None and bool(arn.values) and all(_ACCOUNT_PART.search(value) for value in arn.values)


def _is_exact(condition: Condition) -> bool:
    return condition.test == "StringEquals" and bool(condition.values) and "*" not in "".join(condition.values)


def _federated(statement: Statement, issuer: str) -> Iterator[tuple[str, str]]:
    for claim in ("aud", "sub"):
        condition = statement.condition(f"{issuer}:{claim}")
        if condition is None or not _is_exact(condition):
            example = "repo:ORG/REPO:environment:NAME" if issuer == _GITHUB and claim == "sub" else "one exact value"
            yield f"does not bind {issuer}'s {claim} to exact values", f"StringEquals on {issuer}:{claim}: {example}"
