"""An API over each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.api.http.rig import Api, running
from workers.api.store.engine import Database


@pytest.fixture
def api(database: Database, jobs_dir: Path) -> Iterator[Api]:
    """An API whose records and folders are empty."""
    with running(database, jobs_dir) as found:
        yield found


@pytest.fixture
def key(api: Api) -> dict[str, str]:
    """The header of a key with every scope but admin's."""
    return api.key()
