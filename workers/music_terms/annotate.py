"""From a transcript and a matcher to the terms with their times. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from workers.common.transcript import Segment, Transcript, Word
from workers.music_terms.glossary import Glossary
from workers.music_terms.matcher import Match, Matcher
from workers.music_terms.terms import FoundTerm, Terms, UsedCategory, UsedGlossary

# Words on either side of a term in its context.
CONTEXT_WORDS = 6
# What no term begins or ends with, around the words as they were transcribed.
_AROUND = " \t\n.,;:!?…\"'()[]{}«»“”‘’„¿¡-–—"


@dataclass(frozen=True)
class Spoken:
    """The words of all segments in one row: ``segments[i]`` and ``numbers[i]`` tell where ``words[i]`` stands."""

    words: list[Word]
    texts: list[str]
    segments: list[Segment]
    numbers: list[int]

    @classmethod
    def of(cls, transcript: Transcript) -> Spoken:
        """Return a transcript's words."""
        rows = [
            (word, word.text, segment, number)
            for segment in transcript.segments
            for number, word in enumerate(segment.words)
        ]
        words, texts, segments, numbers = map(list, zip(*rows, strict=True)) if rows else ([], [], [], [])
        return cls(words, texts, segments, numbers)


def found_terms(spoken: Spoken, matcher: Matcher) -> Iterator[FoundTerm]:
    """Yield each term as it comes."""
    for number, match in enumerate(matcher.find(spoken.texts), start=1):
        yield _found(spoken, match, number)


def collect(transcript: Transcript, glossary: Glossary, problem: str | None, found: tuple[FoundTerm, ...]) -> Terms:
    """Return the file's content."""
    seen = Counter(term.category for term in found)
    categories = tuple(UsedCategory(id=category.id, name=category.name) for category in glossary.categories)
    return Terms(
        job_id=transcript.job_id,
        language=transcript.language,
        glossary=UsedGlossary(
            name=glossary.name,
            version=glossary.version,
            language=glossary.language,
            categories=categories,
            problem=problem,
        ),
        counts={category.id: seen[category.id] for category in glossary.categories},
        terms=found,
    )


def _found(spoken: Spoken, match: Match, number: int) -> FoundTerm:
    first, last, term = match
    start = spoken.words[first].start
    return FoundTerm(
        id=f"t{number}",
        term=term.id,
        category=term.category,
        surface=" ".join(spoken.texts[first : last + 1]).strip(_AROUND),
        canonical=term.canonical,
        segment_id=spoken.segments[first].id,
        first_word=spoken.numbers[first],
        last_segment_id=spoken.segments[last].id,
        last_word=spoken.numbers[last],
        start=start,
        # A correction by hand may have put a word's end before the start of the one before it.
        end=max(start, spoken.words[last].end),
        context=" ".join(spoken.texts[max(first - CONTEXT_WORDS, 0) : last + 1 + CONTEXT_WORDS]),
    )
