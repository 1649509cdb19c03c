"""Reads ``multipart/form-data`` with one file, straight into a job's folder: no second copy on disk or in memory."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from workers.api.http import sniff
from workers.api.http.bodies import blocks
from workers.api.http.incoming import Incoming, Source, receiving
from workers.api.http.problems import Problem
from workers.common.folder import FolderJob
from workers.common.messages import legible

_LONGEST_FIELD = 8 << 10
_MOST_FIELDS = 16


@dataclass(frozen=True)
class Form:
    """What came: the file, the name that it had, and the other fields."""

    source: Source
    name: str
    fields: dict[str, str]


async def read(request: Request, files: FolderJob, limit: int) -> Form:
    """Return the form; its file named ``file`` is then in the folder as ``source.<ext>``.

    The folder is left as it was when the form is refused, or its sender goes away.

    Raises:
        Problem: 413, 415 or 422.
        StageError: when the file system fails.
    """
    with ExitStack() as stack:
        reader = _Reader(files, limit, stack)
        parser = _parser(request, reader)
        try:
            async for block in blocks(request):
                await run_in_threadpool(parser.write, block)
        except FormParserError as error:
            raise _malformed(str(error)) from None
        form = reader.form()
        # Durable before anybody hears of it: closing waits for the disk.
        await run_in_threadpool(stack.close)
        return form


def _parser(request: Request, reader: _Reader) -> MultipartParser:
    _, options = parse_options_header(request.headers["content-type"])
    boundary = options.get(b"boundary")
    if not boundary:
        raise _malformed("its content type names no boundary")
    try:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": reader.on_part_begin,
                "on_part_data": reader.on_part_data,
                "on_part_end": reader.on_part_end,
                "on_header_field": reader.on_header_field,
                "on_header_value": reader.on_header_value,
                "on_header_end": reader.on_header_end,
                "on_headers_finished": reader.on_headers_finished,
                "on_end": reader.on_end,
            },
        )
    except FormParserError as error:
        raise _malformed(str(error)) from None


@dataclass
class _Reader:
    """The parser's callbacks."""

    files: FolderJob
    limit: int
    stack: ExitStack
    name: str = ""
    source: Source | None = None
    fields: dict[str, str] = field(default_factory=dict)
    _incoming: Incoming | None = None
    _field: str = ""
    _value: bytearray = field(default_factory=bytearray)
    _header: bytes = b""
    _header_value: bytes = b""
    _disposition: bytes = b""
    _ended: bool = False

    def form(self) -> Form:
        """Return what was read."""
        if not self._ended:
            raise _malformed("it ends before it is whole")
        if self.source is None:
            raise Problem(422, "no_file", "the form holds no file", "send it as the field called file")
        return Form(self.source, self.name, self.fields)

    def on_part_begin(self) -> None:
        self._disposition, self._value, self._incoming = b"", bytearray(), None

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header = self._header_value = b""

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._field = _decoded(options.get(b"name", b""))
        if b"filename" in options:
            self._begin_file(_decoded(options[b"filename"]))
        elif len(self.fields) >= _MOST_FIELDS:
            raise _malformed(f"it has more than {_MOST_FIELDS} fields")

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._incoming:
            self._incoming.take(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > _LONGEST_FIELD:
            raise _malformed(f"the field {self._field} is longer than {_LONGEST_FIELD} bytes")

    def on_part_end(self) -> None:
        if self._incoming:
            self.source = self._incoming.finish()
        elif self._field in self.fields:
            raise _malformed(f"the field {self._field} is there twice")
        else:
            self.fields[self._field] = _decoded(bytes(self._value))

    def on_end(self) -> None:
        self._ended = True

    def _begin_file(self, name: str) -> None:
        if self._field != "file" or self.source is not None:
            raise Problem(422, "one_file", "the form holds more than the one file", "send one file, in the field file")
        self.name = name
        self._incoming = self.stack.enter_context(receiving(self.files, sniff.extension(name), self.limit))


def _decoded(raw: bytes) -> str:
    return legible(raw.decode("utf-8", "replace"))


def _malformed(problem: str) -> Problem:
    return Problem(422, "bad_form", f"the form can't be read: {problem}", "send it as multipart/form-data")
