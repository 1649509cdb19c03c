"""Brings the tables up to date: ``python -m workers.api.upgrade``. A deployment runs it before it replaces tasks."""

from __future__ import annotations

import logging
import os
import sys

from sqlalchemy.exc import SQLAlchemyError

from workers.api.records import opened
from workers.api.settings import read_api
from workers.api.store import migrate
from workers.common import logs
from workers.common.settings import SettingsInvalid

_log = logging.getLogger("workers.api")


def main() -> int:
    """Return the exit status: 0 the tables are up to date, 1 they could not be brought there, 2 settings invalid."""
    try:
        settings = read_api(os.environ)
    except SettingsInvalid as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logs.configure(settings.service_name, settings.log_level)
    database = opened(settings)
    try:
        before = migrate.current(database)
        migrate.upgrade(database)
        _log.info("tables are up to date", extra={"before": before, "now": migrate.current(database)})
    except SQLAlchemyError as error:
        _log.error("the tables could not be brought up to date", extra={"reason": str(getattr(error, "orig", error))})
        return 1
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
