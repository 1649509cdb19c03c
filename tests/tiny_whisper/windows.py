"""Training batches: windows of sound, the tokens Whisper should write, and where attention should look. Needs torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch

from tests.tiny_whisper import tokens
from tests.tiny_whisper.bank import Bank
from tests.tiny_whisper.corpus import generator
from tests.tiny_whisper.scenes import Director, Scene
from tests.tiny_whisper.tokens import TIMES, Vocabulary

UNKNOWN = -100
"""A target that no loss is taken of."""

_TIME_STEP = 0.02
_POSITIONS_PER_SECOND = 50
_LONGEST_PROMPT = 60
# From <|startoftranscript|> over language and task to the first token that the model writes.
_PREFIX = 3

Span = tuple[float, float]


@dataclass
class _Sequence:
    """Tokens, each with the span of seconds from the window's start that it speaks of, or None."""

    tokens: list[int] = field(default_factory=list)
    spans: list[Span | None] = field(default_factory=list)

    def put(self, token: int, span: Span | None = None) -> None:
        self.tokens.append(token)
        self.spans.append(span)


@dataclass(frozen=True)
class _Window:
    scene: Scene
    inputs: list[int]
    targets: list[int]
    spans: list[Span | None]


@dataclass(frozen=True)
class Batch:
    """Tensors of ``batch`` windows: P positions of 20 ms each, two frames a position, T tokens."""

    features: torch.Tensor
    """(batch, 80, 2 P)."""
    inputs: torch.Tensor
    """(batch, T): tokens, zero after the end."""
    targets: torch.Tensor
    """(batch, T): the token that follows each, or `UNKNOWN`."""
    guide: torch.Tensor
    """(batch, T, P): 1 where a target is spoken, all 0 where that is nowhere."""
    offsets: torch.Tensor
    """(batch,): see `Scene.offset`."""
    spoken: torch.Tensor
    """(batch, P): 1 + index in `Windows.text_tokens` of the token spoken at a position, 0 for none, or `UNKNOWN`."""


