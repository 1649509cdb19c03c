"""The folder of the system on this machine: what it remembers between starts, and who runs it now."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from thoth_infra.errors import ThothError
from thoth_infra.files import private_folder, write_atomic

_KEY_BYTES = 32


@dataclass(frozen=True)
class Record:
    """A running system: its supervisor's process, its address and its model."""

    pid: int
    url: str
    model: str


@dataclass(frozen=True)
class Home:
    """``.thoth/local`` of the project."""

    folder: Path

    @property
    def aws(self) -> Path:
        """What the emulated AWS remembers."""
        return self.folder / "aws"

    @property
    def database(self) -> Path:
        """The records."""
        return self.folder / "thoth.sqlite3"

    @property
    def logs(self) -> Path:
        """One file for each process."""
        return self.folder / "logs"

    def volume(self, name: str) -> Path:
        """Return the folder that stands for a volume, made if it is missing."""
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def secret(self, name: str) -> str:
        """Return a secret of this machine's own, made at its first use and readable for its owner only."""
        private_folder(self.folder)
        path = self.folder / f"{name}.secret"
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(_KEY_BYTES))
        return path.read_text().strip()

    def keep(self, name: str, value: str) -> None:
        """Remember a secret that was made elsewhere."""
        descriptor = os.open(self.folder / f"{name}.secret", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(value)

    def kept(self, name: str) -> str | None:
        """Return a remembered secret."""
        with suppress(FileNotFoundError):
            return (self.folder / f"{name}.secret").read_text().strip() or None
        return None

    @contextmanager
    def held(self, record: Record) -> Iterator[None]:
        """Be the one who runs the system.

        Raises:
            ThothError: when it runs already. The lock ends with its process, so a killed one holds nothing.
        """
        private_folder(self.folder)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                running = self.record()
                where = f" at {running.url}" if running else ""
                raise ThothError(
                    f"it runs already{where}", "`thoth-infra local status` shows it, `local down` stops it"
                ) from None
            write_atomic(self._record, json.dumps(record.__dict__))
            try:
                yield
            finally:
                self._record.unlink(missing_ok=True)

    def record(self) -> Record | None:
        """Return who runs the system; None when nobody does."""
        if not self._locked():
            return None
        with suppress(FileNotFoundError, ValueError, TypeError):
            return Record(**json.loads(self._record.read_text()))
        return None

    def note(self, processes: Mapping[str, int]) -> None:
        """Remember the processes of the system, for whoever has to end them after a kill."""
        write_atomic(self._processes, json.dumps(dict(processes)))

    def noted(self) -> dict[str, int]:
        """Return the remembered processes: ids by command."""
        with suppress(FileNotFoundError, ValueError):
            return {str(command): int(pid) for command, pid in json.loads(self._processes.read_text()).items()}
        return {}

    @property
    def _processes(self) -> Path:
        return self.folder / "processes.json"

    @property
    def _record(self) -> Path:
        return self.folder / "running.json"

    def _locked(self) -> bool:
        try:
            with (self.folder / "lock").open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return False
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
