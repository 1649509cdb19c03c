"""Subtitles that players read as they were meant, whatever the words are."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Sequence

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.transcription.rig import UNTIMED
from workers.common import lines
from workers.common.transcript import Segment, Word

# What the model may write, and what SubRip, which knows no escapes, shows of it.
HOSTILE = {
    "chord": "chord",
    "end.": "end.",
    "Now?": "Now?",
    "-->": "→",
    "<b>": "‹b›",
    "</i>": "‹/i›",
    "a<b": "a‹b",
    "&": "&",
    "&amp;": "&amp;",
    "{\\an8}": "(\\an8)",
    "first\n\nsecond": "first second",
    "cr\rlf": "cr lf",
    "nul\0bell\a": "nul bell",
    "\0": "",
    "line\u2028separator": "line separator",
    "שלום": "שלום",
    "\u200fمرحبا\u200f": "\u200fمرحبا\u200f",
    "می\u200cخواهم": "می\u200cخواهم",
    "👩\u200d🎤": "👩\u200d🎤",
    "音階。": "音階。",
    "x" * 60: "x" * 60,
    "NOTE": "NOTE",
    "WEBVTT": "WEBVTT",
}


@st.composite
def spoken(draw: st.DrawFn, text: st.SearchStrategy[str]) -> list[Word]:
    """Draw words as the engine gives them: starts ascend, times have milliseconds."""
    found, start = [], 0
    for step, length, said in draw(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 9000), text), max_size=30)):
        start += step
        found.append(Word(start=start / 1000, end=(start + length) / 1000, text=said, probability=0.5))
    return found


hostile = spoken(st.sampled_from(sorted(HOSTILE)))


def shown(words: Sequence[Word]) -> str:
    return " ".join(" ".join(HOSTILE[word.text] for word in words).split())


@UNTIMED
@given(hostile)
def test_players_read_the_same_words_and_times_from_srt(words: list[Word]) -> None:
    found = lines.segments(words)
    cues = pysubs2.SSAFile.from_string(lines.srt(found), format_="srt") if found else []
    assert [cue.plaintext.replace("\n", " ") for cue in cues] == [shown(segment.words) for segment in found]
    _times_are_kept([(cue.start, cue.end) for cue in cues], found)
    assert all(cue.text.count("\\N") <= 1 for cue in cues)


@UNTIMED
@given(hostile)
def test_players_read_the_same_words_and_times_from_vtt(words: list[Word]) -> None:
    found = lines.segments(words)
    cues = pysubs2.SSAFile.from_string(lines.vtt(found), format_="vtt", keep_html_tags=True)
    read = [html.unescape(cue.text.replace("\\N", " ")) for cue in cues]
    assert read == [_plain(segment.text) for segment in found]
    _times_are_kept([(cue.start, cue.end) for cue in cues], found)
    assert all(cue.text.count("\\N") <= 1 for cue in cues)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[\x00-\x1f\u2028]", " ", text).split())


def _times_are_kept(times: list[tuple[int, int]], found: Sequence[Segment]) -> None:
    assert [start for start, _ in times] == [round(segment.start * 1000) for segment in found]
    assert all(
        end == max(round(segment.end * 1000), start + 1)
        for (start, end), segment in zip(times, found, strict=True)
    )  # fmt: skip
    assert all(one <= other for (one, _), (other, _) in itertools.pairwise(times))


@UNTIMED
@given(hostile)
def test_a_cue_never_holds_what_would_begin_another(words: list[Word]) -> None:
    found = lines.segments(words)
    for content in (lines.srt(found), lines.vtt(found)):
        assert content.count("-->") == len(found)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u2028\u2029]", content)
        content.encode()


@UNTIMED
@given(hostile)
def test_segments_hold_every_word_and_obey_their_limits(words: list[Word]) -> None:
    found = lines.segments(words)
    assert [word for segment in found for word in segment.words] == words
    assert [segment.id for segment in found] == list(range(len(found)))
    for segment in found:
        assert segment.text == " ".join(word.text for word in segment.words)
        assert (segment.start, segment.end) == (segment.words[0].start, max(word.end for word in segment.words))
        if len(segment.words) > 1:
            assert len(segment.text) <= 2 * lines.ROW
            assert segment.end - segment.start <= lines.LONGEST_SECONDS
            pauses = [later.start - word.end for word, later in itertools.pairwise(segment.words)]
            assert max(pauses) <= lines.PAUSE_SECONDS


writable = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=15)


@UNTIMED
@given(spoken(writable.filter(str.strip)))
def test_no_word_is_lost_in_the_text(words: list[Word]) -> None:
    found = lines.segments(words)
    content = lines.text(found)
    assert content.split() == " ".join(word.text for word in words).split()
    assert content.count("\n") == len(found)


def _said(*texts: str) -> list[Word]:
    return [Word(start=n, end=n + 0.9, text=text, probability=0.5) for n, text in enumerate(texts)]


def test_a_sentence_of_a_second_or_more_ends_a_segment() -> None:
    found = lines.segments(_said("Play", "it.", "Now", "(again!)", "Dr.", "Bach"))
    assert [segment.text for segment in found] == ["Play it.", "Now (again!)", "Dr. Bach"]


def test_no_words_make_empty_files_that_are_still_subtitles() -> None:
    assert (lines.segments([]), lines.text([]), lines.srt([]), lines.vtt([])) == ((), "", "", "WEBVTT\n")


@pytest.mark.parametrize(
    ("seconds", "clock"),
    [(0.0, "00:00:00,000"), (59.9996, "00:01:00,000"), (3599.9999, "01:00:00,000"), (36_000.25, "10:00:00,250")],
)
def test_clocks_carry_what_is_rounded(seconds: float, clock: str) -> None:
    found = lines.segments([Word(start=seconds, end=seconds + 1, text="now", probability=1)])
    assert lines.srt(found).splitlines()[1].startswith(f"{clock} --> ")


def test_a_long_line_is_broken_into_two_alike() -> None:
    (segment,) = lines.segments(
        [Word(start=n / 4, end=n / 4 + 0.2, text="scale", probability=1) for n in range(10)]
    )  # fmt: skip
    first, second = lines.srt([segment]).splitlines()[2:4]
    assert (len(first), len(second)) == (29, 29)
