"""Sound is read as it was written, or refused."""

from __future__ import annotations

import itertools
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.tiny_whisper.speech import Lesson
from tests.workers.transcription.rig import silence
from workers.common.errors import PoisonError
from workers.transcription import audio


def wav(path: Path, frames: bytes, rate: int = audio.RATE, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setframerate(rate)
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.writeframes(frames)
    return path


def test_samples_keep_their_values(tmp_path: Path) -> None:
    values = np.array([-32768, -1, 0, 1, 32767], "<i2")
    found = audio.read(wav(tmp_path / "audio.wav", values.tobytes()))
    assert found.dtype == np.float32
    assert (found * 32768).tolist() == values.tolist()
    assert audio.seconds(found) == 5 / 16_000


@pytest.mark.parametrize(
    ("rate", "channels", "width", "named"),
    [(44_100, 1, 2, "44100 Hz"), (16_000, 2, 2, "2 channels"), (16_000, 1, 1, "8 bits"), (16_000, 1, 4, "32 bits")],
)
def test_another_format_is_refused_by_what_it_is(
    tmp_path: Path, rate: int, channels: int, width: int, named: str
) -> None:
    path = wav(tmp_path / "audio.wav", bytes(800), rate, channels, width)
    with pytest.raises(PoisonError) as caught:
        audio.read(path)
    assert caught.value.code == "bad_audio"
    assert named in caught.value.message
    assert "audio-extraction" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\x24\0\0\0WAVEfmt ", b"ID3" + bytes(100), bytes(4096)])
def test_what_is_no_wav_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "audio.wav"
    path.write_bytes(content)
    with pytest.raises(PoisonError, match="bad_audio"):
        audio.read(path)


@pytest.mark.parametrize("lost", [1, 2, 1000])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, lost: int) -> None:
    path = wav(tmp_path / "audio.wav", bytes(3200))
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(PoisonError, match=r"bad_audio: .* cut short"):
        audio.read(path)


@pytest.mark.parametrize("seconds", [0, 0.001, 3])
def test_nobody_speaks_in_silence(seconds: float) -> None:
    assert audio.speech(silence(seconds).samples, 10) == []


def test_speech_is_found_where_somebody_speaks(spoken: Lesson) -> None:
    found = audio.speech(spoken.samples, 10)
    assert all(0 <= start < end <= len(spoken.samples) for start, end in found)
    assert all(end - start <= 10 * audio.RATE for start, end in found)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(found))
    for phrase in spoken.phrases:
        middle = (phrase.start + phrase.end) / 2 * audio.RATE
        assert any(start <= middle < end for start, end in found), phrase
