"""Sound in memory, and the stretches of it in which somebody speaks."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.common.errors import PoisonError

NAME = "audio.wav"
RATE = 16_000
Samples = NDArray[np.float32]


def read(path: Path) -> Samples:
    """Return the samples of a 16 kHz, mono, 16-bit WAV file, from -1 to 1.

    Raises:
        PoisonError: ``bad_audio`` when it is none.
    """
    try:
        with wave.open(str(path), "rb") as file:
            found = (file.getframerate(), file.getnchannels(), file.getsampwidth())
            if found != (RATE, 1, 2):
                raise PoisonError(
                    "bad_audio",
                    f"{path.name} has {found[0]} Hz, {found[1]} channels, {8 * found[2]} bits",
                    "audio-extraction writes 16 kHz, mono, 16 bits: request that stage again",
                )
            frames = file.getnframes()
            data = file.readframes(frames)
    except (wave.Error, EOFError) as error:
        raise PoisonError(
            "bad_audio", f"{path.name} is no WAV file: {error}", "request audio-extraction again"
        ) from None
    if len(data) != 2 * frames:
        raise PoisonError(
            "bad_audio",
            f"{path.name} is cut short: it has {len(data) // 2} of {frames} samples",
            "request audio-extraction again",
        )
    samples = np.frombuffer(data, dtype="<i2").astype(np.float32)
    samples /= 32768
    return samples


def seconds(samples: Samples) -> float:
    """Return the length of ``samples``."""
    return len(samples) / RATE


def speech(samples: Samples, longest_seconds: float) -> list[tuple[int, int]]:
    """Return where somebody speaks, as pairs of sample numbers, none longer than ``longest_seconds``.

    Silero VAD with the options of faster-whisper's batched pipeline, so that both see the same speech.
    """
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(max_speech_duration_s=longest_seconds, min_silence_duration_ms=160)
    found: list[dict[str, Any]] = get_speech_timestamps(samples, options)
    return [(int(clip["start"]), int(clip["end"])) for clip in found]
