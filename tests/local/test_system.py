"""The whole system on this machine: started, used, killed, started again, stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port

PROJECT = Path(__file__).resolve().parents[2]
_TINY = ("--model", "tests/tiny_whisper/model", "--set", "whisper.chunk_seconds=10")

pytestmark = pytest.mark.xdist_group("local")


class Local:
    """``thoth-infra local`` in a project of its own, whose parts are links to this one's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("environments", "templates", "workers", "thoth_infra", "tests", "examples", ".terraform-version"):
            (root / name).symlink_to(PROJECT / name)
        self.port = str(free_port())

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command; return what it printed on standard output."""
        command = [sys.executable, "-m", "thoth_infra", "--root", str(self.root), *arguments]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=240)
        assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}{self.words()}"
        return done.stdout if code == 0 else done.stderr

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run("--json", "local", *arguments))

    def up(self) -> str:
        return self.run("local", "up", "--detach", "--port", self.port, *_TINY)

    def kill(self) -> None:
        """End the supervisor as a lost power supply would."""
        pid = json.loads((self.root / ".thoth/local/running.json").read_text())["pid"]
        os.kill(pid, signal.SIGKILL)

    def prove(self) -> subprocess.CompletedProcess[str]:
        """Send a lesson through with the API's own variables, as a deployment's task does."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command, variables = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
            except OSError:
                continue
            if command.endswith(b"-m\0workers.api\0") and os.fsencode(self.root) in variables:
                environment = dict(os.fsdecode(pair).split("=", 1) for pair in variables.split(b"\0") if pair)
                command_line = [sys.executable, "-m", "workers.api.prove", "--patience", "180"]
                return subprocess.run(
                    command_line, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
                )
        raise AssertionError(f"the API does not run {self.words()}")

    def words(self) -> str:
        logs = sorted((self.root / ".thoth/local/logs").glob("*.log"))
        return "".join(f"\n== {log.name}\n{log.read_text()[-1500:]}" for log in logs)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed (Debian's package ffmpeg)")
    made = Local(tmp_path)
    yield made
    made.run("local", "down")


@pytest.mark.slow
def test_a_lesson_goes_through_and_a_killed_system_goes_on(local: Local) -> None:
    assert "it was not running" in local.run("local", "down")
    assert f"http://127.0.0.1:{local.port}" in local.up()
    assert "it runs already" in local.run("local", "up", "--port", local.port, code=1)
    sample = str(PROJECT / "examples" / "lesson.mp4")
    text = local.run("local", "submit", sample, "--wait")
    assert "[pentatonic scale]" in text
    assert "[metronome]" in text
    proof = local.prove()
    assert (proof.returncode, proof.stdout.splitlines()[-2:-1]) == (0, ["completed"]), proof
    assert proof.stdout.splitlines()[-1], "no word was heard in the lesson that deployments send through"

    (job,) = local.json("submit", sample)
    local.kill()
    assert local.json("status") == {"running": False}
    local.up()
    deadline = time.monotonic() + 120
    while (states := {j["id"]: j["state"] for j in local.json("status")["jobs"]})[job["id"]] != "completed":
        assert states[job["id"]] in {"queued", "running"}, states
        assert time.monotonic() < deadline, local.words()
        time.sleep(0.5)
    assert set(states.values()) == {"completed"}
    assert len(states) == 2

    refused = local.run("local", "submit", str(PROJECT / "README.md"), code=1)
    assert "Hint:" in refused
    assert "stopped" in local.run("local", "down")
    assert not list((local.root / ".thoth/local").glob("*.sqlite3-journal"))


def test_a_taken_port_is_named_before_anything_starts(local: Local) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(local.port)))
        other.listen()
        said = local.run("local", "up", "--detach", "--port", local.port, *_TINY, code=1)
    assert f"port {local.port} is taken" in said
    assert not (local.root / ".thoth/local/logs/up.log").exists()
