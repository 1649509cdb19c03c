"""Word error rate: the share of spoken words that a transcript gets wrong. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True)
class ErrorRate:
    """Wrong words (substituted, left out or put in) of so many spoken ones; rates of several texts add up."""

    wrong: int = 0
    spoken: int = 0

    def __add__(self, other: ErrorRate) -> ErrorRate:
        """Return the rate over both texts."""
        return ErrorRate(self.wrong + other.wrong, self.spoken + other.spoken)

    @property
    def rate(self) -> float:
        """Wrong words for each spoken one: 0 is perfect, and more than 1 possible.

        Raises:
            ZeroDivisionError: when nothing was spoken.
        """
        return self.wrong / self.spoken

    @classmethod
    def between(cls, spoken: Sequence[str], heard: Sequence[str]) -> ErrorRate:
        """Compare two lists of words."""
        return cls(edits(spoken, heard), len(spoken))


def normalised(text: str) -> list[str]:
    """Return the words of a transcript in lower case, without punctuation and digits."""
    return re.sub(r"[^a-z ]", " ", text.lower()).split()


def edits(spoken: Sequence[str], heard: Sequence[str]) -> int:
    """Return the Levenshtein distance: the fewest substitutions, deletions and insertions from one to the other."""
    row = list(range(len(heard) + 1))
    for index, word in enumerate(spoken, 1):
        diagonal, row[0] = row[0], index
        for column, other in enumerate(heard, 1):
            diagonal, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, diagonal + (word != other))
    return row[-1]


def matches(spoken: Sequence[str], heard: Sequence[str]) -> list[tuple[int, int]]:
    """Return the pairs (index in ``spoken``, index in ``heard``) of words that were heard right, both ascending."""
    blocks = SequenceMatcher(None, spoken, heard, autojunk=False).get_matching_blocks()
    return [(block.a + step, block.b + step) for block in blocks for step in range(block.size)]
