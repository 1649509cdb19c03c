"""The wildcards of policies: ``*`` is any run of characters, ``?`` one character, in an ARN across its colons too."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def _compiled(patterns: tuple[str, ...], ignore_case: bool) -> re.Pattern[str]:
    """All patterns as one expression: AWS's managed policies have more than a thousand in one statement."""
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return re.compile("|".join(map(_expression, patterns)), flags)


def _expression(pattern: str) -> str:
    return "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)


def matches_any(patterns: tuple[str, ...], text: str, *, ignore_case: bool = False) -> bool:
    """Return whether the whole of ``text`` fits one of ``patterns``, at least one."""
    return _compiled(patterns, ignore_case).fullmatch(text) is not None


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole of ``text`` fits ``pattern``."""
    return matches_any((pattern,), text)


def matches_arn(pattern: str, arn: str) -> bool:
    """Return whether an ARN fits as ArnLike has it: each of its six parts for itself, so that ``*`` passes no colon."""
    wanted, found = pattern.split(":", 5), arn.split(":", 5)
    return len(wanted) == len(found) == 6 and all(map(matches, wanted, found))
