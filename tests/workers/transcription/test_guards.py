"""What counts as made up, and how loops are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.transcription.rig import UNTIMED
from workers.transcription.guards import Figures, Verdict, judge, without_loops

# Few words, so that loops are common.
words = st.lists(st.sampled_from(["one", "two", "three"]), max_size=60)


@pytest.mark.parametrize(
    ("log_probability", "no_speech", "compression", "verdict"),
    [
        (-0.3, 0.0, 1.5, Verdict.GOOD),
        (-1.0, 0.99, 2.4, Verdict.GOOD),  # the thresholds themselves are allowed
        (-1.01, 0.6, 1.0, Verdict.DOUBTFUL),
        (-1.01, 0.61, 1.0, Verdict.SILENT),
        (-1.01, 0.61, 9.0, Verdict.SILENT),
        (-0.2, 0.99, 1.0, Verdict.GOOD),  # sure of its words, whatever it thinks of silence
        (-0.2, 0.0, 2.41, Verdict.DOUBTFUL),
    ],
)
def test_figures_are_judged_by_the_papers_thresholds(
    log_probability: float, no_speech: float, compression: float, verdict: Verdict
) -> None:
    assert judge(Figures("text", log_probability, no_speech, compression)) is verdict


def kept(said: list[str]) -> list[str]:
    return [said[index] for index in without_loops(said)]


@pytest.mark.parametrize("size", range(1, 9))
@pytest.mark.parametrize("times", [1, 2, 4, 5, 9, 40])
def test_a_phrase_is_kept_up_to_four_times(size: int, times: int) -> None:
    phrase = [f"word{number}" for number in range(size)]
    assert kept(["now", *phrase * times, "go"]) == ["now", *phrase * min(times, 4), "go"]


def test_the_first_four_are_kept() -> None:
    assert without_loops(["play", *["la"] * 7, "stop"]) == [0, 1, 2, 3, 4, 8]


def test_case_and_punctuation_do_not_hide_a_loop() -> None:
    assert kept(["One,", "two.", "one", "Two!", "ONE", "two", "one", "two", "one...", "two", "end"]) == [
        "One,", "two.", "one", "Two!", "ONE", "two", "one", "two", "end"
    ]  # fmt: skip


def test_marks_without_letters_are_words_of_their_own() -> None:
    assert kept(["♪", "-", "♪", "-", "!"]) == ["♪", "-", "♪", "-", "!"]
    assert kept(["♪"] * 9) == ["♪"] * 4


def test_two_loops_that_share_a_word_leave_no_third() -> None:
    once = kept([*["a", "b"] * 6, *["c", "b"] * 6, "c"])
    assert kept(once) == once


@UNTIMED
@given(words)
def test_the_order_stays_and_cutting_twice_cuts_nothing_more(said: list[str]) -> None:
    indices = without_loops(said)
    assert indices == sorted(set(indices))
    once = [said[index] for index in indices]
    assert kept(once) == once


@UNTIMED
@given(words)
def test_no_loop_is_left_and_nothing_else_is_lost(said: list[str]) -> None:
    once = kept(said)
    for size in range(1, 9):
        for start in range(len(once) - 5 * size + 1):
            assert once[start : start + size] * 5 != once[start : start + 5 * size]
    if not any(
        said[i : i + k] * 5 == said[i : i + 5 * k] for k in range(1, 9) for i in range(len(said) - 5 * k + 1)
    ):  # fmt: skip
        assert once == said
