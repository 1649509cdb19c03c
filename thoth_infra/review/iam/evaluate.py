"""AWS's decision on one request, from the policies of the caller and of the thing that is called.

Without boundaries, session policies and those of an organisation, all of which only take away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from thoth_infra.review.iam import conditions
from thoth_infra.review.iam.document import Document, Statement

ANYBODY = ("AWS", "*")


class Decision(Enum):
    """How AWS decides; only the first lets the request through."""

    ALLOWED = "allowed"
    NOT_ALLOWED = "not allowed"  # no statement allows it
    DENIED = "denied"  # a statement denies it, whatever others allow


@dataclass(frozen=True)
class Principal:
    """Who asks: an IAM role by its ARN, a service by its name, or who signed in at an identity provider, by its ARN."""

    kind: Literal["AWS", "Service", "Federated"]
    id: str

    @property
    def account(self) -> str:
        """The account of a role; empty for others."""
        return self.id.split(":")[4] if self.kind == "AWS" else ""


@dataclass(frozen=True)
class Request:
    """One request: the IAM action, the ARN that it is about, who asks, and the keys that conditions may look at."""

    action: str
    resource: str
    principal: Principal
    context: Mapping[str, str] = field(default_factory=dict)


def evaluate(policies: Iterable[Document], request: Request) -> Decision:
    """Decide by the policies that a role carries."""
    found = [s for document in policies for s in document.statements if _concerns(s, request)]
    return _decide(found)


def authorize(
    request: Request, identity: Iterable[Document], of_resource: Document, *, resource_decides: bool = False
) -> Decision:
    """Decide by the policies that the caller carries and by that of the resource, in the caller's account or another.

    A resource's policy lets in directly whom it names. Where it names an account, that account's own policies decide.
    ``resource_decides``: for KMS keys and for roles to be assumed, where the caller's policies count for nothing
    unless the resource's policy names its account.
    """
    by_identity = evaluate(identity, request)
    concerned = [s for s in of_resource.statements if _concerns(s, request)]
    named = [s for s in concerned if _names(s, request.principal)]
    delegated = [s for s in concerned if _names_account(s, request.principal)]
    by_resource, to_account = _decide(named), _decide(delegated)
    if Decision.DENIED in (by_identity, by_resource, to_account):
        return Decision.DENIED
    owner = _account(request.resource)
    inside = not owner or request.principal.account in ("", owner)
    if inside and by_resource is Decision.ALLOWED:
        return Decision.ALLOWED
    let_in = Decision.ALLOWED in (by_resource, to_account)
    if by_identity is Decision.ALLOWED and (let_in or (inside and not resource_decides)):
        return Decision.ALLOWED
    return Decision.NOT_ALLOWED


def _decide(statements: Iterable[Statement]) -> Decision:
    effects = {statement.allow for statement in statements}
    if False in effects:
        return Decision.DENIED
    return Decision.ALLOWED if effects else Decision.NOT_ALLOWED


def _concerns(statement: Statement, request: Request) -> bool:
    """Whether action, resource and conditions fit; who asks is another matter."""
    return (
        statement.actions.cover(request.action, ignore_case=True)
        and (statement.resources is None or statement.resources.cover(request.resource))
        and all(conditions.holds(each, request.context) for each in statement.conditions)
    )


def _names(statement: Statement, principal: Principal) -> bool:
    named = statement.principals or frozenset()
    return ANYBODY in named or (principal.kind, principal.id) in named


def _names_account(statement: Statement, principal: Principal) -> bool:
    if principal.kind != "AWS":
        return False
    partition = principal.id.split(":")[1]
    root = f"arn:{partition}:iam::{principal.account}:root"
    return not {("AWS", root), ("AWS", principal.account)}.isdisjoint(statement.principals or frozenset())


def _account(arn: str) -> str:
    """The account that owns a resource; S3's ARNs don't say, and whoever calls is taken to be of the owner's."""
    return arn.split(":")[4]
