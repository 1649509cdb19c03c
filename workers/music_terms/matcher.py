"""Finds the glossary's terms in a row of words, with spaCy's ``PhraseMatcher``.

Most of what is said in a lesson is in no term. Only words that may be reach spaCy, with gaps where others stood: time
goes with the terms that are spoken, and the vocabulary of a worker that runs for weeks does not grow with what people
say.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import compress, pairwise
from typing import NamedTuple

import spacy
from spacy.language import Language
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc

from workers.music_terms.glossary import Glossary, Term, spellings
from workers.music_terms.words import Words, ends_sentence, words

_log = logging.getLogger(__name__)

# Stands between tokens that are not neighbours. No word becomes this token, as it has no letter.
_GAP = "."
# Different words whose tokens are remembered from job to job, about 2 MB; an hour's lesson has some two thousand.
_REMEMBERED = 10_000
# spaCy's language of no language in particular.
_ANY_LANGUAGE = "xx"


class Match(NamedTuple):
    """A term from word ``first`` to word ``last`` of the row, both included."""

    first: int
    last: int
    term: Term


class Matcher:
    """A compiled glossary. Compiling 50,000 terms takes some ten seconds; finding hardly depends on their number."""

    def __init__(self, glossary: Glossary) -> None:
        found = spellings(glossary)
        vocab = pipeline(glossary.language).vocab
        self._vocab = vocab
        self._matcher = PhraseMatcher(vocab, attr="LOWER")
        self._known = _Known(frozenset(token for phrase in found for token in phrase))
        self._single = frozenset(phrase[0] for phrase in found if len(phrase) == 1)
        self._pairs = frozenset(pair for phrase in found for pair in pairwise(phrase))
        self._terms: dict[int, Term] = {}
        for phrase, term in found.items():
            # One by one: a Doc takes kilobytes, of which the matcher keeps a few bytes.
            self._matcher.add(term.id, [Doc(vocab, words=list(phrase))])
            self._terms[vocab.strings[term.id]] = term

    def find(self, texts: Sequence[str]) -> list[Match]:
        """Return the terms in a row of words as they were transcribed, in their order, none overlapping another.

        Where terms overlap, the one with more words wins, then the one with more tokens, then the earlier one.
        """
        tokens, places = self._candidates(texts)
        if not tokens:
            return []
        found = [(key, start, end - 1) for key, start, end in self._matcher(Doc(self._vocab, words=tokens))]
        found.sort(key=lambda match: (places[match[1]] - places[match[2]], match[1] - match[2], match[1]))
        taken: set[int] = set()
        chosen: list[Match] = []
        for key, start, end in found:
            first, last = places[start], places[end]
            # Nothing shorter has been chosen yet, so what overlaps this one covers its first or its last word.
            if first not in taken and last not in taken:
                taken.update(range(first, last + 1))
                chosen.append(Match(first, last, self._terms[key]))
        chosen.sort(key=lambda match: match.first)
        return chosen

    def _candidates(self, texts: Sequence[str]) -> tuple[list[str], list[int]]:
        """Return the tokens that may be in a term, gaps between those apart, and the place of each one's word.

        A token may be in a term when it is one by itself, or stands beside another one as it does in some spelling.
        """
        phrases = list(map(self._known.__getitem__, texts))
        tokens: list[str] = []
        places: list[int] = []
        before, before_place, before_added = _GAP, -1, False
        for place in compress(range(len(phrases)), phrases):
            if place > before_place + 1:
                before = _GAP
            for token in phrases[place]:
                if (before, token) in self._pairs:
                    if not before_added:
                        tokens += (_GAP, before)
                        places += (before_place, before_place)
                    tokens.append(token)
                    places.append(place)
                    before_added = True
                elif token in self._single:
                    tokens += (_GAP, token)
                    places += (place, place)
                    before_added = True
                else:
                    before_added = False
                before, before_place = token, place
        return tokens, places


class _Known(dict[str, Words]):
    """What is left of each different word: tokens of the glossary and gaps; nothing where there is no token."""

    def __init__(self, tokens: frozenset[str]) -> None:
        super().__init__()
        self._tokens = tokens

    def __missing__(self, text: str) -> Words:
        if len(self) >= _REMEMBERED:
            self.clear()
        phrase = tuple(token if token in self._tokens else _GAP for token in words(text))
        known = phrase if any(token != _GAP for token in phrase) else ()
        self[text] = left = (*known, _GAP) if known and ends_sentence(text) else known
        return left


def pipeline(language: str) -> Language:
    """Return spaCy's blank pipeline of a language, or of none in particular where spaCy has none for it."""
    try:
        return spacy.blank(language.replace("_", "-").partition("-")[0].lower())
    except ImportError:
        # Also where a language needs a tokenizer that is not installed: words come tokenized, it would not be used.
        _log.info("spaCy has no pipeline for the language, terms are matched without", extra={"language": language})
        return spacy.blank(_ANY_LANGUAGE)
