"""The sound of a training window: phrases laid out in time, noise, and Whisper's normalisation. Needs torch.

All of it happens on log-mel features, which is far cheaper than on sound. Frames last 10 ms.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import torch

from tests.tiny_whisper.bank import FLOOR, MELS, Bank, BankedPhrase

FRAMES = 3000
"""Frames of Whisper's window of 30 s."""
POSITIONS = FRAMES // 2
"""Positions of the encoder in 30 s: one for two frames."""

_FRAMES_PER_SECOND = 100
_LEAST_CUT = 30
_SILENT_NOISE = -6.0
_WIDEST_MASK = 8


@dataclass
class Scene:
    """A window of sound, and what is said in it."""

    features: torch.Tensor
    """Shape (80, frames): log10 mel power, or normalised once the scene is complete."""
    used: int
    """Frames until the sound ends; the rest is padding."""
    offset: int
    """Which of the 1,500 positions of a whole window this one's first would be."""
    silent: bool
    said: list[tuple[float, BankedPhrase]] = field(default_factory=list)
    """Phrases with the seconds at which each starts."""
    cut: float | None = None
    """Seconds at which a further phrase starts that the window's end cuts off."""

    @property
    def frames(self) -> int:
        """Length of the window."""
        return int(self.features.shape[1])

    @property
    def speechless(self) -> bool:
        """Whether nobody says anything, not even half a phrase."""
        return not self.said and self.cut is None


class Director:
    """Makes scenes of a bank's phrases, the same ones for the same seed."""

    def __init__(self, bank: Bank, rng: random.Random, seed: int) -> None:
        """Draw noise from a generator of its own, all else from ``rng``."""
        self._bank = bank
        self._rng = rng
        self._noise = np.random.default_rng(seed)

    def scene(self, frames: int) -> Scene:
        """Return a complete scene; one shorter than 30 s lies anywhere in Whisper's window."""
        rng = self._rng
        offset = 0 if frames == FRAMES else rng.randrange(0, POSITIONS - frames // 2 + 1)
        used = frames if rng.random() < 0.6 else rng.randint(frames // 4, frames)
        first = rng.uniform(0, 0.6)
        scene = Scene(torch.full((MELS, frames), FLOOR), used, offset, silent=rng.random() < 0.04)
        self._speak(scene, first)
        self._add_noise(scene)
        _normalise(scene)
        self._mask(scene)
        return scene

    def _speak(self, scene: Scene, start: float) -> None:
        rng = self._rng
        pause = (0.25, 1.6) if rng.random() < 0.5 else (0.08, 0.5)
        # Mostly one speaker, as in a lesson.
        pool = rng.choice(self._bank.by_voice) if rng.random() < 0.7 else self._bank.phrases
        while not scene.silent:
            phrase = rng.choice(pool)
            first = int(start * _FRAMES_PER_SECOND)
            last = first + phrase.log_mel.shape[1]
            if last > scene.used:
                _cut_off(scene, phrase, first)
                return
            scene.features[:, first:last] = phrase.log_mel.float() + rng.uniform(-0.6, 0.2)
            scene.said.append((first / _FRAMES_PER_SECOND, phrase))
            start = first / _FRAMES_PER_SECOND + phrase.seconds + rng.uniform(*pause)

    def _add_noise(self, scene: Scene) -> None:
        """Add coloured noise to most scenes, as power; a silent one is never digital silence."""
        rng, features = self._rng, scene.features
        level = float(features.max()) - rng.uniform(2.5, 6.5) if rng.random() < 0.7 else FLOOR
        if scene.silent and level <= FLOOR:
            level = _SILENT_NOISE
        if level <= FLOOR:
            return
        tilt = torch.linspace(0, -rng.uniform(0, 2), MELS)[:, None]
        grain = torch.from_numpy(self._noise.standard_normal(features.shape, dtype=np.float32))
        noise = level + tilt + 0.25 * grain
        scene.features = torch.log10(10 ** features.clamp(min=FLOOR) + 10**noise)

    def _mask(self, scene: Scene) -> None:
        """Flatten up to two bands of a few mels, so that no single one decides (SpecAugment)."""
        rng = self._rng
        for _ in range(rng.randint(0, 2)):
            first = rng.randrange(0, MELS - _WIDEST_MASK)
            mean = scene.features[:, : scene.used].mean()
            scene.features[first : first + rng.randint(1, _WIDEST_MASK)] = mean


def _cut_off(scene: Scene, phrase: BankedPhrase, first: int) -> None:
    """Let a whole window's end cut a phrase that does not fit, as happens when a long lesson is cut blindly."""
    if scene.frames == FRAMES and scene.used == FRAMES and first < scene.used - _LEAST_CUT:
        scene.features[:, first : scene.used] = phrase.log_mel[:, : scene.used - first].float()
        scene.cut = first / _FRAMES_PER_SECOND


def _normalise(scene: Scene) -> None:
    """Scale as Whisper does, and pad normalised features with zeros as faster-whisper does."""
    features = scene.features.clamp(min=FLOOR)
    loudest = features[:, : scene.used].max()
    scene.features = (torch.maximum(features, loudest - 8) + 4) / 4
    scene.features[:, scene.used :] = 0.0
