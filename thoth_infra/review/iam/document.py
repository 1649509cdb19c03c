"""A policy document, read strictly: every element that is not known here is an error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from thoth_infra.errors import ThothError
from thoth_infra.review.iam import conditions
from thoth_infra.review.iam.conditions import Condition
from thoth_infra.review.iam.patterns import matches_any

VERSION = "2012-10-17"
_ELEMENTS = {
    "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "Condition",
}  # fmt: skip
_KINDS = {"AWS", "Service", "Federated"}


class PolicyUnreadable(ThothError):
    """A policy uses something that the evaluator does not know, and so can't judge."""

    def __init__(self, wrong: str) -> None:
        super().__init__(f"the policy can't be judged: {wrong}", "teach thoth_infra/review/iam that, with a test")


@dataclass(frozen=True)
class Patterns:
    """An Action or Resource element, or, ``negated``, a NotAction or NotResource."""

    texts: tuple[str, ...]
    negated: bool = False

    def cover(self, text: str, *, ignore_case: bool = False) -> bool:
        """Return whether the element is about ``text``."""
        return matches_any(self.texts, text, ignore_case=ignore_case) != self.negated


@dataclass(frozen=True)
class Statement:
    """A statement. ``resources`` is None where it is about the one thing that the policy is attached to.

    ``principals`` are pairs of kind and id, ``("AWS", "*")`` for anybody at all; None in the policy of a role.
    """

    allow: bool
    actions: Patterns
    resources: Patterns | None = None
    principals: frozenset[tuple[str, str]] | None = None
    conditions: tuple[Condition, ...] = ()
    sid: str = ""


@dataclass(frozen=True)
class Document:
    """A policy; the order of its statements means nothing."""

    statements: tuple[Statement, ...]


def parse(policy: str | Mapping[str, Any]) -> Document:
    """Read a policy from its JSON. Raises PolicyUnreadable for whatever is not certain to be understood."""
    found = json.loads(policy) if isinstance(policy, str) else policy
    if unknown := set(found) - {"Version", "Id", "Statement"}:
        raise PolicyUnreadable(f"unknown element {', '.join(sorted(unknown))}")
    if found.get("Version") != VERSION:
        raise PolicyUnreadable(f"its version is {found.get('Version')!r}, not {VERSION}")
    statements = found["Statement"]
    return Document(tuple(_statement(each) for each in ([statements] if isinstance(statements, dict) else statements)))


def _statement(found: Mapping[str, Any]) -> Statement:
    if unknown := set(found) - _ELEMENTS:
        raise PolicyUnreadable(f"unknown element {', '.join(sorted(unknown))} in a statement")
    if found.get("Effect") not in ("Allow", "Deny"):
        raise PolicyUnreadable(f"the effect {found.get('Effect')!r} is neither Allow nor Deny")
    actions, resources = _patterns(found, "Action"), _patterns(found, "Resource")
    if actions is None:
        raise PolicyUnreadable("a statement without Action or NotAction")
    principals = _principals(found["Principal"]) if "Principal" in found else None
    if resources is None and principals is None:
        raise PolicyUnreadable("a statement with neither Resource nor Principal")
    return Statement(
        allow=found["Effect"] == "Allow",
        actions=actions,
        resources=resources,
        principals=principals,
        conditions=tuple(_conditions(found.get("Condition", {}))),
        sid=found.get("Sid", ""),
    )


def _patterns(found: Mapping[str, Any], element: str) -> Patterns | None:
    plain, negated = element in found, f"Not{element}" in found
    if plain and negated:
        raise PolicyUnreadable(f"both {element} and Not{element} in one statement")
    if not (plain or negated):
        return None
    return Patterns(_texts(found[f"Not{element}" if negated else element]), negated)


def _principals(found: Any) -> frozenset[tuple[str, str]]:
    named = {"AWS": "*"} if found == "*" else found
    if not isinstance(named, dict) or set(named) - _KINDS:
        raise PolicyUnreadable(f"the principal {found!r}")
    return frozenset((kind, text) for kind, texts in named.items() for text in _texts(texts))


def _conditions(found: Mapping[str, Mapping[str, Any]]) -> Iterable[Condition]:
    for operator, keys in found.items():
        if operator not in conditions.OPERATORS:
            raise PolicyUnreadable(f"the condition operator {operator}")
        yield from (Condition(operator, key, _texts(values)) for key, values in keys.items())


def _texts(found: Any) -> tuple[str, ...]:
    texts = tuple(found) if isinstance(found, list) else (found,)
    read = tuple(str(text).lower() if isinstance(text, bool) else text for text in texts)
    for text in read:
        if not isinstance(text, str) or "${" in text:
            raise PolicyUnreadable(f"the value {text!r}")  # a policy variable, or a number
    return read
