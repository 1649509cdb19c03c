"""A worker's loop in this process, over queues in memory."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.workers.rig import BY_STAGE
from thoth_infra.contract.metrics import NAMESPACE
from thoth_infra.contract.queues import Stage
from workers.common.folder import FolderFiles
from workers.common.health import Heartbeat
from workers.common.loop import Loop
from workers.common.memory import MemoryQueue
from workers.common.metrics import Metrics
from workers.common.options import Options, Ports
from workers.common.ports import Handler
from workers.common.protection import Protection
from workers.common.settle import Settling


@dataclass
class LoopRig:
    """One loop and its queues."""

    stage: Stage
    handler: Handler[Any]
    files: FolderFiles
    prefetch: int = 0
    inbox: MemoryQueue = field(default_factory=MemoryQueue)
    results: MemoryQueue = field(default_factory=MemoryQueue)
    dead_letters: MemoryQueue = field(default_factory=MemoryQueue)

    def __post_init__(self) -> None:
        """Put the loop together."""
        service = BY_STAGE[self.stage]
        self.files.root.mkdir(parents=True, exist_ok=True)
        metrics = Metrics(NAMESPACE, "bench", service.name, io.StringIO())
        self.loop = Loop(
            self.handler,
            Ports(self.inbox, self.results, self.files),
            Settling(service, self.inbox, self.results, self.dead_letters, metrics),
            Options(self.stage, 30, 3600, 10, wait_seconds=1, prefetch=self.prefetch),
            Heartbeat(self.files.root / ".health"),
            Protection(minutes=1, agent_uri=None),
        )

    def run_until(self, condition: Callable[[], bool]) -> None:
        """Run the loop in a thread until ``condition`` holds."""
        thread = threading.Thread(target=self.loop.run)
        thread.start()
        while not condition() and thread.is_alive():
            time.sleep(0.01)
        self.loop.stop()
        thread.join()
