"""What these tests share: one tiny model and one spoken lesson for the whole session."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tiny_whisper import MODEL
from tests.tiny_whisper.corpus import Voices
from tests.tiny_whisper.speech import Lesson, lesson
from tests.workers.transcription.rig import CPU
from workers.transcription.engine import Engine


@pytest.fixture(scope="session")
def model() -> Any:
    """The tiny model, loaded as the worker loads one."""
    return Engine.load("tiny", MODEL, CPU, 1).model


@pytest.fixture(scope="session")
def spoken(media_tools: None) -> Lesson:
    """Half a minute of speech, which makes several chunks of 10 s."""
    return lesson(32, 15, voices=Voices.SEEN)
