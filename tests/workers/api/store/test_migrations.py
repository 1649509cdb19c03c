"""The migrations make what the models say, on both databases, forward and back."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, inspect, text

from workers.api.settings import sqlite_url
from workers.api.store import migrate
from workers.api.store.engine import Database


@pytest.fixture
def fresh(database_url: URL, tmp_path: Path) -> URL:
    """A database without tables."""
    if database_url.get_backend_name() == "sqlite":
        return sqlite_url(tmp_path / "fresh.sqlite3")
    server = Database(database_url)
    name = f"fresh_{tmp_path.name[-20:].replace('-', '_').lower()}"
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}"'))
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    server.close()
    return database_url.set(database=name)


def _tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def test_every_migration_runs_forward_and_back(fresh: URL) -> None:
    database = Database(fresh)
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    for revision in revisions:
        migrate.upgrade(database, revision)
        assert migrate.current(database) == revision
    assert migrate.differences(database) == []
    for revision in [*revisions[:-1][::-1], "base"]:
        migrate.downgrade(database, revision)
    assert _tables(database) == set()
    migrate.upgrade(database)
    assert migrate.differences(database) == []
    database.close()


def test_processes_that_start_together_migrate_once(fresh: URL) -> None:
    problems: list[BaseException] = []

    def start() -> None:
        try:
            own = Database(fresh)
            migrate.upgrade(own)
            own.close()
        except BaseException as error:  # told to the test
            problems.append(error)

    threads = [threading.Thread(target=start) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    database = Database(fresh)
    assert "jobs" in _tables(database)
    database.close()


def test_sqlite_keeps_its_promises(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "thoth.sqlite3"))
    with database.engine.connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 30_000}
    database.close()
