"""Files broken at random, from fixed seeds: each one is a lesson or is refused with a reason, and none hangs."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.workers.audio_extraction.jobs import CODES, LIMITS, children, lesson
from tests.workers.audio_extraction.media import Media
from workers.audio_extraction.handler import AudioExtraction
from workers.common.errors import StageError

_KINDS = ("mp4", "m4a", "mkv", "webm", "mp3", "ogg", "flac", "wav", "mpeg", "ts")
_FILES = 42
_MORE = 1000


def _flipped(chance: random.Random, file: bytearray, _: bytes) -> bytearray:
    for _number in range(chance.choice((1, 10, 100, 1000))):
        file[chance.randrange(len(file))] ^= 1 << chance.randrange(8)
    return file


def _header_changed(chance: random.Random, file: bytearray, _: bytes) -> bytearray:
    for _number in range(chance.choice((1, 3, 10))):
        file[chance.randrange(min(len(file), 600))] = chance.randrange(256)
    return file


def _index_changed(chance: random.Random, file: bytearray, _: bytes) -> bytearray:
    for _number in range(chance.choice((1, 3, 10))):
        file[-chance.randrange(1, min(len(file), 1500))] = chance.randrange(256)
    return file


def _cut(chance: random.Random, file: bytearray, _: bytes) -> bytearray:
    return file[: chance.randrange(len(file))]


def _spliced(chance: random.Random, file: bytearray, other: bytes) -> bytearray:
    at, start = chance.randrange(len(file)), chance.randrange(len(other))
    file[at:at] = other[start : start + chance.randrange(1, 50_000)]
    return file


def _blanked(chance: random.Random, file: bytearray, _: bytes) -> bytearray:
    at = chance.randrange(len(file))
    end = min(at + chance.randrange(1, 20_000), len(file))
    file[at:end] = bytes(end - at)
    return file


_WAYS = (_flipped, _header_changed, _index_changed, _cut, _spliced, _blanked)


def _try(media: Media, root: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    kind = _KINDS[seed % len(_KINDS)]
    good, other = media.lesson(kind).read_bytes(), media.lesson(chance.choice(_KINDS)).read_bytes()
    broken = _WAYS[seed // len(_KINDS) % len(_WAYS)](chance, bytearray(good), other)
    work = lesson(root, bytes(broken), f"source.{kind}".replace(".ts", ".mpeg"))
    before = work.listing()
    try:
        # Some with normalisation, which reads what the first run has written.
        work.perform(AudioExtraction(LIMITS, normalise=seed % 5 == 0))
    except StageError as error:
        assert error.code in CODES
        assert not error.retryable
        assert work.listing() == before
    else:
        assert work.sound.seconds == pytest.approx(work.description.duration, abs=0.001)
        assert set(work.listing()) == {*before, "audio.wav", "audio.json", "manifest.json"}
    assert not children()


@pytest.mark.parametrize("seed", range(_FILES))
def test_broken_files(media: Media, tmp_path: Path, seed: int) -> None:
    _try(media, tmp_path, seed)


@pytest.mark.slow
def test_a_thousand_broken_files(media: Media, tmp_path: Path) -> None:
    for seed in range(_FILES, _FILES + _MORE):
        _try(media, tmp_path / str(seed), seed)
