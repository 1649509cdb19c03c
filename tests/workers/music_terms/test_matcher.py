"""What is found in a row of words, and where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.music_terms.lessons import glossary
from workers.music_terms.glossary import spellings
from workers.music_terms.matcher import Matcher, pipeline
from workers.music_terms.words import words

GLOSSARY = glossary(
    "hammer on", "scale", "minor scale", "minor pentatonic scale", "pentatonic", "scale shape", "chord", "root note",
    "C sharp minor", "étude", "circle of fifths",
    hammer_on=("hammer",),
)  # fmt: skip
MATCHER = Matcher(GLOSSARY)
SPELLINGS = spellings(GLOSSARY)

# Words of terms in many guises, words of none, and marks.
PIECES = sorted({token for phrase in SPELLINGS for token in phrase})
TEXT = st.lists(
    st.builds(
        lambda start, core, end: start + core + end,
        st.sampled_from(["", '"', "("]),
        st.one_of(st.sampled_from([*PIECES, "Minor-Pentatonic", "C♯", "the", "—", "hammer-on,"]), st.text(max_size=4)),
        st.sampled_from(["", ",", ".", "'s", "!", "-"]),
    ),
    max_size=25,
)


def found(text: str) -> list[tuple[int, int, str]]:
    return [(match.first, match.last, match.term.id) for match in MATCHER.find(text.split())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("play a hammer-on now", [(2, 2, "hammer-on")]),
        ("play a hammer on now", [(2, 3, "hammer-on")]),
        ("play two Hammer ons, now", [(2, 3, "hammer-on")]),
        ("a HAMMERON", [(1, 1, "hammer-on")]),
        ("the chord's notes", [(1, 1, "chord")]),
        ("chord, chord", [(0, 0, "chord"), (1, 1, "chord")]),
        ("(chord)", [(0, 0, "chord")]),
        ("the minor pentatonic scale here", [(1, 3, "minor-pentatonic-scale")]),
        ("pentatonic scale", [(0, 0, "pentatonic"), (1, 1, "scale")]),
        ("minor scale shape", [(0, 1, "minor-scale")]),
        ("minor pentatonic scale shape", [(0, 2, "minor-pentatonic-scale")]),
        ("minor pentatonic scales", [(0, 2, "minor-pentatonic-scale")]),
        ("circles of fifths", [(0, 2, "circle-of-fifths")]),
        ("C♯ minor", [(0, 1, "c-sharp-minor")]),
        ("c sharp minor scale", [(0, 2, "c-sharp-minor"), (3, 3, "scale")]),
        ("an ÉTUDE and an etude", [(1, 1, "etude"), (4, 4, "etude")]),
        ("chord/scale", [(0, 0, "chord")]),
        ("root, note", [(0, 1, "root-note")]),
        ("root... note", [(0, 1, "root-note")]),
        ("root — note", []),
        ("root. Note", []),
        ("take the hammer. On the next", [(2, 2, "hammer-on")]),
        ("root the note", []),
        ("chordal scaled", []),
        ("", []),
    ],
)
def test_what_is_found(text: str, expected: list[tuple[int, int, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("root the note", ["root", "note"]),
        ("root. Note", ["root", "note"]),
        ("root note", ["root note"]),
        # The longer one begins later, the shorter one ends within it.
        ("minor chord scale chart", ["chord scale chart"]),
        ("minor chord scale", ["minor chord"]),
    ],
)
def test_words_that_are_terms_by_themselves_and_together(text: str, expected: list[str]) -> None:
    matcher = Matcher(glossary("root", "note", "root note", "minor chord", "chord scale chart"))
    assert [match.term.canonical for match in matcher.find(text.split())] == expected


@given(TEXT)
def test_every_match_is_a_spelling_of_its_term_and_none_overlaps(texts: list[str]) -> None:
    end = -1
    for match in MATCHER.find(texts):
        assert end < match.first <= match.last < len(texts)
        end = match.last
        tokens = words(" ".join(texts[match.first : match.last + 1]))
        assert any(
            SPELLINGS.get(tokens[start:stop]) is match.term
            for start in range(len(tokens))
            for stop in range(start + 1, len(tokens) + 1)
        )


@given(st.lists(st.sampled_from([*PIECES, "the", "of"]), max_size=12))
def test_nothing_is_missed(texts: list[str]) -> None:
    """What a plain search finds, and is not found here, overlaps something that is found and is no shorter."""
    chosen = MATCHER.find(texts)
    for first in range(len(texts)):
        for stop in range(first + 1, len(texts) + 1):
            if tuple(texts[first:stop]) in SPELLINGS:
                assert any(
                    match.first < stop and match.last >= first and match.last - match.first + 1 >= stop - first
                    for match in chosen
                )


@given(TEXT)
def test_the_same_words_give_the_same_terms(texts: list[str]) -> None:
    assert Matcher.find(MATCHER, texts) == MATCHER.find(texts)


def test_more_different_words_than_are_remembered_change_nothing() -> None:
    texts = [text for number in range(12_000) for text in (f"word{number}", "root", "note")]
    matcher = Matcher(GLOSSARY)
    assert [match.first for match in matcher.find(texts)] == list(range(1, len(texts), 3))
    assert len(matcher._known) <= 10_000


def test_what_people_say_does_not_make_the_vocabulary_grow() -> None:
    matcher = Matcher(GLOSSARY)
    before = len(matcher._vocab), len(matcher._vocab.strings)
    for number in range(20):
        matcher.find([f"never{number}", "chord", "Root", "NOTE,", f"chord{number}"])
    assert len(matcher._vocab.strings) - before[1] <= 1
    assert len(matcher._vocab) - before[0] <= 1


@pytest.mark.parametrize(
    ("language", "used"),
    [("en", "en"), ("en-GB", "en"), ("PT_br", "pt"), ("de", "de"), ("ja", "xx"), ("yue", "xx"), ("zz", "xx")],
)
def test_each_language_has_its_pipeline_or_the_one_of_none(language: str, used: str) -> None:
    assert pipeline(language).lang == used


@pytest.mark.parametrize("texts", [["和音", "を"], ["和", "音", "を"], ["この", "和音を"]])
def test_a_script_without_blanks_is_found_however_it_is_cut(texts: list[str]) -> None:
    content = glossary("chord", language="ja", chord=("和音",))
    assert [match.term.id for match in Matcher(content).find(texts)] == ["chord"]
