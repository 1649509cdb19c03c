"""Inflected and joined forms of a term, by the rules of English spelling. Pure.

The rules make every form that is spoken, and some that nobody says; the latter find nothing and cost nothing.
Irregular forms ("arpeggi") are variants of the glossary.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

from workers.music_terms.words import Words

Inflection: TypeAlias = Literal["noun", "verb", "none"]
_Rule: TypeAlias = Callable[[str], Iterator[str]]

_SIBILANT = re.compile(r"(ss|us|[xz]|ch|sh)$")
_CONSONANT_Y = re.compile(r"[^aeiou]y$")
# One syllable that ends in consonant, vowel, consonant: "strum", "pop"; not "mute", "bow", "play".
_DOUBLES = re.compile(r"^(?:qu|[^aeiou])*[aeiou][^aeiouwxy]$")
_GERUND = re.compile(r"[aeiouy].*ing$")
_PARTICLES = frozenset(["on", "off", "in", "out", "up", "down", "over", "under", "through", "along"])
_LINKS = frozenset(["of", "in", "to", "by", "with", "from", "for", "on"])


def forms(phrase: Words, inflection: Inflection) -> frozenset[Words]:
    """Return ``phrase`` and its forms.

    Nouns have their plural; verbs, which are nouns too ("a pull-off"), also third person, gerund and past. Two words
    are also written as one.
    """
    if inflection == "none":
        return frozenset({phrase})
    nouns = {phrase, *_inflected(phrase, _noun_head(phrase), _plurals)}
    verbs = set(_inflected(phrase, _verb_head(phrase), _verb_forms)) if inflection == "verb" else set()
    return frozenset(nouns | verbs | {(first + second,) for first, second in _joinable(nouns)})


def _joinable(phrases: set[Words]) -> Iterator[tuple[str, str]]:
    for phrase in phrases:
        if len(phrase) == 2 and all(len(word) > 1 and word.isalpha() for word in phrase):
            yield phrase[0], phrase[1]


def _inflected(phrase: Words, head: int, rule: _Rule) -> Iterator[Words]:
    word = phrase[head]
    if len(word) > 1 and word.isascii() and word.isalpha():
        for form in rule(word):
            yield (*phrase[:head], form, *phrase[head + 1 :])


def _noun_head(phrase: Words) -> int:
    """Return the place of the noun: the word before a link ("circle of fifths"), else the last one."""
    return next((place for place in range(len(phrase) - 2) if phrase[place + 1] in _LINKS), len(phrase) - 1)


def _verb_head(phrase: Words) -> int:
    """Return the place of the verb: the first word where a particle comes last ("pull off"), else the last one."""
    return 0 if len(phrase) > 1 and phrase[-1] in _PARTICLES else len(phrase) - 1


def _plurals(word: str) -> Iterator[str]:
    if _SIBILANT.search(word):
        yield word + "es"
    elif _CONSONANT_Y.search(word):
        yield word[:-1] + "ies"
    elif not word.endswith("s"):
        yield word + "s"


def _verb_forms(word: str) -> Iterator[str]:
    if _GERUND.search(word):
        return
    yield from _plurals(word)
    for stem in _stems(word):
        yield stem + "ing"
    if word.endswith("e"):
        yield word + "d"
    elif _CONSONANT_Y.search(word):
        yield word[:-1] + "ied"
    else:
        yield from (stem + "ed" for stem in _stems(word))


def _stems(word: str) -> Iterator[str]:
    """Yield what "-ing" is put to; two ways where English has two ("pedaling", "pedalling")."""
    if word.endswith("ie"):
        yield word[:-2] + "y"
    elif word.endswith("e") and not word.endswith(("ee", "ye", "oe")):
        yield word[:-1]
    elif _DOUBLES.search(word):
        yield word + word[-1]
    else:
        yield word
        if word.endswith(("al", "el")):
            yield word + "l"
