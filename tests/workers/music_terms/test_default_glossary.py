"""The packaged glossary is large, clean and finds what teachers say."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.workers.music_terms.lessons import transcript
from workers.music_terms import files
from workers.music_terms.annotate import Spoken, found_terms
from workers.music_terms.glossary import Glossary, Term
from workers.music_terms.inflect import forms
from workers.music_terms.matcher import Matcher
from workers.music_terms.words import Words, words

NEEDED = """barre chord, power chord, major scale, minor scale, pentatonic scale, minor pentatonic scale, major chord,
minor chord, palm muting, hammer on, pull off, alternate picking, strumming pattern, chord progression, root note,
drop tuning, blues scale, bass string, arpeggio, vibrato, capo, metronome, octave, riff, rhythm, tempo, melody,
harmony""".replace("\n", " ").split(", ")

# Said all the time, and rarely of music.
EVERYDAY = """a able about again all also and any as at away back be because been before being better bit both but by
can check come could day did different do does doing done down drop each easy end even every far fast feel few find
first for from front get give go going good got great half hand hard have head hear hello here hold how i if in into
is it just keep key kind know last later left let like line little long look lot low make many maybe me mean might
minute more most move much my need never new next nice no not now of off okay on once one only open or other our out
over part people pick place play point press put quick quite ready really rest right run same say second see set show
side simple slow so some soft song sound start stay step stop strong sure take talk tell than thank that the them then
there these thing think third this time to together too top touch try turn two under until up us use very view wait
want watch way we week well what when where which while who why will with work would wrong yeah yes yet you your"""


@pytest.fixture(scope="module")
def packaged() -> Glossary:
    return files.packaged()


@pytest.fixture(scope="module")
def matcher(packaged: Glossary) -> Matcher:
    return Matcher(packaged)


def found(matcher: Matcher, text: str) -> list[str]:
    return [term.canonical for term in found_terms(Spoken.of(transcript(text)), matcher)]


def test_it_is_large(packaged: Glossary) -> None:
    counts = Counter(term.category for term in packaged.terms)
    assert len(packaged.terms) >= 500
    assert len(counts) >= 8
    assert min(counts.values()) >= 20
    assert {"guitar", "piano", "theory", "technique", "gear", "notation"} <= set(counts)


def test_definitions_are_one_sentence_each_and_none_is_there_twice(packaged: Glossary) -> None:
    for term in packaged.terms:
        assert re.fullmatch(r"[A-Z][^.!?]{14,180}\.", term.definition), term
    definitions = Counter(term.definition for term in packaged.terms)
    assert not [text for text, count in definitions.items() if count > 1]


def test_canonical_forms_are_unique_and_no_variant_is_listed_twice(packaged: Glossary) -> None:
    assert len({term.canonical.lower() for term in packaged.terms}) == len(packaged.terms)
    for term in packaged.terms:
        listed = [words(text) for text in (term.canonical, *term.variants)]
        assert len(set(listed)) == len(listed), term


def test_no_form_belongs_to_two_terms_even_a_generated_one(packaged: Glossary) -> None:
    owners: dict[Words, Term] = {}
    for term in packaged.terms:
        for text in (term.canonical, *term.variants):
            for form in forms(words(text), term.inflect):
                owner = owners.setdefault(form, term)
                assert owner is term, f"{form}: {owner.id}, {term.id}"


@pytest.mark.parametrize("canonical", NEEDED)
def test_each_of_these_is_found_by_its_name_alone_and_in_a_sentence(matcher: Matcher, canonical: str) -> None:
    assert found(matcher, canonical) == [canonical]
    assert canonical in found(matcher, f"Now play the {canonical}, then use the {canonical}s slowly")


def test_every_term_is_found_by_each_of_its_listed_spellings(packaged: Glossary, matcher: Matcher) -> None:
    for term in packaged.terms:
        for text in (term.canonical, *term.variants):
            assert found(matcher, text) == [term.canonical]


def test_everyday_words_are_no_terms(matcher: Matcher) -> None:
    assert [word for word in EVERYDAY.split() if found(matcher, word)] == []


@pytest.mark.parametrize(
    "talk",
    [
        "One, two, three, four. Five, six, seven, eight!",
        "So, what I want you to do now is really simple.",
        "If you get lost, just turn around and go back to where we were.",
        "Pick up where you left off and take the rest of the week.",
        "That's a minor problem, but it's a major step for you.",
        "I'm right here, let me know what you think in the comments.",
    ],
)
def test_small_talk_has_no_terms(matcher: Matcher, talk: str) -> None:
    assert found(matcher, talk) == []


def test_a_lesson(matcher: Matcher) -> None:
    text = """Today we're working on Hammer-ons and pull offs, over a 12-bar blues in 4/4 time. Take the C♯ minor
    chord, then a B♭ major. Palm-muted 16th notes with a powerchord! Barré chords on the guitar's fret board."""
    assert found(matcher, text) == [
        "hammer on", "pull off", "twelve bar blues", "four four time", "C sharp minor", "B flat major",
        "palm muting", "sixteenth note", "power chord", "barre chord", "guitar", "fretboard",
    ]  # fmt: skip
