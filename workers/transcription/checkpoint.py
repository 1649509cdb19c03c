"""What a killed or interrupted transcription leaves for the next worker."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from workers.common.ports import JobFiles
from workers.common.transcript import Word

_log = logging.getLogger(__name__)

# The leading dot keeps it out of the artefacts.
NAME = ".transcript-checkpoint.json"


class Checkpoint(BaseModel):
    """The words of the finished groups, and what the rest must be done with to fit them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    key: str
    """What was being done: sound, cuts, model and settings. Another key is another transcript."""
    language: str
    language_probability: float
    groups: tuple[tuple[Word, ...], ...] = ()

    def adding(self, words: tuple[Word, ...]) -> Checkpoint:
        """Return the checkpoint after one group more."""
        return self.model_copy(update={"groups": (*self.groups, words)})


def key_of(**parts: JsonValue) -> str:
    """Return the key of everything that a transcript depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def load(files: JobFiles, key: str) -> Checkpoint | None:
    """Return the checkpoint of ``key``; None when there is none, or only one of something else."""
    try:
        found = Checkpoint.model_validate_json(files.local(NAME).read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        _log.warning("a checkpoint can't be read and is left aside")
        return None
    return found if found.key == key else None


def save(files: JobFiles, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint in one step."""
    with files.writing(NAME) as path:
        path.write_text(checkpoint.model_dump_json(), encoding="utf-8")


def clear(files: JobFiles) -> None:
    """Remove the checkpoint."""
    files.remove(NAME)
