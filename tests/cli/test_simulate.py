"""``thoth-infra simulate``: what people and scripts see of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CLEAN, ROOT
from thoth_infra.cli.main import main

LITTLE = ("--jobs-per-hour", "3", "--hours", "24")


class Simulate:
    """Runs the command on the committed environments."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str, json_: bool = False) -> tuple[int, str, str]:
        options = ["--root", str(ROOT), *(["--json"] if json_ else [])]
        with pytest.raises(SystemExit) as ended:
            main([*options, "simulate", "--env", "production", *words])
        out, err = self._capsys.readouterr()
        return int(ended.value.code or 0), out, err

    def runs(self, *words: str) -> list[dict[str, Any]]:
        code, out, err = self(*words, json_=True)
        assert code == 0, err
        found: list[dict[str, Any]] = json.loads(out)["runs"]
        return found


@pytest.fixture
def simulate(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Simulate:
    for name in [name for name in os.environ if name.startswith(("AWS_", "THOTH_"))]:
        monkeypatch.delenv(name)
    return Simulate(capsys)


def test_text_and_json_say_the_same(simulate: Simulate) -> None:
    code, text, _ = simulate(*LITTLE)
    (run,) = simulate.runs(*LITTLE)
    result = run["result"]

    assert code == 0
    assert f"{result['arrived']:,} jobs" in text
    assert f"cost ${result['usd']:,.2f}, ${result['usd_per_audio_hour']:,.4f} per audio hour" in text
    for name in ("audio-extraction", "transcription", "music-terms"):
        assert f"\n{name} " in text
    assert result["arrived"] == result["finished"] > 40
    assert sum(part["usd"] for part in result["cost"]) == pytest.approx(result["usd"])


def test_the_same_seed_gives_the_same_bytes_another_one_not(simulate: Simulate) -> None:
    first, again, other = (simulate(*LITTLE, "--seed", seed, json_=True)[1] for seed in ("4", "4", "5"))
    assert first == again != other


def test_a_trace_is_read(simulate: Simulate, tmp_path: Path) -> None:
    trace = tmp_path / "jobs.csv"
    trace.write_text("at,audio_seconds\n0,1800\n60,3600\n")
    (run,) = simulate.runs("--trace", str(trace))

    assert run["result"]["finished"] == 2
    assert run["result"]["audio_hours"] == 1.5


def test_comparison_stands_side_by_side(simulate: Simulate) -> None:
    changed = "services.transcription.scaling.min=0 gpu_pools.main.on_demand.base_tasks=0"
    words = (*LITTLE, "--compare", "staging", "--compare", changed)
    first, second, third = simulate.runs(*words)
    code, text, _ = simulate(*words)

    assert [run["label"] for run in (first, second, third)] == ["production", "staging", changed]
    assert second["result"]["environment"] == "staging"
    # From zero, jobs wait for hosts; but nobody pays for one that stands by.
    assert third["result"]["wait"]["p95"] > first["result"]["wait"]["p95"]
    assert third["result"]["gpu_hours"] < first["result"]["gpu_hours"]
    assert code == 0 and changed in text.splitlines()[0]
    assert f"{third['result']['usd']:,.2f} ({third['result']['usd'] / first['result']['usd'] - 1:+.0%})" in text


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "give either --trace FILE.csv or --jobs-per-hour N"),
        ((*LITTLE, "--trace", "trace.csv"), 2, "give either --trace FILE.csv or --jobs-per-hour N"),
        (("--trace", "bad.csv"), 3, "bad.csv:2: at: 'noon' is no time"),
        ((*LITTLE, "--shape", "square"), 2, "give flat, day, week, or a file that is there"),
        ((*LITTLE, "--compare", "stagin"), 1, "did you mean 'staging'?"),
        ((*LITTLE, "--compare", "services.transcription.scaling.max=-1"), 3, "services.transcription.scaling.max"),
        ((*LITTLE, "--work", "transcribe=0.1"), 2, "did you mean 'transcription'?"),
        ((*LITTLE, "--work", "transcription=0"), 2, "no number of seconds above 0"),
    ],
)
def test_what_is_wrong_is_said(
    simulate: Simulate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, said: str
) -> None:
    (tmp_path / "trace.csv").write_text("at,audio_seconds\n0,60\n")
    (tmp_path / "bad.csv").write_text("at,audio_seconds\nnoon,60\n")
    monkeypatch.chdir(tmp_path)
    found, out, err = simulate(*words)

    assert (found, out) == (code, "")
    assert said in err


def test_slower_work_waits_longer(simulate: Simulate) -> None:
    (quick,), (slow,) = (simulate.runs(*LITTLE, "--work", f"transcription={pace}") for pace in ("0.01", "0.5"))
    assert quick["result"]["turnaround"]["p50"] < slow["result"]["turnaround"]["p50"]


def test_without_the_extra_it_says_what_to_install() -> None:
    program = "import sys; sys.modules['numba'] = None; from thoth_infra.cli.main import main; main()"
    argv = [sys.executable, "-c", program, "simulate", "--env", "dev", *LITTLE]
    done = subprocess.run(argv, cwd=ROOT, env=CLEAN, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "thoth-infra[simulate]" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_it_with_130() -> None:
    argv = [sys.executable, "-m", "thoth_infra", "simulate", "--env", "production", "--jobs-per-hour", "1000"]
    run = subprocess.Popen([*argv, "--hours", "43800"], cwd=ROOT, env=CLEAN, stderr=subprocess.PIPE, text=True)
    time.sleep(4)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)

    assert (run.returncode, "Traceback" in err) == (130, False)
