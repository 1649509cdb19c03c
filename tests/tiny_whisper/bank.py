"""The spoken phrases that training windows are put together from. Needs torch."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from faster_whisper.feature_extractor import FeatureExtractor

from tests.tiny_whisper.corpus import Voices, generator, phrases, voice
from tests.tiny_whisper.espeak import Voice
from tests.tiny_whisper.speech import RATE, Samples, speak
from tests.tiny_whisper.tokens import Vocabulary

HOP = 160
"""Samples from one feature frame to the next: 100 frames a second. This and the next two are Whisper's."""
FFT = 400
MELS = 80
FLOOR = -10.0
"""log10 of the least power that counts: silence."""

_STOP_SECONDS = 0.1


@dataclass(frozen=True)
class BankedPhrase:
    """A phrase as Whisper sees it: features, and its tokens with the span of seconds that each is spoken in."""

    log_mel: torch.Tensor
    """log10 of the mel power, before Whisper's normalisation: shape (80, frames), half precision."""
    tokens: tuple[int, ...]
    spans: tuple[tuple[float, float], ...]
    seconds: float


class MelSpectrogram:
    """Sound to log10 mel power, as faster-whisper's `FeatureExtractor` computes it, before it normalises."""

    def __init__(self) -> None:
        """Take faster-whisper's filters."""
        self._filters = torch.from_numpy(FeatureExtractor(MELS).mel_filters)
        self._window = torch.hann_window(FFT)

    def __call__(self, samples: Samples) -> torch.Tensor:
        """Return shape (80, frames)."""
        spectrum = torch.stft(torch.from_numpy(samples), FFT, HOP, window=self._window, return_complex=True)
        power = self._filters @ spectrum[..., :-1].abs() ** 2
        return torch.log10(power.clamp(min=10**FLOOR))


@dataclass(frozen=True)
class Bank:
    """All phrases, and the same by voice (`Voice.name`, ascending)."""

    phrases: list[BankedPhrase]
    by_voice: list[list[BankedPhrase]]

    @property
    def hours(self) -> float:
        """Length of all phrases."""
        return sum(phrase.seconds for phrase in self.phrases) / 3600


def fill(vocabulary: Vocabulary, count: int, seed: int) -> Bank:
    """Speak ``count`` phrases that are not held out, each in a voice of the training."""
    rng = generator(seed)
    spectrogram = MelSpectrogram()
    banked: list[BankedPhrase] = []
    by_voice: dict[str, list[BankedPhrase]] = {}
    for text in phrases(rng, count, evaluation=False):
        speaker = voice(rng, Voices.SEEN)
        phrase = _banked(text, speaker, vocabulary, spectrogram)
        banked.append(phrase)
        by_voice.setdefault(speaker.name, []).append(phrase)
    return Bank(banked, [by_voice[name] for name in sorted(by_voice)])


def _banked(text: str, speaker: Voice, vocabulary: Vocabulary, spectrogram: MelSpectrogram) -> BankedPhrase:
    utterance = speak(text, speaker)
    tokens: list[int] = []
    spans: list[tuple[float, float]] = []
    for word, (start, end) in zip(text.split(), itertools.pairwise(utterance.bounds), strict=True):
        pieces = vocabulary.word(word)
        step = (end - start) / len(pieces)
        tokens += pieces
        spans += [(start + index * step, start + (index + 1) * step) for index in range(len(pieces))]
    (stop,) = vocabulary.text(".")
    tokens.append(stop)
    spans.append((utterance.bounds[-1], utterance.bounds[-1] + _STOP_SECONDS))
    features = spectrogram(utterance.samples).half()
    return BankedPhrase(features, tuple(tokens), tuple(spans), len(utterance.samples) / RATE)
