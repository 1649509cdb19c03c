"""YAML with line numbers: YAML 1.2's scalars, and nothing that hides where a value was given.

PyYAML's own loader follows YAML 1.1, where ``no`` is false, ``22:00`` is 1320 and ``012345670123`` is an
octal number: each a trap in a file of account ids, times and country names. Only its parser is used here.
Anchors, aliases and merge keys are refused: a value is given where it stands, or in the layer below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from thoth_infra.errors import ConfigInvalid, Problem

KeyPath: TypeAlias = tuple[str, ...]

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's parser where it is there

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")  # account ids begin with a zero; no number of ours does
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+")
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
# A number that no field of ours holds would only fail later, without its place.
_MOST_DIGITS = 18
_DEEPEST = 20


@dataclass(frozen=True)
class Span:
    """Where a scalar stands in the text: line from 1, columns from 0, the end exclusive."""

    line: int
    start: int
    end_line: int
    end: int


@dataclass(frozen=True)
class Document:
    """A parsed YAML mapping, the line (from 1) of every key path in it, and the span of every scalar."""

    file: Path
    data: dict[str, Any]
    lines: dict[KeyPath, int]
    spans: dict[KeyPath, Span] = field(default_factory=dict)


def scalar(text: str) -> Any:
    """Read the text of one variable as YAML: a number, a truth value, a list, or else the text itself."""
    try:
        reader = _Reader(Path(), text)
        value = reader.document()
    except yaml.YAMLError:
        return text
    return text if reader.problems else value


def read(file: Path, shown: Path) -> Document:
    """Parse ``file``, calling it ``shown`` in problems.

    Raises ConfigInvalid for text that is not YAML, not a mapping, or that repeats a key.
    """
    return parse(content(file, shown), shown)


def content(file: Path, shown: Path) -> bytes:
    """Read ``file``; raises ConfigInvalid if it can't be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise _invalid(shown, 1, f"can't be read ({why})", "restore the file, or mend its permissions") from None


def parse(data: bytes, shown: Path) -> Document:
    """Parse the content of a file; see ``read``."""
    reader = _Reader(shown, decode(data, shown))
    try:
        value = reader.document()
    except yaml.MarkedYAMLError as error:
        # What was found before may be the cause: a quote that swallowed the lines up to the next one.
        raise (ConfigInvalid(reader.problems) if reader.problems else _syntax_error(shown, error)) from None
    if value is None:
        value = {}
    if not isinstance(value, dict):
        reader.problem(reader.lines.get((), 1), (), "is not a mapping", "write key: value lines")
    if reader.problems:
        raise ConfigInvalid(reader.problems)
    return Document(shown, value, reader.lines, reader.spans)


