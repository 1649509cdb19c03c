"""Snapshots: what a command prints, kept as a file beside the tests and compared with what it prints now.

::

    from tests.snapshots import same

    same("status.txt", estate.run("status", "--env", "staging").out)
    same("status.json", estate.run("--json", "status", "--env", "staging").out)

The files are in ``tests/cli/snapshots``. What differs from run to run (ids, digests, times, accounts) is replaced by a
word of the same width, so that tables stay aligned; the same value gets the same word, so that a swap of two ids still
shows. What is volatile in one command only is given as ``hide``: pattern → word; where the pattern has a group, only
that is hidden.

``THOTH_SNAPSHOTS=write pytest PATH`` writes them anew; look at `git diff` then.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

# Looked at here, since fixtures take THOTH_* out of the environment.
WRITING = os.environ.get("THOTH_SNAPSHOTS") == "write"
FOLDER: Final = Path(__file__).parent / "cli" / "snapshots"
_HEX = "[0-9a-f]"
VOLATILE: Final[Mapping[str, str]] = {
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?": "time",
    r"\b\d{8}T\d{6}Z-[0-9a-f]{6}\b": "deployment",
    r"\bd-[A-Z0-9]{9}\b": "codedeploy",
    rf"\bsha256:{_HEX}{{64}}\b": "digest",
    rf"\bsha256:{_HEX}{{12,63}}\b": "digest",
    rf"\b{_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}\b": "uuid",
    rf"\b{_HEX}{{32}}\b": "id",
    r"\becs-svc/\d+": "rollout",
    rf"\bi-{_HEX}{{17}}\b": "instance",
    rf"\b(?:subnet|sg|vpc|eni|vol|lt)-{_HEX}{{8,17}}\b": "resource",
    r"\b\d{12}\b": "account",
    r"\b127\.0\.0\.1:\d+\b": "endpoint",
}


def steady(text: str, hide: Mapping[str, str] | None = None) -> str:
    """Return ``text`` with what differs from run to run replaced, each value by a word of its own."""
    words: dict[str, str] = {}
    counts: dict[str, int] = {}
    for pattern, kind in {**(hide or {}), **VOLATILE}.items():

        def replaced(found: re.Match[str], kind: str = kind) -> str:
            group = 1 if found.re.groups else 0
            value = found[group]
            if value not in words:
                counts[kind] = counts.get(kind, 0) + 1
                words[value] = f"<{kind}{counts[kind]}>".ljust(len(value), "·")
            start, end = found.span(group)
            return found.string[found.start() : start] + words[value] + found.string[end : found.end()]

        text = re.sub(pattern, replaced, text)
    return text


def same(name: str, text: str, hide: Mapping[str, str] | None = None, *, folder: Path = FOLDER) -> None:
    """Assert that ``text`` is what the snapshot ``name`` holds."""
    found, kept = steady(text, hide), folder / name
    if WRITING:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(found, encoding="utf-8")
        return
    assert kept.is_file(), f"there is no snapshot {kept}: write it with THOTH_SNAPSHOTS=write. It would be\n{found}"
    wanted = kept.read_text(encoding="utf-8")
    difference = difflib.unified_diff(wanted.splitlines(), found.splitlines(), str(kept), "now", lineterm="")
    assert found == wanted, "\n".join(("the output differs from its snapshot", *difference))
