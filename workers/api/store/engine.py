"""Connections and transactions, the same for SQLite and Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, create_engine, event, make_url, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from workers.api.store.password import Password

# Longest wait for SQLite's only writer, in milliseconds.
_BUSY_MS = 30_000
# A server that has gone without a word is noticed within half a minute.
_POSTGRES = {"connect_timeout": 5, "keepalives_idle": 30, "tcp_user_timeout": 30_000}
# The execution option of a transaction that will write.
WRITE = "thoth_write"

# What a database raises that is not there, or too busy; whoever can waits and tries again.
UNREACHABLE: Final = (OperationalError, InterfaceError, PoolTimeout)


class Database:
    """The records. Threads share it; sessions belong to one thread."""

    def __init__(self, url: URL | str, *, connections: int = 20, password: Password | None = None) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine = create_engine(
            self.url,
            pool_size=connections,
            max_overflow=0,
            # A restarted Postgres leaves dead connections in the pool.
            pool_pre_ping=not self.is_sqlite,
            connect_args={} if self.is_sqlite else _POSTGRES,
            # Parameters hold names of files and digests of keys, which have no place in a traceback.
            hide_parameters=True,
        )
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        if password:
            password.of(self.engine)
        self._readers = sessionmaker(self.engine, expire_on_commit=False)
        self._writers = sessionmaker(self.engine.execution_options(**{WRITE: True}), expire_on_commit=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a session that changes nothing; what it returns stays readable afterwards."""
        with self._readers() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Yield a session whose changes are committed when the block ends well, and undone else."""
        with self._writers.begin() as session:
            yield session

    def ping(self) -> None:
        """Ask the database something; raises when it doesn't answer."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _prepare_sqlite(connection: Any, _: object) -> None:
    # Transactions are begun by the listener below; the driver's own would begin too late.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", f"busy_timeout = {_BUSY_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer says so at once: two readers that both turn into writers would deadlock.
    write = connection.get_execution_options().get(WRITE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
