"""Conditions of statements, with the operators that our policies use; there is no default for any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from thoth_infra.review.iam.patterns import matches, matches_arn

Context: TypeAlias = Mapping[str, str]
_Test: TypeAlias = Callable[[str, str], bool]

_POSITIVE: dict[str, _Test] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringLike": matches,
    "ArnEquals": matches_arn,  # the two are the same to AWS
    "ArnLike": matches_arn,
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
}
_NEGATED: dict[str, _Test] = {
    "StringNotEquals": _POSITIVE["StringEquals"],
    "StringNotLike": matches,
    "ArnNotEquals": matches_arn,
    "ArnNotLike": matches_arn,
}
_NULL = "Null"
_IF_EXISTS = "IfExists"
_PLAIN = frozenset({*_POSITIVE, *_NEGATED})
OPERATORS = _PLAIN | {f"{name}{_IF_EXISTS}" for name in _PLAIN} | {_NULL}


@dataclass(frozen=True)
class Condition:
    """An operator of ``OPERATORS``, a key of the request's context, and the values that it is compared with."""

    operator: str
    key: str
    values: tuple[str, ...]


def holds(condition: Condition, context: Context) -> bool:
    """Return whether a condition holds. A key that the request lacks fails it, unless it is negated or …IfExists."""
    found = {key.lower(): value for key, value in context.items()}.get(condition.key.lower())
    if condition.operator == _NULL:
        return any((value.lower() == "true") == (found is None) for value in condition.values)
    name = condition.operator.removesuffix(_IF_EXISTS)
    if found is None:
        return name in _NEGATED or name != condition.operator
    if name in _NEGATED:
        return not any(_NEGATED[name](value, found) for value in condition.values)
    return any(_POSITIVE[name](value, found) for value in condition.values)
