"""API keys by hand: ``python -m workers.api.keys create --tenant T --scope S``, ``list``, ``revoke ID``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import timedelta

from workers.api.records import opened
from workers.api.settings import read_api
from workers.api.store import keys, migrate
from workers.api.store.engine import Database
from workers.api.store.errors import StoreError
from workers.common.messages import now
from workers.common.settings import SettingsInvalid


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked for; return the exit status: 0 done, 1 refused, 2 settings or arguments invalid."""
    asked = _parser().parse_args(arguments)
    try:
        database = opened(read_api(os.environ))
    except SettingsInvalid as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        migrate.upgrade(database)
        if asked.command == "create":
            return _create(database, asked)
        return _revoke(database, asked.id) if asked.command == "revoke" else _list(database)
    except (StoreError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        database.close()


def _create(database: Database, asked: argparse.Namespace) -> int:
    at = now()
    ends = at + timedelta(days=asked.days) if asked.days else None
    with database.write() as session:
        key, secret = keys.create(session, asked.tenant, asked.scope, expires_at=ends, at=at)
    sys.stdout.write(f"{secret}\n")
    sys.stderr.write(f"key {key.id} of tenant {key.tenant}; it is shown only now\n")
    return 0


def _list(database: Database) -> int:
    with database.read() as session:
        for key in keys.every(session):
            state = "revoked" if key.revoked_at else f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "valid"
            sys.stdout.write(f"{key.id}  {key.tenant}  {' '.join(key.scopes)}  {state}\n")
    return 0


def _revoke(database: Database, key_id: str) -> int:
    with database.write() as session:
        keys.revoke(session, key_id, at=now())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers.api.keys", description="Makes and revokes API keys.")
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make a key, and show it once")
    create.add_argument("--tenant", required=True, help="whose jobs the key opens")
    create.add_argument("--scope", required=True, action="append", choices=keys.SCOPES, help="may be given repeatedly")
    create.add_argument("--days", type=int, help="days until it expires; without, it does not")
    commands.add_parser("list", help="list all keys, without their secrets")
    revoke = commands.add_parser("revoke", help="make a key worthless")
    revoke.add_argument("id", help="id of the key")
    return parser


if __name__ == "__main__":
    sys.exit(main())
