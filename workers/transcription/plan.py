"""How a lesson is cut: speech into chunks of half a minute, chunks into groups between two checkpoints.

Pure, and a function of the sound and the settings alone: a worker that resumes cuts exactly as the one before it did,
so its transcript is the same as that of an uninterrupted run.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workers.transcription.audio import RATE, Samples

Span = tuple[int, int]


@dataclass(frozen=True)
class Chunk:
    """Speech that the model sees at once: stretches of samples, put together without the silence between them."""

    spans: tuple[Span, ...]

    @property
    def samples(self) -> int:
        """Length, in samples."""
        return sum(end - start for start, end in self.spans)

    def cut(self, audio: Samples) -> Samples:
        """Return the chunk's sound."""
        return np.concatenate([audio[start:end] for start, end in self.spans])

    def restore(self, start: float, end: float) -> tuple[float, float]:
        """Return the lesson's times of a word that the model heard from ``start`` to ``end``, seconds in the chunk.

        The stretch in which the word's middle lies counts: a word does not reach over a cut.
        """
        lengths = [until - since for since, until in self.spans]
        starts = [0, *itertools.accumulate(lengths)]
        middle = (start + end) / 2 * RATE
        index = min(max(bisect.bisect_right(starts, middle) - 1, 0), len(self.spans) - 1)
        since, until = self.spans[index]
        shift = since - starts[index]
        low, high = ((value * RATE + shift) / RATE for value in (start, end))
        first, last = since / RATE, until / RATE
        # The model may hear a word before the chunk begins or after it has ended.
        return min(max(low, first), last), min(max(high, first), last)


@dataclass(frozen=True)
class Group:
    """The chunks between two checkpoints."""

    chunks: tuple[Chunk, ...]

    @property
    def end_seconds(self) -> float:
        """How far into the lesson the group reaches."""
        return self.chunks[-1].spans[-1][1] / RATE


@dataclass(frozen=True)
class Plan:
    """The whole lesson."""

    duration: float
    groups: tuple[Group, ...]

    @property
    def digest(self) -> str:
        """What identifies the cuts."""
        text = json.dumps([[chunk.spans for chunk in group.chunks] for group in self.groups])
        return hashlib.sha256(text.encode()).hexdigest()


def chunks(speech: Sequence[Span], longest_seconds: float) -> tuple[Chunk, ...]:
    """Pack stretches of speech, in order, into chunks of at most ``longest_seconds``."""
    limit = int(longest_seconds * RATE)
    packed: list[list[Span]] = []
    length = 0
    for start, end in speech:
        for piece_start in range(start, end, limit):
            piece = (piece_start, min(piece_start + limit, end))
            size = piece[1] - piece[0]
            if not packed or length + size > limit:
                packed.append([])
                length = 0
            packed[-1].append(piece)
            length += size
    return tuple(Chunk(tuple(spans)) for spans in packed)


def plan(duration: float, cut: Sequence[Chunk], batch_size: int, checkpoint_seconds: float) -> Plan:
    """Put chunks into groups: whole batches, as few as reach ``checkpoint_seconds`` of the lesson.

    Whole, because a batch that is cut short leaves part of the GPU idle.
    """
    groups: list[Group] = []
    current: list[Chunk] = []
    reached = 0.0
    for first in range(0, len(cut), batch_size):
        current.extend(cut[first : first + batch_size])
        end = current[-1].spans[-1][1] / RATE
        if end - reached >= checkpoint_seconds:
            groups.append(Group(tuple(current)))
            current, reached = [], end
    if current:
        groups.append(Group(tuple(current)))
    return Plan(duration, tuple(groups))
