"""Carries a child's output to our own as it comes, and keeps the end of it."""

from __future__ import annotations

import os
import sys
import threading
from typing import IO, Final

_CHUNK: Final = 65_536
_TAIL: Final = 65_536
#: How long to wait for the end of a pipe after the process has ended: a plugin that outlives a killed
#: Terraform would hold it open for good.
_LINGER_S: Final = 5.0


class Pump:
    """Copies ``source`` to ``sink`` in a thread, until the end of ``source``."""

    def __init__(self, source: IO[bytes], sink: IO[bytes] | None, keep_all: bool = False) -> None:
        self._source = source
        self._sink = sink
        self._keep_all = keep_all
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def finish(self) -> str:
        """Wait for the end, and return what was kept."""
        self._thread.join(_LINGER_S)
        return self._kept.decode(errors="replace")

    def _copy(self) -> None:
        with self._source:
            while chunk := os.read(self._source.fileno(), _CHUNK):
                self._keep(chunk)
                self._show(chunk)

    def _keep(self, chunk: bytes) -> None:
        self._kept += chunk
        if not self._keep_all:
            del self._kept[:-_TAIL]

    def _show(self, chunk: bytes) -> None:
        if self._sink is None:
            return
        try:
            self._sink.write(chunk)
            self._sink.flush()
        except (OSError, ValueError):
            # Nobody reads us any more (`… | head`). Terraform must not notice: an apply that dies
            # while writing a line leaves its state locked. So go on reading, and show nothing.
            self._sink = None


def our_stdout() -> IO[bytes]:
    """Return our standard output for bytes, everything printed before already in it."""
    sys.stdout.flush()
    return sys.stdout.buffer


def our_stderr() -> IO[bytes]:
    """Return our standard error for bytes, everything printed before already in it."""
    sys.stderr.flush()
    return sys.stderr.buffer
