"""``python -m workers.transcription`` says at its start what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import ctranslate2
import pytest

from tests.workers.rig import PROJECT
from thoth_infra.contract.services import TRANSCRIPTION

VALUES = {
    "THOTH_ENVIRONMENT": "test",
    "LOG_LEVEL": "INFO",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "METRIC_NAMESPACE": "Thoth",
    "SERVICE_NAME": "transcription",
    "QUEUE_URL": "http://127.0.0.1:9/1/transcription",
    "DEAD_LETTER_QUEUE_URL": "http://127.0.0.1:9/1/transcription-dlq",
    "RESULTS_QUEUE_URL": "http://127.0.0.1:9/1/results",
    "VISIBILITY_TIMEOUT_SECONDS": "300",
    "JOB_TIMEOUT_SECONDS": "3600",
    "STOP_TIMEOUT_SECONDS": "120",
    "WHISPER_MODEL": "large-v3",
    "WHISPER_COMPUTE_TYPE": "int8_float16",
    "WHISPER_BATCH_SIZE": "8",
    "WHISPER_ALLOW_CPU": "false",
    "WHISPER_CHUNK_SECONDS": "30",
    "CHECKPOINT_SECONDS": "120",
    "GPU_HOURLY_COST": "0.5",
}


def start(tmp_path: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    basics = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    return subprocess.run(
        [sys.executable, "-m", "workers.transcription"],
        cwd=PROJECT,
        env={**basics, **keys, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_missing_variables_are_all_named(tmp_path: Path) -> None:
    ended = start(tmp_path, {})
    assert (ended.returncode, ended.stdout) == (2, "")
    for variable in TRANSCRIPTION.variables:
        assert f"{variable.name}: Field required" in ended.stderr


def test_values_without_sense_are_named(tmp_path: Path) -> None:
    folders = {"JOBS_DIR": str(tmp_path), "MODELS_DIR": str(tmp_path)}
    wrong = {
        "WHISPER_CHUNK_SECONDS": "31",
        "WHISPER_BATCH_SIZE": "0",
        "WHISPER_ALLOW_CPU": "perhaps",
        "GPU_HOURLY_COST": "inf",
    }
    ended = start(tmp_path, {**VALUES, **folders, **wrong})
    assert ended.returncode == 2
    named = {line.split(":")[0].strip() for line in ended.stderr.splitlines()[1:]}
    assert named == set(wrong)


def test_a_host_without_a_gpu_ends_the_worker_with_what_to_change(tmp_path: Path) -> None:
    if ctranslate2.get_cuda_device_count():
        pytest.skip("this host has a GPU")
    folders = {"JOBS_DIR": str(tmp_path / "jobs"), "MODELS_DIR": str(tmp_path / "models")}
    assert {*VALUES, *folders} == {variable.name for variable in TRANSCRIPTION.variables}
    ended = start(tmp_path, {**VALUES, **folders})
    assert ended.returncode == 1
    (line,) = [found for found in map(json.loads, ended.stdout.splitlines()) if found["level"] == "CRITICAL"]
    assert line["code"] == "no_gpu"
    assert "whisper.allow_cpu" in line["hint"]
    # Nothing was downloaded.
    assert not (tmp_path / "models").exists()
