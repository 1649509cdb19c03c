"""``thoth-infra images build``: what Docker is asked for, and what is said when that can't be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from thoth_infra.aws import images
from thoth_infra.contract.services import IMAGES
from thoth_infra.errors import ThothError

PROJECT = Path(__file__).resolve().parents[2]

# Remembers how it was called; answers what `docker image inspect` is asked for.
_DOCKER = """#!/bin/sh
printf '%s\\n' "$*" >> "$DOCKER_CALLS"
case "$*" in
  *failing*) echo 'no space left on device' >&2; exit 17 ;;
  image*) echo '{"id":"sha256:0123456789abcdef","size":1048576}' ;;
esac
"""


def _run(tmp_path: Path, *arguments: str, docker: bool = True) -> tuple[int, str, str, list[str]]:
    tools = tmp_path / "bin"
    tools.mkdir(exist_ok=True)
    if docker:
        (tools / "docker").write_text(_DOCKER)
        (tools / "docker").chmod(0o755)
    calls = tmp_path / "calls"
    path = f"{tools}:/usr/bin:/bin" if docker else str(tools)
    done = subprocess.run(
        [sys.executable, "-m", "thoth_infra", *arguments],
        cwd=PROJECT,
        env={**os.environ, "PATH": path, "DOCKER_CALLS": str(calls)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr, calls.read_text().splitlines() if calls.exists() else []


def test_every_image_of_the_contract_has_a_target() -> None:
    assert set(images.targets(PROJECT, ())) == set(IMAGES)


def test_images_are_built_by_name_and_their_sizes_told(tmp_path: Path) -> None:
    chosen = ("images", "build", "transcription", "music-terms", "--tag", "1.2", "--network", "host", "--base", "b:1")
    code, out, err, calls = _run(tmp_path, "--json", *chosen)
    assert code == 0, err
    assert [(image["reference"], image["size"]) for image in json.loads(out)] == [
        ("thoth/transcription:1.2", 1048576),
        ("thoth/music-terms:1.2", 1048576),
    ]
    builds = [call for call in calls if call.startswith("build")]
    assert len(builds) == 2
    for name, call in zip(("transcription", "music-terms"), builds, strict=True):
        assert f"--target {name} --tag thoth/{name}:1.2" in call
        assert "--build-arg BASE=b:1" in call
        assert "--network host" in call
        assert call.endswith(" .")
    _, text, _, _ = _run(tmp_path, *chosen)
    assert "1 MiB" in text


def test_a_failing_build_is_an_error_that_names_the_image(tmp_path: Path) -> None:
    code, _, err, _ = _run(tmp_path, "images", "build", "music-terms", "--tag", "failing")
    assert code == 5
    assert "the image music-terms could not be built (docker exit code 17)" in err
    assert "no space left on device" in err


def test_without_docker_it_says_so(tmp_path: Path) -> None:
    code, _, err, _ = _run(tmp_path, "images", "build", "music-terms", "--tag", "x", docker=False)
    assert (code, "docker is not installed" in err) == (5, True)


def test_an_unknown_image_is_answered_with_the_nearest() -> None:
    with pytest.raises(ThothError, match="there is no image 'music-term'") as raised:
        images.targets(PROJECT, ("music-term",))
    assert raised.value.hint == "did you mean 'music-terms'?"
