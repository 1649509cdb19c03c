"""Guards against what Whisper makes up: text in silence, and loops.

Thresholds are those of the Whisper paper's decoding (compression ratio 2.4, mean log probability -1, no speech 0.6),
which the batched pipeline itself does not apply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

COMPRESSION_RATIO = 2.4
LOG_PROBABILITY = -1.0
NO_SPEECH = 0.6
# A teacher counts "one two three four" several times; a model that is stuck does so without end.
_LOOP_TIMES = 4
_LOOP_WORDS = 8


class Verdict(Enum):
    """What becomes of a chunk."""

    GOOD = auto()
    SILENT = auto()
    DOUBTFUL = auto()


@dataclass(frozen=True)
class Figures:
    """What the model says of its own output."""

    text: str
    log_probability: float
    no_speech: float
    compression_ratio: float


def judge(figures: Figures) -> Verdict:
    """Return whether a chunk's text stands, is made up of silence, or shall be tried again at other temperatures."""
    unsure = figures.log_probability < LOG_PROBABILITY
    if unsure and figures.no_speech > NO_SPEECH:
        return Verdict.SILENT
    if unsure or figures.compression_ratio > COMPRESSION_RATIO:
        return Verdict.DOUBTFUL
    return Verdict.GOOD


def without_loops(words: Sequence[str]) -> list[int]:
    """Return the indices of the words to keep: of a phrase said more than four times in a row, four.

    Phrases of up to eight words are looked for, shortest first; case and punctuation don't count.
    """
    plain = ["".join(c for c in word.lower() if c.isalnum()) or word for word in words]
    kept: list[int] = []
    for index in range(len(plain)):
        kept.append(index)
        # What is kept never ends in a loop, so cutting once can't leave or make another one.
        size = next((size for size in range(1, _LOOP_WORDS + 1) if _is_loop(plain, kept, size)), 0)
        del kept[len(kept) - size :]
    return kept


def _is_loop(plain: Sequence[str], kept: Sequence[int], size: int) -> bool:
    """Whether ``kept`` ends with a phrase of ``size`` words that is said once more than it may be."""
    tail = [plain[index] for index in kept[-size * (_LOOP_TIMES + 1) :]]
    return len(tail) == size * (_LOOP_TIMES + 1) and tail[size:] == tail[:-size]
