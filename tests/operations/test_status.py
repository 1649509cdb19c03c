"""`status`, `stop-services`, `start-services`, `restart-service`, `gpu-status` as an operator sees them on staging."""

from __future__ import annotations

from tests.deploy.conftest import NAME, Estate
from tests.operations.conftest import send
from tests.snapshots import same

ENV = ("--env", NAME)


def test_status_of_a_healthy_environment(staging: Estate) -> None:
    send(staging, "transcription", 3)
    send(staging, "music-terms-dlq", 1)
    same("status.txt", staging.run("status", *ENV).out)
    same("status.json", staging.run("--json", "status", *ENV).out)
