"""What Terraform marks as sensitive, so that none of it gets into a summary by way of a key, a number or a name.

Values are not shown anyway, but for numbers, instance types, networks and IAM actions; this is for those, and for
addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

HIDDEN: Final = "a sensitive value changes it: read the plan itself"
_INDEX = re.compile(r"\[[^\]]*\]?")


def of(plan: Mapping[str, Any]) -> Iterator[str]:
    """Yield every text and number of a plan's JSON that is marked as sensitive."""
    for entry in (*plan.get("resource_changes", ()), *plan.get("resource_drift", ())):
        yield from _of_change(entry["change"])
    for change in plan.get("output_changes", {}).values():
        yield from _of_change(change)


def _of_change(change: Mapping[str, Any]) -> Iterator[str]:
    for side in ("before", "after"):
        yield from _marked(change.get(side), change.get(f"{side}_sensitive"))


def _marked(value: Any, mark: Any) -> Iterator[str]:
    if mark is True:
        yield from _texts(value)
    elif isinstance(mark, Mapping) and isinstance(value, Mapping):
        for key, below in mark.items():
            yield from _marked(value.get(key), below)
    elif isinstance(mark, list) and isinstance(value, list):
        for below, inner in zip(mark, value, strict=False):
            yield from _marked(inner, below)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield str(key)
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)
    elif value not in (None, "") and not isinstance(value, bool):
        yield str(value)


def without(reason: str, sensitive: frozenset[str]) -> str:
    """Return a reason, or another one in its place where a sensitive value is in it."""
    return HIDDEN if any(_is_in(each, reason) for each in sensitive) else reason


def address(text: str, sensitive: frozenset[str]) -> str:
    """Return an address, without its keys where a sensitive value is in them."""
    keys = "".join(_INDEX.findall(text))
    return _INDEX.sub("[…]", text) if any(len(each) > 1 and each in keys for each in sensitive) else text


def _is_in(secret: str, reason: str) -> bool:
    if len(secret) > 5:
        return secret in reason
    return re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", reason) is not None
