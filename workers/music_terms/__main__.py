"""Starts the worker as the container does: ``python -m workers.music_terms``."""

from __future__ import annotations

import os
import sys

from thoth_infra.contract.services import MUSIC_TERMS
from workers.common.serve import leave, serve
from workers.common.settings import SettingsInvalid, WorkerSettings
from workers.music_terms.handler import MusicTerms
from workers.music_terms.source import GlossarySource


def main() -> int:
    """Run until told to stop; return the exit status: 2 when the environment lacks something."""
    try:
        settings = WorkerSettings.read(MUSIC_TERMS, os.environ)
    except SettingsInvalid as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return serve(MUSIC_TERMS, settings, MusicTerms(GlossarySource(settings.jobs_dir)))


if __name__ == "__main__":
    leave(main())
