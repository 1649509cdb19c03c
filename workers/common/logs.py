"""Logs as JSON lines on standard output, each with the job and trace that it belongs to."""

from __future__ import annotations

import json
import logging
import reprlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

_context: ContextVar[Mapping[str, str]] = ContextVar("log_context", default=MappingProxyType({}))
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the context, and what ``extra`` says."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, Any] = {
            **_context.get(),
            **{name: value for name, value in vars(record).items() if name not in _PLAIN},
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _json(line)


def _json(line: dict[str, Any]) -> str:
    """Return ``line`` as JSON whatever its values are: a line that can't be written is one that is missed."""
    try:
        text = json.dumps(line, ensure_ascii=False, allow_nan=False, default=str)
    except Exception:  # whatever the __str__ of some library's object raises
        text = json.dumps({n: _plain(value) for n, value in line.items()}, ensure_ascii=False, default=str)
    # Names of files that are not UTF-8 come as lone surrogates, which no stream takes.
    return text.encode("utf-8", "replace").decode()


def _plain(value: object) -> object:
    try:
        json.dumps(value, allow_nan=False, default=str)
    except Exception:  # as above
        return reprlib.repr(value)
    return value


def configure(service: str, level: str) -> None:
    """Send every log record to standard output as JSON; libraries speak from WARNING on."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("workers").setLevel(level)


@contextmanager
def about(**names: str) -> Iterator[None]:
    """Add ``names`` to every line that is logged within the block, in this thread."""
    token = _context.set({**_context.get(), **names})
    try:
        yield
    finally:
        _context.reset(token)
