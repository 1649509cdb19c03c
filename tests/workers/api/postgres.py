"""A Postgres server of the tests' own, which can be killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL

from tests.ports import free_port

BINARIES = Path("/usr/lib/postgresql/15/bin")
_READY_SECONDS = 60


def installed() -> bool:
    """Whether there is a Postgres 15 to run."""
    return (BINARIES / "initdb").exists()


@dataclass
class Postgres:
    """A server on a port of its own; its data outlive ``kill``."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> URL:
        """Where it is; the only user needs no password."""
        return URL.create(
            "postgresql+psycopg", username="postgres", host="127.0.0.1", port=self.port, database="postgres"
        )

    def initialise(self) -> None:
        """Make the data folder."""
        arguments = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
        command = [str(BINARIES / "initdb"), "--pgdata", str(self.folder / "data"), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, user=_user())

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            # Nothing here has to outlive the machine.
            "fsync": "off",
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(BINARIES / "postgres"), "-D", str(self.folder / "data"), *arguments],
                cwd=self.folder,
                user=_user(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        ready = [str(BINARIES / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        deadline = time.monotonic() + _READY_SECONDS
        while subprocess.run(ready, check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text(errors="replace"))
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT ends connections and shuts down, SIGQUIT does so without any care."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def kill(self) -> None:
        """End the server as a power cut would, its children too."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@contextmanager
def running() -> Iterator[Postgres]:
    """Yield a running server, and remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="thoth-postgres-"))
    if user := _user():
        # The folders of pytest's own are closed to other users.
        shutil.chown(folder, user)
    server = Postgres(folder, free_port())
    try:
        server.initialise()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str | None:
    """Return whom the server runs as: it refuses to be root."""
    return "postgres" if os.geteuid() == 0 else None
