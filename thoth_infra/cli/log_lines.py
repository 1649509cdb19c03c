"""How a line of a log looks: the workers' JSON as text, whatever else as it is."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import click

from thoth_infra.aws.log_pages import Event

_LEVELS: Final = {"DEBUG": "blue", "INFO": "green", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}
# What stands in the line's own columns, or (the time) in CloudWatch's.
_COLUMNS: Final = frozenset({"time", "level", "service", "message", "exception"})
# Of an embedded metric: what it tells CloudWatch, not people.
_METRIC: Final = "_aws"
_INDENT: Final = "    "
# Line ends and tabs may stay.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PLAIN_WORD: Final = re.compile(r"[^\s\"'=]+")


def as_json(event: Event) -> str:
    """Return the event as one line of JSON."""
    found = {
        "at": event.at.isoformat(timespec="milliseconds"),
        "stream": event.stream,
        "message": event.message.rstrip("\n"),
        "id": event.id,
        "late": event.late,
    }
    return json.dumps(found, ensure_ascii=False)


def as_text(event: Event, service: str, *, colour: bool = False) -> str:
    """Return ``time level service/task message key=value …``, with a traceback indented below."""
    fields = _fields(event.message)
    level = str(fields.get("level", "-")) if fields is not None else "-"
    paint = _paint if colour else _unpainted
    head = f"{event.at:%Y-%m-%d %H:%M:%S}.{event.ms % 1000:03} {paint(level, level)}{' ' * (8 - len(level))}"
    origin = f"{legible(service)}/{legible(_short(event.stream))}"
    late = " (late)" if event.late else ""
    if fields is None:
        return f"{head} {origin}{late} {legible(event.message)}".rstrip()
    first, *more = [*legible(_message(fields)).split("\n"), *legible(str(fields.get("exception", ""))).split("\n")]
    pairs = "".join(f" {legible(key)}={_value(value)}" for key, value in fields.items() if key not in _COLUMNS)
    text = f"{first}{pairs}".lstrip()
    return "\n".join((f"{head} {origin}{late} {text}", *(f"{_INDENT}{below}" for below in more if below)))


def _fields(message: str) -> dict[str, Any] | None:
    if not message.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _message(fields: dict[str, Any]) -> str:
    if fields.pop(_METRIC, None) is not None:
        return "metrics"
    return str(fields.get("message", ""))


def _short(stream: str) -> str:
    """Return the first signs of the task's id: the driver names a stream prefix/container/task."""
    return stream.rpartition("/")[2][:8]


def _value(value: object) -> str:
    if isinstance(value, str):
        return value if _PLAIN_WORD.fullmatch(value) and not _CONTROL.search(value) else _dumped(value)
    return _dumped(value)


def _dumped(value: object) -> str:
    return legible(json.dumps(value, ensure_ascii=False))


def legible(text: str) -> str:
    """Return ``text`` with control characters made visible: what is logged must not move the cursor."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _paint(text: str, level: str) -> str:
    return click.style(text, fg=_LEVELS.get(level), bold=True if level == "CRITICAL" else None)


def _unpainted(text: str, _level: str) -> str:
    return text
