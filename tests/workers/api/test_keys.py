"""``python -m workers.api.keys``: made, listed, revoked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.workers.api.test_settings import environ_of
from thoth_infra.contract.services import API_ALONE
from workers.api import keys as command
from workers.api.settings import sqlite_url
from workers.api.store import keys
from workers.api.store.engine import Database
from workers.common.messages import now


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The database that the command finds by its environment; it makes the tables itself."""
    for name in list(os.environ):
        if name.startswith("DATABASE_"):
            monkeypatch.delenv(name)
    path = tmp_path / "new" / "thoth.sqlite3"
    for name, value in {**environ_of(API_ALONE), "DATABASE_PATH": str(path)}.items():
        monkeypatch.setenv(name, value)
    return Database(sqlite_url(path))


def test_a_key_is_shown_once_and_opens_until_it_is_revoked(
    records: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["create", "--tenant", "school", "--scope", "jobs:read", "--scope", "jobs:write", "--days", "7"]
    assert command.main(asked) == 0
    secret = capsys.readouterr().out.strip()
    with records.read() as session:
        found = keys.find(session, secret, at=now())
    assert found and (found.tenant, found.scopes) == ("school", ["jobs:read", "jobs:write"])
    assert found.expires_at and (found.expires_at - found.created_at).days == 7
    assert command.main(["list"]) == 0
    listed = capsys.readouterr().out
    assert found.id in listed and "school" in listed and secret not in listed
    assert command.main(["revoke", found.id]) == 0
    assert command.main(["list"]) == 0
    assert "revoked" in capsys.readouterr().out
    with records.read() as session:
        assert keys.find(session, secret, at=now()) is None
    records.close()


def test_what_makes_no_sense_is_refused(records: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["revoke", "0" * 26]) == 1
    assert "no_such_key" in capsys.readouterr().err
    assert command.main(["create", "--tenant", "", "--scope", "admin"]) == 1
    with pytest.raises(SystemExit):
        command.main(["create", "--tenant", "t", "--scope", "everything"])
    records.close()


def test_without_settings_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in environ_of(API_ALONE):
        monkeypatch.delenv(name, raising=False)
    assert command.main(["list"]) == 2
    assert "JOBS_DIR" in capsys.readouterr().err
