"""Every make target that the user asked for runs, and calls the command line exactly once, with the right words."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.test_main import ARGUMENT, PROJECT, WANTED


@dataclass(frozen=True)
class Made:
    """How make ended, and the words of each call of the command line."""

    code: int
    calls: list[list[str]]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Made]:
    """Run make with a command line that only notes its words, and ends as it is told."""
    found = shutil.which("make")
    if found is None:
        pytest.skip("no make")
    log, recorder = tmp_path / "calls", tmp_path / "thoth-infra"
    recorder.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"open({str(log)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
        "sys.exit(int(os.environ.get('ENDS', '0')))\n"
    )
    recorder.chmod(0o755)
    clean = {k: v for k, v in os.environ.items() if k not in {"ENV", "ARGS", "SERVICE", "TARGET", "MAKEFLAGS"}}

    def run(*words: str, ends: int = 0) -> Made:
        log.unlink(missing_ok=True)
        # .venv is there: these tests run in it.
        command = [found, "--no-print-directory", "--assume-old=.venv/.installed", f"THOTH={recorder}", *words]
        done = subprocess.run(
            command, cwd=PROJECT, env={**clean, "ENDS": str(ends)}, capture_output=True, text=True, check=False
        )
        lines = log.read_text().splitlines() if log.exists() else []
        return Made(done.returncode, [json.loads(line) for line in lines])

    return run


def wanted(name: str) -> tuple[list[str], list[str]]:
    """Return what is given to make, and the words that the command line is to get."""
    if name not in ARGUMENT:
        return [], [name]
    value = "module.ai_services" if ARGUMENT[name] == "TARGET" else "transcription"
    return [f"{ARGUMENT[name]}={value}"], [name, value]


@pytest.mark.parametrize("name", sorted({*WANTED, "status"} - {"help"}))
def test_a_target_calls_the_command_once(make: Callable[..., Made], name: str) -> None:
    given, words = wanted(name)
    assert make(name, *given) == Made(0, [[*words, "--env", "staging"]])
    options = ("ENV=production", "ARGS=--emulate --set 'a=b c'")
    assert make(name, *given, *options) == Made(0, [[*words, "--env", "production", "--emulate", "--set", "a=b c"]])


@pytest.mark.parametrize("name", ["stop-services", "drift", "restart-service"])
def test_a_target_fails_when_its_command_does(make: Callable[..., Made], name: str) -> None:
    given, _ = wanted(name)
    made = make(name, *given, ends=7)
    assert (made.code, len(made.calls)) == (2, 1)


def test_help_calls_nothing(make: Callable[..., Made]) -> None:
    assert make("help") == Made(0, [])
