"""Puts a worker together from its settings, the way the container starts it."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from thoth_infra.contract.services import Service
from workers.common import health, logs
from workers.common.errors import StageError
from workers.common.folder import FolderFiles
from workers.common.health import Heartbeat
from workers.common.loop import Loop
from workers.common.metrics import Metrics
from workers.common.options import Options, Ports
from workers.common.ports import Handler
from workers.common.protection import Protection
from workers.common.settings import WorkerSettings
from workers.common.settle import Settling
from workers.common.sqs import SqsInbox, SqsOutbox, client

_log = logging.getLogger(__name__)


def metrics_of(settings: WorkerSettings) -> Metrics:
    """Return where a worker's metrics go: its standard output."""
    return Metrics(settings.metric_namespace, settings.thoth_environment, settings.service_name)


def serve(
    service: Service,
    settings: WorkerSettings,
    handler: Handler[Any],
    *,
    prefetch: int = 0,
    hourly_cost: float | None = None,
    patience_seconds: float = 300.0,
) -> int:
    """Run the worker until it is told to stop; return the process's exit status."""
    logs.configure(service.name, settings.log_level)
    assert service.stage  # noqa: S101 - every worker of the contract has one
    sqs = client("sqs")
    inbox, results = SqsInbox(sqs, settings.queue_url), SqsOutbox(sqs, settings.results_queue_url)
    dead_letters = SqsOutbox(sqs, settings.dead_letter_queue_url)
    options = Options(
        stage=service.stage,
        visibility_seconds=settings.visibility_timeout_seconds,
        job_seconds=settings.job_timeout_seconds,
        stop_seconds=settings.stop_timeout_seconds,
        prefetch=prefetch,
        hourly_cost=hourly_cost,
        patience_seconds=patience_seconds,
    )
    loop = Loop(
        handler,
        Ports(inbox, results, FolderFiles(settings.jobs_dir)),
        Settling(service, inbox, results, dead_letters, metrics_of(settings)),
        options,
        Heartbeat(health.path_of(settings.service_name)),
        Protection.for_jobs_of(settings.job_timeout_seconds),
    )
    try:
        loop.run()
    except StageError as error:
        _log.critical("can't go on", extra={"code": error.code, "reason": error.message, "hint": error.hint})
        return 1
    except Exception:
        _log.critical("ended by an error of its own", exc_info=True)
        return 1
    return 0


def leave(status: int) -> None:
    """End the process at once: a thread that is still inside a library must not hold up the exit."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
