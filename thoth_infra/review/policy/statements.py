"""IAM policy statements of a plan: of identities, of resources, and of roles' trust.

They come from policies whose JSON is known, and from policy documents that wait for a value of apply, of which all but
that value is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from thoth_infra.review.policy.plan import Plan, Resource

DOCUMENT = "aws_iam_policy_document"
_IDENTITY_TYPES = frozenset({"aws_iam_policy", "aws_iam_role_policy", "aws_iam_group_policy", "aws_iam_user_policy"})


class Kind(StrEnum):
    """What a policy is attached to."""

    IDENTITY = "identity"
    RESOURCE = "resource"
    TRUST = "trust"


@dataclass(frozen=True)
class Condition:
    """One line of a statement's conditions. A value that is not known yet is an empty text."""

    test: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """One statement. ``resources`` leaves out what is not known yet, which is never a bare ``*``."""

    address: str
    kind: Kind
    sid: str
    allow: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[tuple[str, str], ...]
    conditions: tuple[Condition, ...]
    inverted: bool

    @property
    def place(self) -> str:
        """The statement's name within its policy, for messages."""
        return f"statement {self.sid}" if self.sid else "a statement without a sid"

    def condition(self, *keys: str) -> Condition | None:
        """Return the first condition on one of ``keys``, whose case doesn't matter."""
        wanted = {key.lower() for key in keys}
        return next((c for c in self.conditions if c.key.lower() in wanted), None)


def statements(plan: Plan) -> Iterator[Statement]:
    """Yield every statement of a plan."""
    for resource in plan.managed:
        yield from _of_resource(resource)
    for document in plan.deferred:
        if document.type == DOCUMENT:
            yield from _of_document(document)


def _of_resource(resource: Resource) -> Iterator[Statement]:
    for attribute in ("policy", "assume_role_policy", "access_policy"):
        text = resource.get(attribute)
        if not isinstance(text, str) or '"Statement"' not in text:
            continue
        kind = Kind.IDENTITY if resource.type in _IDENTITY_TYPES else Kind.RESOURCE
        if attribute == "assume_role_policy":
            kind = Kind.TRUST
        for body in _list(json.loads(text)["Statement"]):
            yield _statement(resource.address, kind, body)


def _statement(address: str, kind: Kind, body: Mapping[str, Any]) -> Statement:
    return Statement(
        address=address,
        kind=kind,
        sid=str(body.get("Sid", "")),
        allow=body["Effect"] == "Allow",
        actions=_texts(body.get("Action")),
        resources=_texts(body.get("Resource")),
        principals=tuple(_principals(body.get("Principal"))),
        conditions=tuple(
            Condition(test, key, _texts(values))
            for test, keys in body.get("Condition", {}).items()
            for key, values in keys.items()
        ),
        inverted=any(key in body for key in ("NotAction", "NotResource", "NotPrincipal")),
    )


def _principals(found: Any) -> Iterator[tuple[str, str]]:
    if isinstance(found, Mapping):
        yield from ((kind, name) for kind, names in found.items() for name in _texts(names))
    else:
        yield from (("AWS", name) for name in _texts(found))


def _of_document(document: Resource) -> Iterator[Statement]:
    for body in document.blocks("statement"):
        principals = tuple((p["type"], n or "") for p in body["principals"] or () for n in p["identifiers"] or ())
        actions = _texts(body["actions"])
        kind = Kind.RESOURCE if principals else Kind.IDENTITY
        if principals and any(action.startswith("sts:AssumeRole") for action in actions):
            kind = Kind.TRUST
        yield Statement(
            address=document.address,
            kind=kind,
            sid=body["sid"] or "",
            allow=body["effect"] != "Deny",
            actions=actions,
            resources=_texts(body["resources"]),
            principals=principals,
            conditions=tuple(
                Condition(c["test"], c["variable"], tuple(v or "" for v in c["values"] or ("",)))
                for c in body["condition"] or ()
            ),
            inverted=any(body[key] for key in ("not_actions", "not_resources", "not_principals")),
        )


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


def _texts(found: str | Iterable[str | None] | None) -> tuple[str, ...]:
    if found is None:
        return ()
    return (found,) if isinstance(found, str) else tuple(text for text in found if text)
