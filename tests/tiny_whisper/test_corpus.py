"""The corpus is the one that the committed model was trained on, and evaluation hears nothing of it."""

from __future__ import annotations

import zlib

import pytest

from tests.tiny_whisper.corpus import ACCENTS, TERMS, UNSEEN_VOICES, VARIANTS, WORDS, Voices, generator, phrases, voice

# The training of the committed model: its settings, and the checksum of its phrases.
SEED, PHRASES, CHECKSUM = 1, 6000, 75003493


@pytest.fixture(scope="module")
def trained() -> list[str]:
    return phrases(generator(SEED), PHRASES, evaluation=False)


def test_the_training_phrases_are_those_of_the_committed_model(trained: list[str]) -> None:
    assert zlib.crc32("\n".join(trained).encode()) == CHECKSUM


@pytest.mark.parametrize("seed", range(5))
def test_no_phrase_of_an_evaluation_was_trained_on(trained: list[str], seed: int) -> None:
    assert not set(trained) & set(phrases(generator(seed), 200, evaluation=True))


def test_every_phrase_is_of_the_closed_vocabulary(trained: list[str]) -> None:
    held_out = phrases(generator(SEED), 2000, evaluation=True)
    assert {word for text in (*trained, *held_out) for word in text.split()} == set(WORDS)


def test_held_out_phrases_speak_of_most_terms() -> None:
    texts = phrases(generator(SEED), 500, evaluation=True)
    assert sum(any(term in text for text in texts) for term in TERMS) >= 0.9 * len(TERMS)


def test_no_unseen_voice_can_be_chosen_in_training() -> None:
    rng = generator(SEED)
    seen = {voice(rng, Voices.SEEN).name for _ in range(2000)}
    assert seen == {accent + variant for accent in ACCENTS for variant in VARIANTS}
    assert {voice(rng, Voices.UNSEEN).name for _ in range(100)} == set(UNSEEN_VOICES)
    assert seen.isdisjoint(UNSEEN_VOICES)