class Windows:
    """Makes batches of a bank's phrases, the same ones for the same seed."""

    def __init__(self, bank: Bank, vocabulary: Vocabulary, seed: int) -> None:
        """Number the tokens that the bank's texts use."""
        self._rng = generator(seed)
        self._director = Director(bank, self._rng, seed)
        self._phrases = bank.phrases
        self._number = {token: number for number, token in enumerate(vocabulary.tokens)}
        self._first_time = vocabulary.first_time
        self.text_tokens = sorted({token for phrase in bank.phrases for token in phrase.tokens})
        self._label = {token: index for index, token in enumerate(self.text_tokens, 1)}

    def batch(self, count: int, frames: int) -> Batch:
        """Return ``count`` windows of ``frames`` frames."""
        windows = [self._window(frames) for _ in range(count)]
        length, positions = max(len(window.inputs) for window in windows), frames // 2
        batch = Batch(
            features=torch.stack([window.scene.features for window in windows]),
            inputs=torch.zeros(count, length, dtype=torch.long),
            targets=torch.full((count, length), UNKNOWN),
            guide=torch.zeros(count, length, positions),
            offsets=torch.tensor([window.scene.offset for window in windows]),
            spoken=torch.zeros(count, positions, dtype=torch.long),
        )
        for row, window in enumerate(windows):
            batch.inputs[row, : len(window.inputs)] = torch.tensor(window.inputs)
            batch.targets[row, : len(window.targets)] = torch.tensor(window.targets)
            self._align(window, batch.guide[row], batch.spoken[row])
        return batch

    def _align(self, window: _Window, guide: torch.Tensor, spoken: torch.Tensor) -> None:
        """Fill one window's guide (T, P) and its labels (P,)."""
        positions = len(spoken)
        for index, (span, target) in enumerate(zip(window.spans, window.targets, strict=True)):
            if span is None or target == UNKNOWN:
                continue
            start, end = (seconds * _POSITIONS_PER_SECOND for seconds in span)
            first = min(positions - 1, max(0, int(start - 1)))
            guide[index, first : max(first + 1, min(positions, math.ceil(end + 1)))] = 1
            if target in self._label:
                spoken[round(start) : max(round(start) + 1, round(end))] = self._label[target]
        if window.scene.cut is not None:
            spoken[int(window.scene.cut * _POSITIONS_PER_SECOND) :] = UNKNOWN

    def _window(self, frames: int) -> _Window:
        scene = self._director.scene(frames)
        rng, number = self._rng, self._number
        stamped = rng.random() < 0.7
        sequence = _Sequence()
        if rng.random() < 0.25:
            self._put_prompt(sequence)
        prompt = len(sequence.tokens)
        for token in (tokens.START, tokens.ENGLISH, tokens.TRANSCRIBE):
            sequence.put(number[token])
        if stamped:
            self._put_stamped(sequence, scene)
        else:
            self._put_plain(sequence, scene)
        last = scene.said[-1][0] + scene.said[-1][1].seconds if scene.said else 0.0
        sequence.put(number[tokens.END], (last, last + 0.25) if scene.said and scene.cut is None else None)

        targets = [UNKNOWN] * prompt + sequence.tokens[prompt + 1 :]
        if scene.speechless:
            # As in Whisper: the probability of <|nospeech|> is read where the transcript starts.
            targets[prompt] = number[tokens.NO_SPEECH]
        if scene.cut is not None and not stamped:
            # The text was cut: no claim on what follows.
            targets[-1] = UNKNOWN
        inputs = self._disturbed(sequence.tokens[:-1], prompt + _PREFIX, scene.offset)
        return _Window(scene, inputs, targets, sequence.spans[1:])

    def _put_prompt(self, sequence: _Sequence) -> None:
        """Put the text of up to three other phrases before the transcript, as a prompt would be."""
        sequence.put(self._number[tokens.PREVIOUS])
        others = self._rng.sample(self._phrases, self._rng.randint(1, 3))
        for token in [token for phrase in others for token in phrase.tokens][-_LONGEST_PROMPT:]:
            sequence.put(token)

    def _put_plain(self, sequence: _Sequence, scene: Scene) -> None:
        sequence.put(self._number[tokens.NO_TIMESTAMPS])
        for start, phrase in scene.said:
            for token, (since, until) in zip(phrase.tokens, phrase.spans, strict=True):
                sequence.put(token, (start + since, start + until))

    def _put_stamped(self, sequence: _Sequence, scene: Scene) -> None:
        """Put each phrase between time tokens; a phrase that is cut off has only its start, as in Whisper."""
        if scene.speechless:
            sequence.put(self._first_time)
        for start, phrase in scene.said:
            end = start + phrase.seconds
            sequence.put(self._stamp(start, scene), (start, start + 0.1))
            for token, (since, until) in zip(phrase.tokens, phrase.spans, strict=True):
                sequence.put(token, (start + since, start + until))
            sequence.put(self._stamp(end, scene), (end - 0.06, end + 0.06))
        if scene.cut is not None:
            sequence.put(self._stamp(scene.cut, scene), (scene.cut, scene.cut + 0.1))

    def _stamp(self, seconds: float, scene: Scene) -> int:
        index = round((seconds + scene.offset * _TIME_STEP) / _TIME_STEP)
        return self._first_time + min(TIMES - 1, max(0, index))

    def _disturbed(self, inputs: list[int], first: int, offset: int) -> list[int]:
        """Make some of what the model has written so far wrong, so that it learns to go on after its own mistakes."""
        rng, zero = self._rng, self._first_time
        disturbed = list(inputs)
        for index, token in enumerate(inputs[first:], first):
            if token >= zero:
                if index == first and rng.random() < 0.5:
                    # Decoding allows a first stamp of 1 s at most, however late the speech starts.
                    disturbed[index] = min(token, zero + offset + rng.randint(0, 50))
                elif rng.random() < 0.3:
                    disturbed[index] = min(zero + TIMES - 1, max(zero, token + rng.randint(-3, 3)))
            elif token < self._number[tokens.END] and rng.random() < 0.04:
                disturbed[index] = rng.choice(self.text_tokens)
        return disturbed
