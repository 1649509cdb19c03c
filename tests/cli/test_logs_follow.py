"""Following a log with the command as a process: Ctrl-C, a reader that goes away, and ten thousand lines a second."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws import log_writer
from tests.cli.conftest import Cli
from thoth_infra.emulator import Emulator

OWN, REGION = "087439708020", "us-east-1"
GROUP = "/thoth/staging/api"
SECONDS, LINES_PER_SECOND = 12, 2_000


@pytest.fixture
def variables(aws: Emulator) -> dict[str, str]:
    found = aws.variables(account_id=OWN, region=REGION, role="tfs-ai-staging")
    return {name: value for name, value in found.items() if value}


@pytest.fixture
def following(cli: Cli, aws: Emulator, variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A follower that has shown its first line, and more than a pipe holds still to come."""
    logs = aws.client("logs", account_id=OWN, region=REGION)
    log_writer.create(logs, GROUP)
    begin = int(time.time() * 1000) - 60_000
    for batch in log_writer.batches(begin, 3, 500):
        log_writer.put(logs, GROUP, batch)
    try:
        with cli.start("--json", "logs", "api", "--env", "staging", "--follow", **variables) as process:
            assert process.stdout
            assert json.loads(process.stdout.readline())["message"]
            yield process
            process.kill()
    finally:
        logs.delete_log_group(logGroupName=GROUP)


def test_ctrl_c_ends_a_follower(following: subprocess.Popen[str]) -> None:
    following.send_signal(signal.SIGINT)
    _, err = following.communicate(timeout=60)
    assert (following.returncode, err.splitlines()[-1]) == (130, "Interrupted.")
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_follower_ends_when_its_reader_goes_although_nothing_more_comes(following: subprocess.Popen[str]) -> None:
    assert following.stdout and following.stderr
    left = 5 * 3 * 500 - 1
    for _ in range(left):
        following.stdout.readline()
    following.stdout.close()
    assert following.wait(timeout=60) == 141
    assert "Traceback" not in following.stderr.read()


def _resident(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


@pytest.mark.slow
def test_ten_thousand_lines_a_second_are_followed_in_order_and_in_flat_memory(
    cli: Cli, aws: Emulator, variables: dict[str, str]
) -> None:
    log_writer.create(aws.client("logs", account_id=OWN, region=REGION), GROUP)
    total = len(log_writer.STREAMS) * SECONDS * LINES_PER_SECOND
    follower = cli.start("--json", "logs", "api", "--env", "staging", "--follow", **variables)
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.aws.log_writer", GROUP, str(SECONDS), str(LINES_PER_SECOND)],
        env={**os.environ, **variables, "AWS_REGION": REGION},
    )
    seen: Counter[tuple[int, int]] = Counter()
    in_time: list[str] = []
    resident: list[int] = []
    began = time.monotonic()
    try:
        assert follower.stdout
        for count in range(1, total + 1):
            row = json.loads(follower.stdout.readline())
            fields = json.loads(row["message"])
            seen[fields["s"], fields["n"]] += 1
            if not row["late"]:
                in_time.append(row["at"])
            if count % 5_000 == 0:
                resident.append(_resident(follower.pid))
        took = time.monotonic() - began
        assert writer.wait(timeout=60) == 0
    finally:
        writer.kill()
        writer.wait()
        follower.send_signal(signal.SIGINT)
        rest, err = follower.communicate(timeout=60)

    assert rest == ""
    assert seen == Counter((stream, n) for stream in range(5) for n in range(SECONDS * LINES_PER_SECOND))
    assert in_time == sorted(in_time)
    half = len(resident) // 2
    growth = max(resident[half:]) / max(resident[:half])
    late = total - len(in_time)
    sys.stdout.write(f"{total} lines in {took:.0f} s, {late} late; memory's second half {growth:.3f} of its first\n")
    assert growth < 1.1
    assert "Traceback" not in err
