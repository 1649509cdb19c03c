"""The health check, as the container runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from thoth_infra.contract.services import HEARTBEAT_CHECK
from workers.common.health import LIMIT_SECONDS, Heartbeat, path_of


def check(folder: Path, service: str = "transcription") -> subprocess.CompletedProcess[str]:
    """Run the contract's command with ``folder`` as the place for temporary files."""
    command = [sys.executable, *HEARTBEAT_CHECK[1:]]
    environment = {**os.environ, "TMPDIR": str(folder), "SERVICE_NAME": service}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def age(path: Path, seconds: float) -> None:
    """Set the heartbeat back, instead of waiting."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_it_follows_the_heartbeat(tmp_path: Path) -> None:
    path = tmp_path / path_of("transcription").name
    heartbeat = Heartbeat(path)
    missing = check(tmp_path)
    assert missing.returncode == 1
    assert "not started" in missing.stderr

    heartbeat.beat()
    assert check(tmp_path).returncode == 0
    age(path, LIMIT_SECONDS / 2)
    assert check(tmp_path).returncode == 0
    assert check(tmp_path, "music-terms").returncode == 1  # another worker's file is no sign of life

    age(path, LIMIT_SECONDS + 5)
    late = check(tmp_path)
    assert late.returncode == 1
    assert "has not turned for 6" in late.stderr

    heartbeat.end()
    heartbeat.end()
    assert check(tmp_path).returncode == 1


def test_a_heart_does_not_beat_at_every_turn(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path / "h")
    heartbeat.beat()
    age(heartbeat.path, 30)
    heartbeat.beat()
    assert time.time() - heartbeat.path.stat().st_mtime > 20
