"""Prints how quick the matcher is beside spaCy's EntityRuler: ``python -m tests.workers.music_terms.bench``.

Ratios of runs that take turns in one process; exit 1 when a bound is missed. Both sides get what a transcript gives:
the ruler the text, as ``nlp(text)`` wants it, the matcher the words. Both find every spelling of the glossary.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import spacy

from tests.bench.measure import Row, alternate, table
from workers.music_terms import files
from workers.music_terms.glossary import Category, Glossary, Term, spellings
from workers.music_terms.matcher import Matcher

# An hour of speech, about.
WORDS = 10_000
MANY_WORDS = 500_000
# The token ruler does a few thousand words a second; the others are given more, so that seconds can be compared.
WORDS_FOR_TOKEN_PATTERNS = 1_000
RUNS = 15
SMALL, LARGE = 5_000, 50_000
SEED = 20

# What teachers say between the terms.
TALK = """
Hello and welcome back, it's great to see you here again.
So, what I want you to do now is really simple.
Don't worry if this feels strange at first, that's completely normal.
Let me show you that one more time, and this time a little slower.
If you get lost, just go back to where we were a minute ago.
Okay, now it's your turn, and I'll wait for you right here.
Most people get this wrong because they try to go too fast.
You can see what I'm doing with my thumb, and you should do the same.
We'll come back to this later, because it's going to matter a lot.
There you go, that already sounds so much better than last week.
""".strip().splitlines()


def lesson(glossary: Glossary, count: int) -> list[str]:
    """Return ``count`` words: the glossary's definitions, which are full of terms, each between two lines of talk."""
    rng = random.Random(SEED)  # noqa: S311 - no secret
    words: list[str] = []
    while len(words) < count:
        definition = rng.choice(glossary.terms).definition
        words += f"{rng.choice(TALK)} {definition} {rng.choice(TALK)}".split()
    return words[:count]


def ruler(glossary: Glossary, kind: str) -> Any:
    """Return a pipeline with an EntityRuler of the same spellings, as token or as phrase patterns, in lower case."""
    nlp = spacy.blank("en")
    pipe: Any = nlp.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"})
    pipe.add_patterns(
        [
            {
                "label": term.category,
                "id": term.id,
                "pattern": [{"LOWER": word} for word in phrase] if kind == "token" else " ".join(phrase),
            }
            for phrase, term in spellings(glossary).items()
        ]
    )
    return nlp


def seconds(run: Callable[[], object]) -> Callable[[], float]:
    """Return a function that runs ``run`` and returns its seconds."""

    def timed() -> float:
        began = time.perf_counter()
        run()
        return time.perf_counter() - began

    return timed


def per_word(runs: int, *sides: tuple[Callable[[Any], object], Any, int]) -> list[float]:
    """Return the seconds per word of each side: a function, what it is given, and how many words that is."""
    timed = [seconds(partial(run, given)) for run, given, _ in sides]
    alternate(1, *timed)
    return [median / count for median, (_, _, count) in zip(alternate(runs, *timed), sides, strict=True)]


def beside_rulers(glossary: Glossary) -> Iterator[Row]:
    """The matcher beside both kinds of EntityRuler, over the same lesson."""
    words = lesson(glossary, WORDS)
    few = words[:WORDS_FOR_TOKEN_PATTERNS]
    matcher, token, phrase = Matcher(glossary), ruler(glossary, "token"), ruler(glossary, "phrase")
    ours, tokens, phrases = per_word(
        RUNS, (matcher.find, words, WORDS), (token, " ".join(few), len(few)), (phrase, " ".join(words), WORDS)
    )
    share = sum(match.last - match.first + 1 for match in matcher.find(words)) / WORDS
    note = f"{1 / ours:,.0f} words/s, {share:.0%} of the words in terms, beside"
    yield Row(
        "words/s, matcher / EntityRuler, token patterns", tokens / ours, "×", None, f"{note} {1 / tokens:,.0f}", 10
    )
    yield Row(
        "words/s, matcher / EntityRuler, phrase patterns", phrases / ours, "×", None, f"{note} {1 / phrases:,.0f}", 10
    )


def synthetic(count: int) -> Glossary:
    """Return a glossary of ``count`` terms of one to three made-up words."""
    rng = random.Random(SEED)  # noqa: S311 - no secret
    syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "on")]
    phrases: dict[str, None] = {}
    while len(phrases) < count:
        phrases[" ".join("".join(rng.choices(syllables, k=3)) for _ in range(rng.randint(1, 3)))] = None
    terms = tuple(
        Term(id=f"x{number}", category="made-up", canonical=phrase, definition="Made up.")
        for number, phrase in enumerate(phrases)
    )
    category = Category(id="made-up", name="Made up", description="Made up.")
    return Glossary(name="made up", version=1, categories=(category,), terms=terms)


def talk_with(glossary: Glossary, count: int) -> list[str]:
    """Return ``count`` words of talk with a term of ``glossary`` after each line."""
    rng = random.Random(SEED)  # noqa: S311 - no secret
    words: list[str] = []
    while len(words) < count:
        words += f"{rng.choice(TALK)} {rng.choice(glossary.terms).canonical}".split()
    return words[:count]


def growth() -> Iterator[Row]:
    """Ten times the terms, ten times the words: seconds per word, and to compile seconds per term."""
    small, large = synthetic(SMALL), synthetic(LARGE)
    compiling = alternate(1, seconds(lambda: Matcher(small)), seconds(lambda: Matcher(large)))
    little, much = Matcher(small), Matcher(large)
    # The same words for both, with terms that both know.
    words = talk_with(small, MANY_WORDS)
    hour = words[:WORDS]
    few, many, short = per_word(
        RUNS, (little.find, words, MANY_WORDS), (much.find, words, MANY_WORDS), (much.find, hour, WORDS)
    )
    yield Row(f"s/word, {LARGE:,} / {SMALL:,} terms", many / few, "×", 2, f"{many * 1e6:.2f} µs / {few * 1e6:.2f} µs")
    yield Row(f"s/word, {MANY_WORDS:,} / {WORDS:,} words", many / short, "×", 1.5, f"{short * 1e6:.2f} µs")
    per_term = [whole / count for whole, count in zip(compiling, (SMALL, LARGE), strict=True)]
    note = f"{compiling[1]:.1f} s for {LARGE:,} terms"
    yield Row(f"s/term to compile, {LARGE:,} / {SMALL:,} terms", per_term[1] / per_term[0], "×", 2, note)


def rows() -> Iterator[Row]:
    """Measure all."""
    yield from beside_rulers(files.packaged())
    yield from growth()


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    if arguments:
        sys.exit("usage: python -m tests.workers.music_terms.bench")
    found = list(rows())
    sys.stdout.write(table(found) + "\n")
    return 0 if all(row.holds for row in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
