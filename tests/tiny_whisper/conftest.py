"""What the tests of the tiny model share."""

from __future__ import annotations

import pytest

from tests.tiny_whisper.espeak import EspeakMissing, synthesiser


@pytest.fixture(scope="session")
def espeak() -> None:
    """Skip where espeak-ng is not installed."""
    try:
        synthesiser()
    except EspeakMissing as error:
        pytest.skip(str(error))
