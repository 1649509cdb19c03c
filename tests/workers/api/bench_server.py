"""Serves one core's worth of the API, or of FastAPI alone with the same row: ``bench_server ours|bare <database>``.

Prints the port once it listens.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from tests.workers.api.http.rig import services_over
from workers.api.http.app import create_app
from workers.api.http.schemas import JobBody
from workers.api.http.throttle import Throttle
from workers.api.store.engine import Database
from workers.api.store.models import Job

UNTHROTTLED = Throttle(requests=10**9, refusals=10**9, streams=10**6)


def bare(database: Database) -> FastAPI:
    """Return what reads a job and nothing else: no key, no tenant, no audit, no headers."""
    app = FastAPI()

    @app.get("/api/jobs/{job_id}", response_model=JobBody)
    def read(job_id: str) -> Any:
        with database.read() as session:
            job = session.get(Job, job_id)
        assert job
        return JobBody.of(job)

    return app


def main(which: str, url: str) -> None:
    """Serve until killed."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    database = Database(url)
    app = create_app(services_over(database, Path.cwd(), throttle=UNTHROTTLED)) if which == "ours" else bare(database)
    # Named, so that asyncio sees that it is TCP and turns Nagle's algorithm off, as it does for its own sockets.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
        asyncio.run(uvicorn.Server(config).serve([listener]))


if __name__ == "__main__":
    main(*sys.argv[1:])
