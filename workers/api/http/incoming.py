"""A source on its way into a job's folder: judged by its first bytes, counted, and there whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from workers.api.http import sniff
from workers.api.http.problems import Problem
from workers.common.errors import as_stage_error
from workers.common.folder import FolderJob


@dataclass(frozen=True)
class Source:
    """An upload that is in its job's folder, durable."""

    name: str
    """``source.<ext>``."""
    size: int
    """Bytes."""
    digest: str
    """SHA-256, in hexadecimal."""


@dataclass
class Incoming:
    """Takes the bytes of one file, one block after the other."""

    suffix: str
    limit: int
    _file: BinaryIO
    _head: bytes = b""
    _judged: bool = False
    _size: int = 0
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def take(self, data: bytes) -> None:
        """Write the next bytes.

        Raises:
            Problem: 413 ``too_large``, or what ``sniff.check`` says of the file's beginning.
        """
        self._size += len(data)
        if self._size > self.limit:
            raise too_large(self.limit)
        if not self._judged:
            self._head += data[: sniff.HEAD_BYTES - len(self._head)]
            if len(self._head) == sniff.HEAD_BYTES:
                self._judge()
        self._digest.update(data)
        self._file.write(data)

    def finish(self) -> Source:
        """Return what has come; to be called once all of it has.

        Raises:
            Problem: what ``sniff.check`` says of a file that is all beginning.
        """
        if not self._judged:
            self._judge()
        self._file.flush()
        return Source(f"source.{self.suffix}", self._size, self._digest.hexdigest())

    def _judge(self) -> None:
        sniff.check(self.suffix, self._head)
        self._judged = True


@contextmanager
def receiving(files: FolderJob, suffix: str, limit: int) -> Iterator[Incoming]:
    """Yield where to put the bytes of ``source.<suffix>``; a block that fails leaves nothing behind.

    Raises:
        StageError: when the file system fails.
    """
    try:
        with files.writing(f"source.{suffix}") as path, path.open("wb") as file:
            yield Incoming(suffix, limit, file)
    except OSError as error:
        discard(files)
        raise as_stage_error(error) from error
    except BaseException:
        discard(files)
        raise


def discard(files: FolderJob) -> None:
    """Remove the folder of a job that did not come to be: its source, and itself when nothing else is in it."""
    for suffix in sniff.EXTENSIONS:
        files.remove(f"source.{suffix}")
    with suppress(OSError):
        files.path.rmdir()


def too_large(limit: int) -> Problem:
    """Return the answer for a file of more than ``limit`` bytes."""
    return Problem(
        413,
        "too_large",
        f"the file is larger than {limit:,} bytes",
        "cut the lesson into parts, or encode it with a lower bit rate",
    )
