"""Spoken lessons whose every word and time is known: what a transcript is judged by."""

from __future__ import annotations

import itertools
import wave
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from tests.tiny_whisper.corpus import Voices, generator, phrases, voice
from tests.tiny_whisper.espeak import Pcm, Voice, synthesiser

RATE = 16_000
"""Samples a second of all sound here: what Whisper hears."""

Samples = NDArray[np.float32]
"""Mono sound from -1 to 1, shape (samples,)."""

_LOUD = 0.01
_TAIL_SECONDS = 0.02
_CLOSING_SECONDS = 0.5


@dataclass(frozen=True)
class Utterance:
    """A spoken phrase: its sound, and one time in seconds more than words: word i is from bound i to bound i + 1."""

    samples: Samples
    bounds: tuple[float, ...]


@dataclass(frozen=True)
class Spoken:
    """A word or a phrase, from ``start`` to ``end`` seconds of the lesson."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Lesson:
    """A lesson by one speaker, and what is said in it when."""

    samples: Samples
    words: tuple[Spoken, ...]
    phrases: tuple[Spoken, ...]

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return len(self.samples) / RATE

    def write(self, path: Path) -> None:
        """Write the sound as a 16-bit mono WAV file."""
        with wave.open(str(path), "wb") as file:
            file.setframerate(RATE)
            file.setnchannels(1)
            file.setsampwidth(2)
            file.writeframes((np.clip(self.samples, -1, 1) * 32767).astype("<i2").tobytes())


def resample(pcm: Pcm, rate: int) -> Samples:
    """Return 16-bit mono sound of ``rate`` Hz as samples of 16 kHz."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    frame = av.AudioFrame.from_ndarray(pcm[np.newaxis], format="s16", layout="mono")
    frame.sample_rate = rate
    # None asks for what the filter still holds.
    parts = [part.to_ndarray()[0] for part in (*resampler.resample(frame), *resampler.resample(None))]
    return np.concatenate(parts).astype(np.float32) / np.float32(32768)


def bounds_of(starts: Sequence[float | None], end: float) -> tuple[float, ...]:
    """Return the words' starts and ``end``, in seconds; words run together share their time, half for each of a pair.

    The first start must be known: espeak-ng runs a word together with the one before it only.
    """
    bounds: list[float | None] = [*starts, end]
    for index, bound in enumerate(bounds):
        if bound is None:
            before = bounds[index - 1]
            after = next(later for later in bounds[index + 1 :] if later is not None)
            bounds[index] = ((before or 0.0) + after) / 2
    return tuple(float(bound) for bound in bounds if bound is not None)


def speak(text: str, speaker: Voice) -> Utterance:
    """Return a phrase in a voice, without the silence that espeak-ng puts after it.

    Raises:
        EspeakMissing: when espeak-ng is not installed.
    """
    espeak = synthesiser()
    pcm, starts = espeak.say(text, speaker)
    samples = resample(pcm, espeak.rate)
    loud = np.flatnonzero(np.abs(samples) > _LOUD)
    end = min(len(samples), int(loud[-1]) + int(_TAIL_SECONDS * RATE))
    return Utterance(samples[:end], bounds_of(starts, end / RATE))


def lesson(seconds: float, seed: int, *, voices: Voices = Voices.UNSEEN, noise: float | None = -45.0) -> Lesson:
    """Return a lesson of held-out phrases by one speaker, the same for the same arguments.

    A script that calls this must guard its main part by ``if __name__ == "__main__"``: a process is spawned.

    Args:
        seconds: the lesson ends with the phrase that reaches this; 0 gives one phrase.
        seed: chooses speaker, phrases, pauses (0.3 to 1.5 s) and noise.
        voices: whether the speaker is one that the training heard.
        noise: level of white noise in dB of full scale, or None for none.

    Raises:
        EspeakMissing: when espeak-ng is not installed.
    """
    # espeak-ng's sound depends on what it said before, so only a process of its own makes the same lesson twice.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        clean = executor.submit(_spoken, seconds, seed, voices).result()
    if noise is None:
        return clean
    hiss = np.random.default_rng(seed).standard_normal(len(clean.samples), dtype=np.float32)
    return replace(clean, samples=clean.samples + hiss * np.float32(10 ** (noise / 20)))


def _spoken(seconds: float, seed: int, voices: Voices) -> Lesson:
    rng = generator(seed)
    speaker = voice(rng, voices)
    parts: list[Samples] = []
    words: list[Spoken] = []
    said: list[Spoken] = []
    length = 0
    while not said or length < seconds * RATE:
        pause = np.zeros(int(rng.uniform(0.3, 1.5) * RATE), np.float32)
        (text,) = phrases(rng, 1, evaluation=True)
        utterance = speak(text, speaker)
        parts += [pause, utterance.samples]
        start = (length + len(pause)) / RATE
        length += len(pause) + len(utterance.samples)
        spans = itertools.pairwise(utterance.bounds)
        words += [Spoken(word, start + a, start + b) for word, (a, b) in zip(text.split(), spans, strict=True)]
        said.append(Spoken(text, start, length / RATE))
    parts.append(np.zeros(int(_CLOSING_SECONDS * RATE), np.float32))
    return Lesson(np.concatenate(parts), tuple(words), tuple(said))
