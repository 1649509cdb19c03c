"""Takes for lost whatever was requested and has not come back: ``python -m workers.api.lost``.

For whoever knows that the queues are empty, such as an emulated SQS that was killed: the orchestrator itself would wait
for its time-outs. Each attempt is requested again, within its budget of tries.
"""

from __future__ import annotations

import os
import sys

from sqlalchemy import select

from workers.api.records import opened
from workers.api.settings import read_api
from workers.api.store import migrate, stages
from workers.api.store.engine import Database
from workers.api.store.models import Attempt, Job
from workers.common.messages import now
from workers.common.settings import SettingsInvalid


def lose_all(database: Database) -> int:
    """Give up every attempt under way; return how many there were."""
    with database.write() as session:
        rows = session.scalars(select(Attempt).where(Attempt.state.in_(stages.UNDER_WAY))).all()
        for row in rows:
            job = session.get(Job, row.job_id)
            if job is not None:
                stages.lose(session, job, row, at=now())
        return len(rows)


def main() -> int:
    """Read the API's settings and give up; return the exit status."""
    try:
        settings = read_api(os.environ)
    except SettingsInvalid as error:
        sys.stderr.write(f"{error}\n")
        return 2
    database = opened(settings)
    try:
        migrate.upgrade(database)
        sys.stdout.write(f"{lose_all(database)}\n")
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
