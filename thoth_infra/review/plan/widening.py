"""Whether a policy lets anybody do more than another one, statement by statement.

Everything that the new policy allows has to be covered by one statement of the old one, and everything that the old one
denies by one of the new one. That is stricter than AWS: what two old statements cover together counts as wider here. A
value that only the apply will know (``UNKNOWN``) counts as covered by a statement that is the same but for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any, Final

UNKNOWN: Final = "\0unknown"
_NEGATED: Final = ("StringNot", "ArnNot", "NumericNot", "DateNot", "NotIpAddress")


@dataclass(frozen=True)
class _Statement:
    """One statement in its plainest form; conditions as (operator, key, values), all in lower case but the values."""

    allow: bool
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    principals: tuple[str, ...]
    not_principals: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]


def widenings(before: str | Mapping[str, Any] | None, after: str | Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return in words what ``after`` lets through that ``before`` does not; actions are named, nothing else is.

    ``None`` stands for no policy at all. A policy that can't be read counts as wider, and says so.
    """
    if before == after:
        return ()
    try:
        old, new = _statements(before), _statements(after)
    except (ValueError, TypeError, KeyError, AttributeError):
        return ("the policy changes in a way that can't be judged here: read it",)
    found = [_more(each) for each in new if each.allow and not _covered(each, [s for s in old if s.allow])]
    denials = [each for each in new if not each.allow]
    found += [_less_denied(each) for each in old if not each.allow and not _covered(each, denials)]
    return tuple(dict.fromkeys(found))


def _more(statement: _Statement) -> str:
    who = "anybody" if statement.principals == ("*",) and not statement.conditions else "more than before"
    what = _named(statement.actions) if statement.actions else f"all but {_named(statement.not_actions)}"
    everything = " on everything" if statement.resources == ("*",) and not statement.principals else ""
    verb = "lets anybody do" if who == "anybody" else "allows more than before:"
    return f"it {verb} {what}{everything}"


def _less_denied(statement: _Statement) -> str:
    what = _named(statement.actions) if statement.actions else f"all but {_named(statement.not_actions)}"
    return f"it no longer denies all that it denied: {what}"


_ACTION = re.compile(r"[a-z0-9-]{1,40}:[A-Za-z0-9*?]{1,80}|\*")


def _named(actions: tuple[str, ...]) -> str:
    """Return IAM actions, a few of them; anything that does not look like one is left out."""
    safe = [action for action in actions if _ACTION.fullmatch(action)]
    more = f" and {len(safe) - 4} more" if len(safe) > 4 else ""
    return ", ".join(safe[:4]) + more if safe else "some actions"


def _covered(wanted: _Statement, by: Iterable[_Statement]) -> bool:
    """Whether each single thing that a statement is about is within one of the others."""
    others = tuple(by)
    return all(any(_within(part, other) for other in others) for part in _parts(wanted))


def _parts(statement: _Statement) -> Iterator[_Statement]:
    """Split a statement into one for each action, resource and principal."""
    actions: list[tuple[str, ...]] = [(a,) for a in statement.actions] or [()]
    resources: list[tuple[str, ...]] = [(r,) for r in statement.resources] or [()]
    principals: list[tuple[str, ...]] = [(p,) for p in statement.principals] or [()]
    for action, resource, principal in product(actions, resources, principals):
        yield _Statement(
            statement.allow, action, statement.not_actions, resource, statement.not_resources,
            principal, statement.not_principals, statement.conditions,
        )  # fmt: skip


def _within(part: _Statement, other: _Statement) -> bool:
    return (
        _inside(part.actions, part.not_actions, other.actions, other.not_actions, ignore_case=True)
        and _inside(part.resources, part.not_resources, other.resources, other.not_resources)
        and _inside(part.principals, part.not_principals, other.principals, other.not_principals)
        and all(any(_as_strict(own, theirs) for own in part.conditions) for theirs in other.conditions)
    )


def _inside(
    texts: tuple[str, ...], negated: tuple[str, ...], others: tuple[str, ...], other_negated: tuple[str, ...],
    *, ignore_case: bool = False,
) -> bool:  # fmt: skip
    """Whether an element (or its ``Not…`` form) is within another one; both empty where the element isn't given."""
    if negated:
        return bool(other_negated) and all(_matched(each, negated, ignore_case) for each in other_negated)
    if other_negated:
        return not any(_overlap(text, each, ignore_case) for text in texts for each in other_negated)
    return (not texts and not others) or (all(_matched(text, others, ignore_case) for text in texts) and bool(texts))


def _matched(text: str, patterns: tuple[str, ...], ignore_case: bool) -> bool:
    return UNKNOWN in (text, *patterns) or any(_pattern(each, ignore_case).fullmatch(text) for each in patterns)


def _overlap(text: str, other: str, ignore_case: bool) -> bool:
    one, two = _pattern(text, ignore_case), _pattern(other, ignore_case)
    return bool(one.fullmatch(other) or two.fullmatch(text))


@lru_cache(maxsize=4096)
def _pattern(text: str, ignore_case: bool) -> re.Pattern[str]:
    # A question mark covers one character, but not another pattern's star.
    parts = (".*" if c == "*" else "[^*]" if c == "?" else re.escape(c) for c in text)
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _as_strict(own: tuple[str, str, tuple[str, ...]], theirs: tuple[str, str, tuple[str, ...]]) -> bool:
    """Whether a condition lets through no more than another one on the same key."""
    (operator, key, values), (other_operator, other_key, other_values) = own, theirs
    if key != other_key:
        return False
    if UNKNOWN in values:
        return operator == other_operator
    like = {"stringequals": "stringlike", "arnequals": "arnlike"}
    if operator == other_operator.replace("ifexists", "") or like.get(operator) == other_operator:
        if other_operator.startswith(tuple(word.lower() for word in _NEGATED)):
            return operator == other_operator and set(other_values) <= set(values)
        if other_operator.startswith(("numeric", "date")):
            return values == other_values
        exact = "like" not in other_operator
        return all(value in other_values if exact else _matched(value, other_values, False) for value in values)
    return False


def _statements(policy: str | Mapping[str, Any] | None) -> list[_Statement]:
    if policy is None or policy == "":
        return []
    found = json.loads(policy) if isinstance(policy, str) else policy
    bodies = found["Statement"]
    return [_statement(body) for body in ([bodies] if isinstance(bodies, Mapping) else bodies)]


def _statement(body: Mapping[str, Any]) -> _Statement:
    return _Statement(
        allow={"Allow": True, "Deny": False}[body["Effect"]],
        actions=_texts(body.get("Action")),
        not_actions=_texts(body.get("NotAction")),
        resources=_texts(body.get("Resource")),
        not_resources=_texts(body.get("NotResource")),
        principals=_principals(body.get("Principal")),
        not_principals=_principals(body.get("NotPrincipal")),
        conditions=tuple(
            (operator.lower(), key.lower(), _texts(values))
            for operator, keys in (body.get("Condition") or {}).items()
            for key, values in keys.items()
        ),
    )


def _principals(found: Any) -> tuple[str, ...]:
    if not isinstance(found, Mapping):
        return _texts(found)
    texts = (f"{kind}:{text}" for kind, named in found.items() for text in _texts(named))
    # Anybody at all is written in two ways.
    return tuple("*" if text == "AWS:*" else text for text in texts)


def _texts(found: Any) -> tuple[str, ...]:
    if found is None:
        return ()
    texts = found if isinstance(found, list | tuple) else [found]
    return tuple(str(text).lower() if isinstance(text, bool) else str(text) for text in texts)
