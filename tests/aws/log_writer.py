"""Writes a service's log as its tasks do: streams side by side, batches that arrive late and in any order.

``python -m tests.aws.log_writer GROUP SECONDS LINES_PER_SECOND`` writes in real time, to the AWS of its environment.
"""

from __future__ import annotations

import heapq
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from thoth_infra.aws.clients import Clients

STREAMS = tuple(f"api/worker/{number:032x}" for number in range(5))
TICK_MS = 100
# Within what a follower waits for; and further, which it shows as late.
_DELAYS_MS = (0, 0, 0, 200, 1_500, 4_000, 7_000)
_STRAGGLING_MS = 14_000


@dataclass(frozen=True)
class Batch:
    """Lines of one stream and one tick; the n-th line of a stream says so."""

    stream: int
    due_ms: int
    events: tuple[dict[str, Any], ...]


def batches(begin_ms: int, seconds: int, lines_per_second: int, seed: int = 1) -> Iterator[Batch]:
    """Yield what is written, in the order of its arrival."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    each = lines_per_second * TICK_MS // 1000
    waiting: list[tuple[int, int, Batch]] = []
    for tick in range(seconds * 1000 // TICK_MS):
        at = begin_ms + tick * TICK_MS
        for stream in range(len(STREAMS)):
            delay = _STRAGGLING_MS if chance.random() < 0.01 else chance.choice(_DELAYS_MS)
            events = tuple(_event(at + n * TICK_MS // each, stream, tick * each + n) for n in range(each))
            batch = Batch(stream, at + TICK_MS + delay, events)
            heapq.heappush(waiting, (batch.due_ms, len(waiting) + tick * 1000 + stream * 10**9, batch))
        while waiting and waiting[0][0] <= at:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def _event(ms: int, stream: int, number: int) -> dict[str, Any]:
    fields = {"level": "INFO", "service": "api", "logger": "workers.api", "message": "line", "s": stream, "n": number}
    return {"timestamp": ms, "message": json.dumps(fields)}


def create(logs: Any, group: str) -> None:
    """Make the group and its streams."""
    logs.create_log_group(logGroupName=group)
    for stream in STREAMS:
        logs.create_log_stream(logGroupName=group, logStreamName=stream)


def put(logs: Any, group: str, batch: Batch) -> None:
    """Send one batch."""
    logs.put_log_events(logGroupName=group, logStreamName=STREAMS[batch.stream], logEvents=list(batch.events))


def main() -> None:
    """Write in real time."""
    group, seconds, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    logs = Clients(dict(os.environ), os.environ["AWS_REGION"])("logs")
    for batch in batches(int(time.time() * 1000), seconds, rate):
        time.sleep(max(batch.due_ms / 1000 - time.time(), 0))
        put(logs, group, batch)


if __name__ == "__main__":
    main()
