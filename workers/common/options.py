"""What a worker's loop is given: its ports, times and how far it reads ahead."""

from __future__ import annotations

from dataclasses import dataclass

from thoth_infra.contract.queues import Stage
from workers.common.ports import Files, Inbox, Outbox


@dataclass(frozen=True)
class Options:
    """Times in seconds, and how far a worker reads ahead."""

    stage: Stage
    visibility_seconds: float
    job_seconds: float
    stop_seconds: float
    wait_seconds: int = 20
    prefetch: int = 0
    hourly_cost: float | None = None
    patience_seconds: float = 300.0
    """A handler that reaches no checkpoint for so long is stuck: the container turns unhealthy."""


@dataclass(frozen=True)
class Ports:
    """What the loop needs from outside."""

    inbox: Inbox
    results: Outbox
    files: Files
