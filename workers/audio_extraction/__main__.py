"""The worker's process: ``python -m workers.audio_extraction``."""

from __future__ import annotations

import os
import sys

from pydantic import PositiveInt

from thoth_infra.contract.services import AUDIO_EXTRACTION
from workers.audio_extraction.confined import Limits
from workers.audio_extraction.handler import AudioExtraction
from workers.common.serve import leave, serve
from workers.common.settings import SettingsInvalid, WorkerSettings


class ExtractionSettings(WorkerSettings):
    """What the contract gives this worker."""

    ffmpeg_timeout_seconds: PositiveInt
    """Longest time that one FFmpeg run may take."""
    loudness_normalisation: bool


def main() -> int:
    """Run until told to stop; return the exit status: 0 stopped, 1 can't start, 2 settings invalid."""
    try:
        settings = ExtractionSettings.read(AUDIO_EXTRACTION, os.environ)
    except SettingsInvalid as error:
        sys.stderr.write(f"{error}\n")
        return 2
    handler = AudioExtraction(Limits(settings.ffmpeg_timeout_seconds), settings.loudness_normalisation)
    return serve(AUDIO_EXTRACTION, settings, handler)


if __name__ == "__main__":
    leave(main())
