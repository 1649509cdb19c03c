"""One delivery of one job, from lock to manifest: what makes a repeated or doubled message harmless."""

from __future__ import annotations

import logging
import math
import time
from contextlib import ExitStack
from dataclasses import dataclass

from workers.common import manifest
from workers.common.errors import Busy
from workers.common.messages import Request, now
from workers.common.ports import Handler, Job, Outcome, Prepared, Work

_log = logging.getLogger(__name__)

# How long a worker waits for another one that holds the job, before it gives the message back.
LOCK_PATIENCE_SECONDS = 8.0
# How long it may wait without looking whether it shall stop.
_LOCK_STEP_SECONDS = 1.0


@dataclass(frozen=True)
class Done:
    """A stage that is complete: by this delivery, or by an earlier one (``repeated``)."""

    record: manifest.StageRecord
    repeated: bool


def perform(
    handler: Handler[Prepared],
    job: Job,
    prepared: Prepared,
    work: Work,
    hourly_cost: float | None,
    patience_seconds: float = LOCK_PATIENCE_SECONDS,
) -> Done:
    """Do the stage, unless the manifest shows that this very request is already complete.

    Raises:
        Busy: when another worker holds the job for longer than ``patience_seconds``.
    """
    with ExitStack() as stack:
        _lock(stack, job, work, patience_seconds)
        job.files.sweep()
        before = manifest.read(job.files)
        if record := _finished(job, before):
            _log.info("this request is already complete, its result is sent again")
            return Done(record, repeated=True)
        started = time.monotonic()
        outcome = handler.handle(job, prepared, work)
        record = _record(job.request, outcome, time.monotonic() - started, hourly_cost)
        artefacts = {name: manifest.measured(job.files.local(name)) for name in outcome.artefacts}
        manifest.write(job.files, before.adding(job.request.stage, record, artefacts))
        return Done(record, repeated=False)


def _lock(stack: ExitStack, job: Job, work: Work, patience_seconds: float) -> None:
    deadline = time.monotonic() + patience_seconds
    while True:
        work.checkpoint()
        left = deadline - time.monotonic()
        try:
            stack.enter_context(job.files.lock(max(min(left, _LOCK_STEP_SECONDS), 0)))
            return
        except Busy:
            if left <= _LOCK_STEP_SECONDS:
                raise


def _finished(job: Job, known: manifest.Manifest) -> manifest.StageRecord | None:
    record = known.stages.get(job.request.stage)
    # A higher attempt is a wish to do it anew: after an edited glossary, say.
    if record is None or record.attempt < job.request.attempt:
        return None
    return record if manifest.is_whole(job.files, known, record) else None


def _record(request: Request, outcome: Outcome, seconds: float, hourly_cost: float | None) -> manifest.StageRecord:
    return manifest.StageRecord(
        attempt=request.attempt,
        artefacts=outcome.artefacts,
        finished_at=now(),
        seconds=round(seconds, 3),
        audio_seconds=outcome.audio_seconds,
        cost=None if hourly_cost is None else round(hourly_cost * seconds / 3600, 6),
        # JSON has no word for infinity, the loudness of silence, say.
        metrics={name: value for name, value in outcome.metrics.items() if math.isfinite(value)},
    )
