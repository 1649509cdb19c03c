"""Job folders on a file system: EFS in AWS, a local folder elsewhere."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from workers.common.errors import Busy

# Everything that is not an artefact starts with a dot: temporary files, checkpoints, the lock.
_TEMPORARY = ".part-"
_LOCK = ".lock"
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class FolderFiles:
    """``Files`` in ``root``: one folder a job."""

    root: Path

    def job(self, job_id: str) -> FolderJob:
        """Return a job's folder, which need not exist yet."""
        return FolderJob(job_id, self.root / _plain(job_id))

    def jobs(self) -> Iterator[str]:
        """Yield the ids of the jobs that have a folder."""
        if self.root.is_dir():
            yield from sorted(path.name for path in self.root.iterdir() if path.is_dir())


@dataclass(frozen=True)
class FolderJob:
    """``JobFiles`` in ``path``."""

    job_id: str
    path: Path

    def names(self) -> frozenset[str]:
        """Return the names of the whole artefacts, temporary files left out."""
        if not self.path.is_dir():
            return frozenset()
        return frozenset(path.name for path in self.path.iterdir() if not path.name.startswith("."))

    def local(self, name: str) -> Path:
        """Return a path to read ``name`` at; ``FileNotFoundError`` when there is none."""
        path = self.path / _plain(name)
        if not path.is_file():
            raise FileNotFoundError(path)
        return path

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Yield a temporary path; when the block ends well, ``name`` appears whole and durable, else nothing does."""
        target = self.path / _plain(name)
        self.path.mkdir(parents=True, exist_ok=True)
        # The suffix stays, since FFmpeg and others choose the format by it.
        temporary = self.path / f"{_TEMPORARY}{secrets.token_hex(8)}-{name.lstrip('.')}"
        try:
            yield temporary
            sync(temporary)
            temporary.replace(target)
            sync(self.path)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()

    def remove(self, name: str) -> None:
        """Remove ``name``, if it is there."""
        (self.path / _plain(name)).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what killed writers left behind. Only under ``lock``."""
        for path in self.path.glob(f"{_TEMPORARY}*"):
            path.unlink(missing_ok=True)

    @contextmanager
    def lock(self, patience_seconds: float) -> Iterator[None]:
        """Hold the job for oneself; raises ``Busy`` when another holds it for longer than ``patience_seconds``.

        The kernel's advisory lock, which EFS keeps too (NFS 4.1): it ends with the process that holds it, so a
        killed worker leaves nothing that someone would have to judge by its age.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with locked(self.path / _LOCK, patience_seconds):
            yield


@contextmanager
def locked(path: Path, patience_seconds: float) -> Iterator[None]:
    """Hold the lock file ``path``, which is removed again; raises ``Busy`` after ``patience_seconds``."""
    descriptor = _locked(path, time.monotonic() + patience_seconds)
    try:
        yield
    finally:
        # Removed while it is held: whoever waits for this file finds out and makes a new one.
        with suppress(OSError):
            if _same_file(descriptor, path):
                path.unlink()
        os.close(descriptor)


def _locked(path: Path, deadline: float) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _same_file(descriptor, path):
                return descriptor
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise Busy("busy", f"another worker holds {path.parent.name}", "it finishes or lets go") from None
            time.sleep(_PAUSE_SECONDS)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _same_file(descriptor: int, path: Path) -> bool:
    """Whether the locked file is still the one in the folder, and not one that its last holder has removed."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False


def sync(path: Path) -> None:
    """Make a file, or a folder's entries, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _plain(name: str) -> str:
    """Return ``name`` when it is one path component and free to use, whatever a message may have said."""
    if name in {"", ".", "..", _LOCK} or name.startswith(_TEMPORARY) or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} is not a file name of a job folder")
    return name
