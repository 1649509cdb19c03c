"""``manifest.json``: what a job's folder holds, and what each stage took and cost."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from thoth_infra.contract.queues import Stage
from workers.common.ports import JobFiles

NAME = "manifest.json"
_BLOCK = 1 << 20


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Artefact(_Model):
    """One file of the folder."""

    sha256: str
    size: int


class StageRecord(_Model):
    """One finished stage."""

    attempt: int
    artefacts: tuple[str, ...]
    finished_at: AwareDatetime
    seconds: FiniteFloat
    """Working time."""
    audio_seconds: FiniteFloat | None = None
    cost: FiniteFloat | None = None
    """US dollars of compute; None where no hourly cost is known."""
    metrics: dict[str, FiniteFloat] = Field(default_factory=dict)


class Manifest(_Model):
    """The whole file."""

    version: Literal[1] = 1
    job_id: str
    artefacts: dict[str, Artefact] = Field(default_factory=dict)
    stages: dict[Stage, StageRecord] = Field(default_factory=dict)

    def adding(self, stage: Stage, record: StageRecord, artefacts: dict[str, Artefact]) -> Manifest:
        """Return the manifest with one stage more."""
        return self.model_copy(
            update={
                "artefacts": {**self.artefacts, **artefacts},
                "stages": {**self.stages, stage: record},
            }
        )


def read(files: JobFiles) -> Manifest:
    """Return a job's manifest; an empty one when there is none, or one that an older release wrote differently."""
    try:
        return Manifest.model_validate_json(files.local(NAME).read_bytes())
    except (FileNotFoundError, ValidationError):
        return Manifest(job_id=files.job_id)


def write(files: JobFiles, manifest: Manifest) -> None:
    """Replace a job's manifest in one step."""
    with files.writing(NAME) as path:
        path.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def measured(path: Path) -> Artefact:
    """Return size and checksum of a file, read in blocks."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return Artefact(sha256=digest.hexdigest(), size=size)


def is_whole(files: JobFiles, manifest: Manifest, record: StageRecord) -> bool:
    """Whether every artefact of a stage is in the folder as the manifest describes it."""
    try:
        return all(measured(files.local(name)) == manifest.artefacts.get(name) for name in record.artefacts)
    except FileNotFoundError:
        return False
