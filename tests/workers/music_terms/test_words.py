"""Words become tokens in which different ways to write the same thing are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.music_terms.words import ends_sentence, words


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("chord,", "chord"),
        ("“Chord”", "chord"),
        ("CHORD...", "chord"),
        ("Hammer-On", "hammer on"),
        ("hammer‑on", "hammer on"),
        ("guitar's", "guitar"),
        ("guitar’s", "guitar"),
        ("guitars'", "guitars"),
        ("that's", "that"),
        ("don't", "dont"),
        ("barré", "barre"),
        ("étude", "etude"),
        ("ｓｃａｌｅ", "scale"),
        ("C♯", "c sharp"),
        ("C#", "c sharp"),
        ("F#m7", "f sharp m7"),
        ("B♭", "b flat"),
        ("Bb", "b flat"),
        ("Ebm", "e flat m"),
        ("♯", "sharp"),
        ("B♭️", "b flat"),
        ("Abs", "abs"),
        ("Ebb", "ebb"),
        ("bb", "bb"),
        ("7th", "seventh"),
        ("12-bar", "twelve bar"),
        ("64th", "sixty fourth"),
        ("440", "440"),
        ("3/4", "three over four"),
        ("riff/lick", "riff lick"),
        ("soft\u00adware", "software"),
        ("和音", "和 音"),
        ("コード", "コ ー ド"),
        ("हिंदी", "हिंदी"),
        ("Straße", "strasse"),
        ("…", ""),
        ("—", ""),
        ("🎸", ""),
        ("", ""),
    ],
)
def test_spellings_of_one_thing_become_the_same_tokens(text: str, tokens: str) -> None:
    assert words(text) == tuple(tokens.split())


@pytest.mark.parametrize("word", ["chord.", "chord!", "chord?", 'chord."', "chord.)", "和音。", "chord?!"])
def test_a_sentence_ends(word: str) -> None:
    assert ends_sentence(word)


@pytest.mark.parametrize("word", ["chord", "chord,", "chord...", "chord…", "chord;", "1.5", "-", ""])
def test_a_pause_does_not_end_a_sentence(word: str) -> None:
    assert not ends_sentence(word)


@given(st.text())
def test_tokens_are_never_empty_never_hold_a_blank_and_are_case_folded(text: str) -> None:
    for token in words(text):
        assert token
        assert token.split() == [token]
        assert token == token.casefold()


@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "Z", "S")), max_size=30))
def test_tokens_are_final(text: str) -> None:
    once = " ".join(words(text))
    assert " ".join(words(once)) == once


@given(st.text(alphabet="abcdefgABCDEFG", max_size=6), st.sampled_from(["", ".", ",", "!", '"', "("]))
def test_punctuation_around_a_word_changes_nothing(text: str, mark: str) -> None:
    # The underscore takes the way that all kinds of characters take; letters alone take a shorter one.
    assert words(mark + text + mark) == words(text) == words(f"_{text}") if text[1:2] != "b" else True
