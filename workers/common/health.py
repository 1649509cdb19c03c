"""The container's health: a file that a living loop touches, and the check that reads it.

``python -m workers.common.health`` is the health check of the rendered task definitions.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

# The loop looks after itself every second; three missed health checks are more than this.
LIMIT_SECONDS = 60.0


def path_of(service: str) -> Path:
    """Return the file of a service on this host; ``/tmp`` is the only place that a container may write to."""
    return Path(tempfile.gettempdir()) / f"thoth-{service}.health"


@dataclass
class Heartbeat:
    """The file of one running worker."""

    path: Path
    _last: float = field(default=0.0, init=False)

    def beat(self) -> None:
        """Say that the loop turns; at most once a second."""
        if time.monotonic() - self._last >= 1:
            self.path.touch()
            self._last = time.monotonic()

    def end(self) -> None:
        """Remove the file: what has ended is not healthy."""
        self.path.unlink(missing_ok=True)


def problem(path: Path, limit_seconds: float = LIMIT_SECONDS) -> str | None:
    """Return what is wrong with the worker behind ``path``; None when it is well."""
    try:
        age = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return f"{path} is not there: the worker has not started, or has ended"
    if age > limit_seconds:
        return f"the loop has not turned for {age:.0f} seconds, {limit_seconds:.0f} are allowed"
    return None


def main() -> int:
    """Return 0 when the worker named by ``SERVICE_NAME`` is well, else 1 with the reason on standard error."""
    found = problem(path_of(os.environ.get("SERVICE_NAME", "worker")))
    if found:
        sys.stderr.write(found + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
