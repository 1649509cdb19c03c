"""A worker for tests of real processes: ``python -m tests.workers.common.waiting_worker``.

It writes half of its artefact, and the other half when there is a file ``go`` beside the job folders.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from thoth_infra.contract.services import MUSIC_TERMS
from workers.common.ports import Job, Outcome, Work
from workers.common.serve import leave, serve
from workers.common.settings import WorkerSettings

ARTEFACT = "terms.json"
GO = "go"
HALF = b'{"terms": ['
WHOLE = HALF + b"]}\n"


class Waiting:
    """``Handler`` of the stage music-terms."""

    def __init__(self, root: Path) -> None:
        self._go = root / GO

    def start(self, work: Work) -> None:
        work.checkpoint()

    def prepare(self, job: Job) -> None:
        """Nothing."""

    def handle(self, job: Job, prepared: None, work: Work) -> Outcome:  # noqa: ARG002 - the port's signature
        with job.files.writing(ARTEFACT) as path, path.open("wb") as file:
            file.write(HALF)
            file.flush()
            while not self._go.exists():
                work.checkpoint()
                time.sleep(0.01)
            file.write(WHOLE[len(HALF) :])
        return Outcome((ARTEFACT,))


if __name__ == "__main__":
    settings = WorkerSettings.read(MUSIC_TERMS, os.environ)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    leave(serve(MUSIC_TERMS, settings, Waiting(settings.jobs_dir)))
