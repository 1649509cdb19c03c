"""Inflected and joined forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.music_terms.inflect import Inflection, forms

WORD = st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=10)
PHRASE = st.lists(st.one_of(WORD, st.sampled_from(["on", "off", "of", "7", "é"])), min_size=1, max_size=5).map(tuple)
KIND: st.SearchStrategy[Inflection] = st.sampled_from(["noun", "verb", "none"])


@pytest.mark.parametrize(
    ("phrase", "kind", "expected"),
    [
        ("chord", "noun", "chords"),
        ("bass", "noun", "basses"),
        ("chorus", "noun", "choruses"),
        ("switch", "noun", "switches"),
        ("melody", "noun", "melodies"),
        ("key", "noun", "keys"),
        ("barre chord", "noun", "barre chords"),
        ("circle of fifths", "noun", "circles of fifths"),
        ("power chord", "noun", "powerchord"),
        ("power chord", "noun", "powerchords"),
        ("pull off", "verb", "pull offs"),
        ("pull off", "verb", "pulloff"),
        ("pull off", "verb", "pulloffs"),
        ("pull off", "verb", "pulling off"),
        ("pull off", "verb", "pulled off"),
        ("pull off", "verb", "pulls off"),
        ("hammer on", "verb", "hammering on"),
        ("palm mute", "verb", "palm muting"),
        ("palm mute", "verb", "palm muted"),
        ("strum", "verb", "strumming"),
        ("strum", "verb", "strummed"),
        ("pick", "verb", "picking"),
        ("slide", "verb", "sliding"),
        ("tie", "verb", "tying"),
        ("tie", "verb", "tied"),
        ("bow", "verb", "bowing"),
        ("pedal", "verb", "pedaling"),
        ("pedal", "verb", "pedalling"),
        ("study", "verb", "studied"),
        ("pluck the string", "verb", "pluck the strings"),
    ],
)
def test_forms_that_people_say(phrase: str, kind: Inflection, expected: str) -> None:
    assert tuple(expected.split()) in forms(tuple(phrase.split()), kind)


@pytest.mark.parametrize(
    ("phrase", "kind", "wrong"),
    [
        ("chord", "noun", "chording"),
        ("blues", "noun", "blueses"),
        ("strum", "verb", "struming"),
        ("slide", "verb", "slideing"),
        ("palm muting", "verb", "palm mutinging"),
        ("melody", "noun", "melodys"),
        ("major scale", "none", "major scales"),
        ("a string", "noun", "astring"),
    ],
)
def test_forms_that_are_wrong(phrase: str, kind: Inflection, wrong: str) -> None:
    assert tuple(wrong.split()) not in forms(tuple(phrase.split()), kind)


@given(PHRASE, KIND)
def test_a_phrase_is_a_form_of_itself_and_forms_are_few_words_long(phrase: tuple[str, ...], kind: Inflection) -> None:
    found = forms(phrase, kind)
    assert phrase in found
    assert len(found) <= 16
    for form in found:
        assert all(form)
        assert len(form) in {len(phrase), len(phrase) - 1}


@given(WORD)
def test_a_verb_has_the_forms_of_the_noun_too(word: str) -> None:
    assert forms((word,), "none") <= forms((word,), "noun") <= forms((word,), "verb")
