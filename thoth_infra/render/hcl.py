"""Values as HCL expressions, laid out as ``terraform fmt`` does.

HCL is not JSON: ``${`` and ``%{`` start templates, and ``\\b``, ``\\f`` and ``\\/`` are no escapes. This is
the one place that turns a value into HCL; a property test sends strings through Terraform and back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_KEYWORDS = frozenset({"true", "false", "null", "for", "if"})


@dataclass(frozen=True)
class Expression:
    """HCL that is written as it stands, for instance a reference to a resource."""

    text: str


def quote(text: str) -> str:
    """Return ``text`` as a quoted HCL string that evaluates to exactly ``text``.

    Raises ValueError for a lone surrogate, which no HCL file can hold.
    """
    if any(0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise ValueError(f"{text!r} holds a lone surrogate")
    escaped = "".join(_escape(c) for c in text)
    # After "$" or "%" a brace opens a template; the doubled sign is a literal one. Outside that pair both
    # signs are ordinary, so doubling them elsewhere would change the text.
    return '"' + re.sub(r"([$%])\{", r"\1\1{", escaped) + '"'


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    # Zl and Zp (U+2028, U+2029) and the byte order mark are legal but invisible: write them readably too.
    if ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or char in "\u2028\u2029\ufeff":
        return f"\\u{ord(char):04x}"
    return char


def value(data: Any, indent: int = 0) -> str:
    """Return ``data`` (None, bool, number, str, list, mapping, Expression) as HCL.

    Lines after the first are indented by ``indent`` steps of two spaces, as ``terraform fmt`` would.
    """
    match data:
        case Expression(text):
            return text
        case None:
            return "null"
        case bool():
            return "true" if data else "false"
        case int():
            return str(data)
        case float():
            return _number(data)
        case str():
            return quote(data)
        case Mapping():
            return _mapping(data, indent)
        case list() | tuple():
            return _sequence(data, indent)
    raise TypeError(f"{type(data).__name__} has no HCL form")


def _number(data: float) -> str:
    if not math.isfinite(data):
        raise ValueError(f"{data} is not a number of HCL")
    return str(int(data)) if data == int(data) and abs(data) < 1e15 else repr(data)


def _key(key: str) -> str:
    return key if _IDENTIFIER.fullmatch(key) and key not in _KEYWORDS else quote(key)


def _mapping(data: Mapping[str, Any], indent: int) -> str:
    if not data:
        return "{}"
    inner = "\n".join(attributes(data, indent + 1))
    return f"{{\n{inner}\n{'  ' * indent}}}"


def _sequence(data: Sequence[Any], indent: int) -> str:
    items = [value(item, indent + 1) for item in data]
    line = f"[{', '.join(items)}]"
    if len(line) <= 90 and "\n" not in line:
        return line
    pad = "  " * (indent + 1)
    return "[\n" + "".join(f"{pad}{item},\n" for item in items) + "  " * indent + "]"


def attributes(data: Mapping[str, Any], indent: int = 0) -> list[str]:
    """Return ``key = value`` lines; neighbouring one-line values have their signs aligned."""
    rows = [(_key(key), value(item, indent)) for key, item in data.items()]
    lines: list[str] = []
    run: list[tuple[str, str]] = []
    for key, text in rows:
        if "\n" in text:
            lines += [*_aligned(run, indent), f"{'  ' * indent}{key} = {text}"]
            run = []
        else:
            run.append((key, text))
    return lines + _aligned(run, indent)


def _aligned(run: list[tuple[str, str]], indent: int) -> list[str]:
    width = max((len(key) for key, _ in run), default=0)
    return [f"{'  ' * indent}{key:<{width}} = {text}" for key, text in run]
