"""One emulator per state folder: the running one holds this lock, and the kernel frees it however that ends."""

from __future__ import annotations

import fcntl
import time
from pathlib import Path
from types import TracebackType

from thoth_infra.errors import EngineError

NAME = "emulator.lock"
_POLL_S = 0.05


class StateLock:
    """Context manager: the exclusive lock of a state folder, waited for at most ``wait_s`` seconds."""

    def __init__(self, state: Path, wait_s: float = 0.0) -> None:
        self._path = state / NAME
        self._wait_s = wait_s

    def __enter__(self) -> StateLock:
        self._file = self._path.open("a")
        deadline = time.monotonic() + self._wait_s
        while not self._try():
            if time.monotonic() >= deadline:
                self._file.close()
                raise EngineError(
                    f"the emulator of {self._path.parent} is in use by another command",
                    "wait until that command ends, or give this one another project root",
                )
            time.sleep(_POLL_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def _try(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
