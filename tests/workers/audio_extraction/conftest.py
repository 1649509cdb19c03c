"""The media that these tests share."""

from __future__ import annotations

import pytest

from tests.workers.audio_extraction.media import Media, require_ffmpeg


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    """Where FFmpeg makes files; skips the test without FFmpeg."""
    require_ffmpeg()
    return Media(tmp_path_factory.mktemp("media"))