def decode(data: bytes, shown: Path) -> str:
    """Decode UTF-8, with or without a byte order mark; raises ConfigInvalid at the line that is not."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        wrong = f"is not UTF-8 (byte 0x{data[error.start]:02x})"
        raise _invalid(shown, line, wrong, "save the file as UTF-8") from None
    if found := yaml.reader.Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        wrong = f"holds the control character {found.group()!r}"
        raise _invalid(shown, line, wrong, "remove it")
    return text


def _invalid(file: Path, line: int, wrong: str, right: str) -> ConfigInvalid:
    return ConfigInvalid([Problem(file, line, "(file)", wrong, right)])


def _syntax_error(file: Path, error: yaml.MarkedYAMLError) -> ConfigInvalid:
    mark, opened = error.problem_mark or error.context_mark, error.context_mark
    what = error.problem or error.context or "unknown syntax"
    right = "mend the syntax on this line or just before it"
    if "start any token" in what:
        right = "indent with spaces, not tabs, and put a text that begins with a sign in quotes"
    elif "mapping values are not allowed" in what:
        right = "put a text that holds ': ' in quotes, and indent the keys of one mapping alike"
    elif opened and any(word in (error.context or "") for word in ("quoted", "flow")):
        # The parser notices at the next line, or at the end of the file; a person mends where it began.
        mark, right = opened, "close the quote or bracket that is opened on this line"
    return _invalid(file, mark.line + 1 if mark else 1, f"is not YAML ({what})", right)


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1


def _span(event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    return Span(start.line + 1, start.column, end.line + 1, end.column)


class _Reader:
    """Builds plain values from the parser's events, noting lines, spans and what is not plain data."""

    def __init__(self, file: Path, text: str) -> None:
        self.file = file
        self.lines: dict[KeyPath, int] = {}
        self.spans: dict[KeyPath, Span] = {}
        self.problems: list[Problem] = []
        self._events: Iterator[Any] = yaml.parse(text, Loader=_Loader)

    def document(self) -> Any:
        """Return the value of the only document; None for an empty one."""
        value, documents = None, 0
        event: Any
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    line = _line(event)
                    self.problem(line, (), "holds a second document", "remove what follows the line ---")
                    break
                value = self._value(next(self._events), ())
        return value

    def problem(self, line: int, path: KeyPath, wrong: str, right: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(self.file, line, ".".join(path) or "(file)", wrong, right))

    def _value(self, event: Any, path: KeyPath) -> Any:
        line = _line(event)
        self.lines.setdefault(path, line)
        if getattr(event, "anchor", None):
            sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
            what = "alias" if sign == "*" else "anchor"
            wrong = f"{sign}{event.anchor} is an {what}, which hides where a value is given"
            self.problem(line, path, wrong, "write the value out, or give it once in _defaults.yaml")
        if getattr(event, "tag", None):
            wrong = f"the tag {event.tag.replace('tag:yaml.org,2002:', '!!')} is not plain data"
            self.problem(line, path, wrong, "remove the tag")
        match event:
            case yaml.MappingStartEvent():
                return self._mapping(path)
            case yaml.SequenceStartEvent():
                return self._sequence(path)
            case yaml.ScalarEvent():
                self.spans[path] = span = _span(event)
                if event.style in ("'", '"') and span.end_line > span.line:
                    wrong = f"opens a quote that closes on line {span.end_line} only"
                    self.problem(line, path, wrong, "close it on its own line: no text here has several lines")
                return self._plain(event.value, line, path) if event.implicit[0] else event.value
        return None

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        self._not_too_deep(path)
        result: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent):
                self.problem(line, path, "has a key that is not a text", "write key: value lines below it")
                self._value(event, (*path, "?"))
                self._value(next(self._events), (*path, "?"))
                continue
            here, first = (*path, event.value), self.lines.get((*path, event.value))
            self.lines.setdefault(here, line)
            value = self._value(next(self._events), here)
            if event.value == "<<":
                self.problem(line, here, "merge keys are not supported", "write the keys out")
            elif event.value in result:
                self.problem(line, here, f"is given twice, first on line {first}", "keep one")
            else:
                result[event.value] = value
        return result

    def _sequence(self, path: KeyPath) -> list[Any]:
        self._not_too_deep(path)
        result: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            result.append(self._value(event, (*path, str(len(result)))))
        return result

    def _not_too_deep(self, path: KeyPath) -> None:
        if len(path) > _DEEPEST:
            line = self.lines[path]
            raise _invalid(self.file, line, f"is nested more than {_DEEPEST} deep", "close what is open")

    def _plain(self, text: str, line: int, path: KeyPath) -> Any:
        """Return what an unquoted scalar stands for."""
        if text in _WORDS:
            return _WORDS[text]
        if text in _NULLS:
            return None
        if len(text) > _MOST_DIGITS and (_INTEGER.fullmatch(text) or _DECIMAL.fullmatch(text)):
            self.problem(line, path, f"the number {text[:12]}… has too many digits", "put a text in quotes")
            return None
        if _INTEGER.fullmatch(text):
            return int(text)
        return float(text) if _DECIMAL.fullmatch(text) else text
