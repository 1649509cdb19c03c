"""Brings the tables up to date, once, however many processes start at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from workers.api.store.engine import WRITE, Database
from workers.api.store.models import Base
from workers.common.folder import locked

_SCRIPTS = Path(__file__).parent / "migrations"
# Any number will do, as long as it is always the same.
_ADVISORY_LOCK = 7_478_304_151
_PATIENCE_SECONDS = 300.0


def upgrade(database: Database, revision: str = "head") -> None:
    """Run the migrations that are missing; whoever comes second waits and finds nothing to do."""
    with _alone(database) as config:
        command.upgrade(config, revision)


def downgrade(database: Database, revision: str = "base") -> None:
    """Run migrations backwards, to ``revision``."""
    with _alone(database) as config:
        command.downgrade(config, revision)


def current(database: Database) -> str | None:
    """Return the revision of the tables; None when there are none."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def differences(database: Database) -> list[str]:
    """Return where the tables differ from the models."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [repr(found) for found in compare_metadata(context, Base.metadata)]


@contextmanager
def _alone(database: Database) -> Iterator[Config]:
    """Yield a configuration whose connection nobody else migrates beside."""
    with ExitStack() as stack:
        if database.is_sqlite:
            path = Path(str(database.url.database))
            stack.enter_context(locked(path.with_name(f"{path.name}.migrating"), _PATIENCE_SECONDS))
        connection = stack.enter_context(database.engine.connect().execution_options(**{WRITE: True}))
        if database.is_sqlite:
            stack.enter_context(_without_foreign_keys(connection))
        stack.enter_context(connection.begin())
        if not database.is_sqlite:
            # Ends with the transaction, and with the process.
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        config = Config()
        config.set_main_option("script_location", str(_SCRIPTS))
        config.attributes["connection"] = connection
        yield config


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Keep SQLite from emptying what refers to a table that a migration copies and drops; only between transactions."""
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys = ON")
