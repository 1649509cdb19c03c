"""How well a value explains a change: by being what comes after and not what was before."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from thoth_infra.review.plan.change import Change, Path, at

#: A text shorter than this is in too many others to say anything by it.
_TELLING: Final = 3
NAMED, EQUAL, PART, RELATED, NONE = 5, 4, 3, 1, 0


@dataclass(frozen=True)
class Pair:
    """One value before and after; ``below`` leads to it within JSON, ``name`` is that of the variable it belongs to."""

    before: Any
    after: Any
    below: tuple[str, ...] = ()
    name: str = ""


def pairs(change: Change, path: Path) -> tuple[Pair, ...]:
    """Return what changes at ``path``, JSON and lists taken apart."""
    before, after = _opened(at(change.before, path)), _opened(at(change.after, path))
    return tuple(_apart(before, after, (), ""))


def _opened(found: Any) -> Any:
    if not isinstance(found, str):
        return found
    if found[:1] in "[{" and found:
        try:
            return json.loads(found)
        except ValueError:
            return found
    try:
        return base64.b64decode(found, validate=True).decode() if len(found) > 40 else found
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return found


def _apart(before: Any, after: Any, below: tuple[str, ...], name: str) -> Iterator[Pair]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        own = str(after.get("name", name))
        for key in sorted({*before, *after}):
            yield from _apart(before.get(key), after.get(key), (*below, key), own)
    elif isinstance(before, list) and isinstance(after, list) and _rows([*before, *after]):
        old, new = _by_name(before), _by_name(after)
        for key in sorted({*old, *new}):
            yield from _apart(old.get(key), new.get(key), below, key)
    else:
        yield Pair(before, after, below, name)


def _rows(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(each, Mapping) for each in items)


def _by_name(rows: list[Any]) -> dict[str, Any]:
    return {str(row.get("name", row.get("Sid", index))): row for index, row in enumerate(rows)}


def score(value: Any, pair: Pair, last: str = "") -> int:
    """Return how well ``value`` explains a pair; ``last`` is the last part of the value's own path."""
    if isinstance(value, list | tuple):
        return _score_list([str(each) for each in value], pair)
    if isinstance(value, Mapping) or value is None:
        return EQUAL if value is None and pair.after is None and pair.before is not None else NONE
    if _same(value, pair.after):
        if _same(value, pair.before):
            return NONE
        return NAMED if last and last == pair.name else EQUAL
    if _same(value, pair.before):
        return NONE
    return _score_text(str(value), _flat(pair.before), _flat(pair.after))


def _score_text(text: str, before: str, after: str) -> int:
    if len(text) < _TELLING:
        return RELATED
    if text in before:
        return NONE
    return PART if text in after else RELATED


def _score_list(items: list[str], pair: Pair) -> int:
    before, after = _flat(pair.before), _flat(pair.after)
    if isinstance(pair.after, list) and sorted(map(str, pair.after)) == sorted(items):
        return EQUAL
    if any(item in after and item not in before for item in items if len(item) >= _TELLING):
        return PART
    return RELATED if items and not all(item in before for item in items) else NONE


def _flat(found: Any) -> str:
    return found if isinstance(found, str) else json.dumps(found, sort_keys=True, default=str)


def _same(value: Any, other: Any) -> bool:
    if isinstance(value, bool) or isinstance(other, bool):
        return value is other or str(value).lower() == other
    return str(value) == str(other) or (_number(value) is not None and _number(value) == _number(other))


def _number(found: Any) -> float | None:
    try:
        return float(found)
    except (TypeError, ValueError):
        return None
