"""Word error rate: its definition, and what must hold of any distance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny_whisper.error_rate import ErrorRate, edits, matches, normalised

SENTENCE = ["play", "the", "minor", "chord"]
# Few different words, so that many are equal.
TEXTS = st.lists(st.sampled_from(["play", "the", "chord", "riff"]), max_size=8)


@pytest.mark.parametrize(
    ("heard", "wrong"),
    [
        ("play the minor chord", 0),
        ("play a minor chord", 1),
        ("play minor chord", 1),
        ("play the the minor chord", 1),
        ("minor chord play the", 4),
        ("", 4),
    ],
)
def test_each_word_substituted_left_out_or_put_in_counts_once(heard: str, wrong: int) -> None:
    assert ErrorRate.between(SENTENCE, heard.split()) == ErrorRate(wrong, 4)


@given(TEXTS, TEXTS)
def test_edits_are_symmetric_and_zero_for_equal_texts_only(one: list[str], other: list[str]) -> None:
    assert edits(one, other) == edits(other, one)
    assert (edits(one, other) == 0) == (one == other)


@given(TEXTS, TEXTS)
def test_edits_lie_between_the_difference_of_lengths_and_the_longer_length(one: list[str], other: list[str]) -> None:
    assert abs(len(one) - len(other)) <= edits(one, other) <= max(len(one), len(other))


@given(TEXTS, TEXTS, TEXTS)
def test_a_detour_is_never_shorter(one: list[str], way: list[str], other: list[str]) -> None:
    assert edits(one, other) <= edits(one, way) + edits(way, other)


@given(TEXTS, TEXTS, st.lists(st.just("capo"), max_size=3))
def test_equal_beginnings_and_endings_do_not_count(one: list[str], other: list[str], same: list[str]) -> None:
    assert edits(same + one, same + other) == edits(one + same, other + same) == edits(one, other)


@given(TEXTS, TEXTS)
def test_matches_are_equal_words_in_order(one: list[str], other: list[str]) -> None:
    pairs = matches(one, other)
    assert all(one[left] == other[right] for left, right in pairs)
    for side in zip(*pairs, strict=True):
        assert list(side) == sorted(set(side))
    assert edits(one, other) <= len(one) + len(other) - 2 * len(pairs)


@given(TEXTS)
def test_a_text_matches_itself_whole(text: list[str]) -> None:
    assert matches(text, text) == [(index, index) for index in range(len(text))]


@given(st.text())
def test_normalising_again_changes_nothing(text: str) -> None:
    words = normalised(text)
    assert normalised(" ".join(words)) == words


def test_case_and_punctuation_do_not_count() -> None:
    assert normalised(" Play the capo. Pull-off, 2 times!") == ["play", "the", "capo", "pull", "off", "times"]


def test_rates_of_several_texts_add_up_by_words() -> None:
    both = ErrorRate(1, 2) + ErrorRate(0, 8)
    assert both.rate == pytest.approx(0.1)
