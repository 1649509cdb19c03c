"""The start: what the host must have, and the settings that the process must be given."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers.audio_extraction.jobs import LIMITS, PLAIN
from tests.workers.audio_extraction.media import Media
from thoth_infra.contract.services import AUDIO_EXTRACTION
from workers.audio_extraction.__main__ import ExtractionSettings
from workers.audio_extraction.handler import AudioExtraction
from workers.common.errors import StageError
from workers.common.held import Quiet
from workers.common.settings import SettingsInvalid

_ENVIRONMENT = {
    "THOTH_ENVIRONMENT": "dev",
    "LOG_LEVEL": "INFO",
    "AWS_DEFAULT_REGION": "us-east-1",
    "METRIC_NAMESPACE": "Thoth",
    "SERVICE_NAME": "audio-extraction",
    "JOBS_DIR": "/mnt/jobs",
    "QUEUE_URL": "http://queue",
    "DEAD_LETTER_QUEUE_URL": "http://dead",
    "RESULTS_QUEUE_URL": "http://results",
    "VISIBILITY_TIMEOUT_SECONDS": "300",
    "JOB_TIMEOUT_SECONDS": "3600",
    "STOP_TIMEOUT_SECONDS": "115",
    "FFMPEG_TIMEOUT_SECONDS": "3000",
    "LOUDNESS_NORMALISATION": "true",
}


def _host(path: Path, **programs: str) -> Path:
    """Make a folder of programs: the real ones, but for the shell scripts given by name (empty: left out)."""
    path.mkdir()
    for name in ("ffmpeg", "ffprobe", "setpriv", "prlimit", "sh", "grep", "cat"):
        real = shutil.which(name)
        assert real
        if name not in programs:
            (path / name).symlink_to(real)
        elif programs[name]:
            (path / name).write_text(f"#!/bin/sh\n{programs[name]}\n".replace("REAL", real))
            (path / name).chmod(0o755)
    return path


def test_this_host_will_do(media: Media) -> None:
    PLAIN.start(Quiet())


@pytest.mark.parametrize(
    ("programs", "words"),
    [
        ({"ffmpeg": ""}, "not on the PATH: ffmpeg"),
        ({"ffprobe": "", "prlimit": ""}, "not on the PATH: ffprobe, prlimit"),
        ({"ffmpeg": "echo 'ffmpeg version 4.4.2-0ubuntu0 Copyright'"}, "version 4, 5 is needed"),
        ({"ffmpeg": 'REAL "$@" | grep -v ebur128'}, "without the filters ebur128"),
        ({"ffmpeg": 'REAL "$@" | grep -v matroska'}, "without the demuxers matroska"),
        ({"ffprobe": "exit 127"}, "ffprobe -version ended with 127"),
    ],
)
def test_a_host_that_lacks_something(
    media: Media, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: dict[str, str], words: str
) -> None:
    monkeypatch.setenv("PATH", str(_host(tmp_path / "bin", **programs)))

    with pytest.raises(StageError) as caught:
        AudioExtraction(LIMITS, normalise=False).start(Quiet())

    assert caught.value.code == "ffmpeg_missing"
    assert words in caught.value.message
    assert "util-linux" in caught.value.hint


@pytest.mark.parametrize("version", ["n7.1", "N-118000-gabcdef1"])
def test_newer_versions_will_do(media: Media, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    stub = f'[ "$1" = -version ] && echo \'ffmpeg version {version} Copyright\' || exec REAL "$@"'
    monkeypatch.setenv("PATH", str(_host(tmp_path / "bin", ffmpeg=stub)))

    PLAIN.start(Quiet())


def test_settings_are_those_of_the_contract() -> None:
    settings = ExtractionSettings.read(AUDIO_EXTRACTION, _ENVIRONMENT)

    assert (settings.ffmpeg_timeout_seconds, settings.loudness_normalisation) == (3000, True)
    assert {variable.name for variable in AUDIO_EXTRACTION.variables} == set(_ENVIRONMENT)
    assert {name.upper() for name in ExtractionSettings.model_fields} == set(_ENVIRONMENT)


@pytest.mark.parametrize(
    ("name", "value"),
    [("FFMPEG_TIMEOUT_SECONDS", "0"), ("FFMPEG_TIMEOUT_SECONDS", "soon"), ("LOUDNESS_NORMALISATION", "perhaps")],
)
def test_settings_without_sense(name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid, match=name):
        ExtractionSettings.read(AUDIO_EXTRACTION, {**_ENVIRONMENT, name: value})


def test_the_process_says_which_settings_are_missing() -> None:
    given = {"PATH": os.environ["PATH"], **_ENVIRONMENT}
    del given["FFMPEG_TIMEOUT_SECONDS"], given["JOBS_DIR"]

    argv = [sys.executable, "-m", "workers.audio_extraction"]
    done = subprocess.run(argv, env=given, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "FFMPEG_TIMEOUT_SECONDS" in done.stderr
    assert "JOBS_DIR" in done.stderr
    assert "Traceback" not in done.stderr
