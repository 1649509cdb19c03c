"""manifest.json: what a repeat is judged by."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.workers.common.rig import ARTEFACT, Rig, Scribe, until
from thoth_infra.contract.queues import Stage
from workers.common import manifest
from workers.common.folder import FolderFiles
from workers.common.manifest import Artefact, Manifest, StageRecord
from workers.common.messages import now


def test_it_says_what_is_there_and_what_it_took(rig: Rig) -> None:
    with rig.working(Scribe(metrics={"words": 3}), hourly_cost=36.0):
        rig.send("lesson", attempt=2)
        until(rig.empty)

    said = json.loads(rig.files.job("lesson").local("manifest.json").read_text())
    content = rig.files.job("lesson").local(ARTEFACT).read_bytes()
    assert said["version"] == 1
    assert said["artefacts"] == {ARTEFACT: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}}
    stage = said["stages"]["transcription"]
    assert (stage["attempt"], stage["artefacts"], stage["metrics"]) == (2, [ARTEFACT], {"words": 3})
    assert stage["cost"] == pytest.approx(stage["seconds"] / 100, abs=1e-4)


def test_stages_add_to_it(tmp_path: Path) -> None:
    files = FolderFiles(tmp_path).job("lesson")
    first = StageRecord(attempt=1, artefacts=("a",), finished_at=now(), seconds=1)
    second = StageRecord(attempt=1, artefacts=("b",), finished_at=now(), seconds=2)
    one = manifest.read(files).adding(Stage.AUDIO_EXTRACTION, first, {"a": Artefact(sha256="x", size=1)})
    manifest.write(files, one)
    manifest.write(files, manifest.read(files).adding(Stage.TRANSCRIPTION, second, {"b": Artefact(sha256="y", size=2)}))

    found = manifest.read(files)
    assert found.stages == {Stage.AUDIO_EXTRACTION: first, Stage.TRANSCRIPTION: second}
    assert set(found.artefacts) == {"a", "b"}


@pytest.mark.parametrize("text", ["", "{}", "null", '{"version": 2, "job_id": "lesson"}', "\x00\xff"])
def test_one_that_can_not_be_read_is_none(tmp_path: Path, text: str) -> None:
    files = FolderFiles(tmp_path).job("lesson")
    with files.writing(manifest.NAME) as path:
        path.write_bytes(text.encode("latin-1"))
    assert manifest.read(files) == Manifest(job_id="lesson")


def test_a_large_file_is_measured_whole(tmp_path: Path) -> None:
    path = tmp_path / "large"
    content = bytes(range(256)) * 10_000
    path.write_bytes(content)
    assert manifest.measured(path) == Artefact(sha256=hashlib.sha256(content).hexdigest(), size=len(content))
