"""The records, in both databases. ``database`` is empty in each test; ``database_url`` says where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.workers.api import postgres
from workers.api.settings import sqlite_url
from workers.api.store import migrate
from workers.api.store.engine import Database
from workers.api.store.models import Base


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Postgres]:
    """A Postgres 15 for all tests."""
    if not postgres.installed():
        pytest.skip("Postgres 15 is not installed (Debian's package postgresql-15)")
    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> URL:
    """A database with its tables, of each kind."""
    if request.param == "sqlite":
        url = sqlite_url(tmp_path_factory.mktemp("records") / "thoth.sqlite3")
    else:
        server: postgres.Postgres = request.getfixturevalue("postgres_server")
        url = server.url
    database = Database(url)
    migrate.upgrade(database)
    database.close()
    return url


@pytest.fixture
def database(database_url: URL) -> Iterator[Database]:
    """Empty records."""
    records = Database(database_url)
    empty(records)
    yield records
    records.close()


@pytest.fixture
def postgres_records(postgres_server: postgres.Postgres) -> Iterator[Database]:
    """Empty records in Postgres, for what runs with nothing else."""
    records = Database(postgres_server.url)
    migrate.upgrade(records)
    empty(records)
    yield records
    records.close()


@pytest.fixture
def jobs_dir(tmp_path: Path) -> Path:
    """Where the job folders are."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    return folder


def empty(records: Database) -> None:
    """Remove every row."""
    with records.write() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())
