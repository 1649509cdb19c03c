"""Lessons are reproducible, and what they say of their words is so."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny_whisper.corpus import Voices, held_out
from tests.tiny_whisper.espeak import Espeak, EspeakMissing, Voice
from tests.tiny_whisper.speech import RATE, Lesson, bounds_of, lesson, resample, speak
from workers.transcription import audio


@pytest.fixture(scope="module")
def spoken(espeak: None) -> Lesson:
    return lesson(20, seed=5, voices=Voices.SEEN, noise=None)


def test_the_same_seed_gives_the_same_lesson(spoken: Lesson) -> None:
    again = lesson(20, seed=5, voices=Voices.SEEN, noise=None)
    assert np.array_equal(spoken.samples, again.samples)
    assert (spoken.words, spoken.phrases) == (again.words, again.phrases)


def test_another_seed_gives_another_lesson(spoken: Lesson) -> None:
    assert lesson(20, seed=6, voices=Voices.SEEN, noise=None).phrases != spoken.phrases


def test_words_follow_each_other_inside_their_phrases(spoken: Lesson) -> None:
    words = iter(spoken.words)
    end = 0.0
    for phrase in spoken.phrases:
        assert end < phrase.start
        own = list(itertools.islice(words, len(phrase.text.split())))
        assert " ".join(word.text for word in own) == phrase.text
        assert own[0].start == phrase.start
        assert own[-1].end == pytest.approx(phrase.end)
        assert all(word.start < word.end for word in own)
        assert all(one.end == other.start for one, other in itertools.pairwise(own))
        end = phrase.end
    assert next(words, None) is None
    assert 20 <= end < spoken.seconds


def test_there_is_sound_where_a_word_is_said_and_none_between_phrases(spoken: Lesson) -> None:
    quiet = spoken.samples.copy()
    for word in spoken.words:
        assert np.abs(spoken.samples[int(word.start * RATE) : int(word.end * RATE)]).max() > 0.05, word
    for phrase in spoken.phrases:
        quiet[round(phrase.start * RATE) : round(phrase.end * RATE)] = 0
    assert not quiet.any()


def test_a_lesson_holds_held_out_phrases_only(spoken: Lesson) -> None:
    assert all(held_out(phrase.text) for phrase in spoken.phrases)


def test_no_seconds_give_one_phrase(espeak: None) -> None:
    assert len(lesson(0, seed=1).phrases) == 1


def test_noise_has_the_level_asked_for(spoken: Lesson) -> None:
    noisy = lesson(20, seed=5, voices=Voices.SEEN, noise=-30.0)
    hiss = noisy.samples - spoken.samples
    assert 20 * np.log10(np.sqrt(np.mean(hiss**2))) == pytest.approx(-30, abs=0.5)


def test_the_transcription_worker_reads_the_file(spoken: Lesson, tmp_path: Path) -> None:
    path = tmp_path / audio.NAME
    spoken.write(path)
    assert np.allclose(audio.read(path), spoken.samples, atol=1e-4)


@given(st.lists(st.booleans(), max_size=8))
def test_words_run_together_share_their_time(known: list[bool]) -> None:
    starts = [0.0, *(float(index) if is_known else None for index, is_known in enumerate(known, 1))]
    end = len(starts)
    bounds = bounds_of(starts, end)
    assert len(bounds) == len(starts) + 1
    assert all(one < other for one, other in itertools.pairwise(bounds))
    assert all(bound == start for bound, start in zip(bounds, [*starts, end], strict=True) if start is not None)


def test_resampling_keeps_pitch_and_length() -> None:
    tone = (10_000 * np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050)).astype(np.int16)
    samples = resample(tone, 22_050)
    assert len(samples) == pytest.approx(RATE, abs=2)
    # One second: the number of a bin is its frequency in Hz.
    assert np.abs(np.fft.rfft(samples)).argmax() == 440
    assert np.abs(samples).max() == pytest.approx(10_000 / 32_768, rel=0.02)


def test_a_missing_library_names_the_package() -> None:
    with pytest.raises(EspeakMissing, match="install the Debian package espeak-ng"):
        Espeak("libespeak-that-is-not-here.so")


def test_an_unknown_voice_is_refused(espeak: None) -> None:
    with pytest.raises(ValueError, match="has no voice 'xx-nowhere'"):
        speak("play", Voice("xx-nowhere"))
