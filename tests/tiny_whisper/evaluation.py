"""How well a model hears held-out phrases: word error rates and word time errors, bare and through Thoth's engine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from faster_whisper import BatchedInferencePipeline, WhisperModel

from tests.tiny_whisper.corpus import Voices
from tests.tiny_whisper.error_rate import ErrorRate, matches, normalised
from tests.tiny_whisper.speech import Lesson, Samples, Spoken, lesson
from workers.transcription import audio, plan
from workers.transcription.device import Device
from workers.transcription.engine import BEAMS, Engine, Options

_log = logging.getLogger(__name__)

_BATCH = 8
# Single phrases and lessons must not share phrases by sharing a seed.
_FIRST_PHRASE_SEED = 1000

Listener = Callable[[Samples], Iterable[Spoken]]


@dataclass
class Score:
    """What a listener made of some lessons; time errors are seconds, of the words that were heard right."""

    rate: ErrorRate = field(default_factory=ErrorRate)
    start_errors: list[float] = field(default_factory=list)
    end_errors: list[float] = field(default_factory=list)

    def add(self, spoken: Sequence[Spoken], heard: Iterable[Spoken]) -> None:
        """Count one more lesson."""
        truth = [word.text for word in spoken]
        # A listener's word may hold none ("-") or two ("pull-off") of ours.
        found = [(text, word) for word in heard for text in normalised(word.text)]
        texts = [text for text, _ in found]
        self.rate += ErrorRate.between(truth, texts)
        for said, got in matches(truth, texts):
            self.start_errors.append(abs(spoken[said].start - found[got][1].start))
            self.end_errors.append(abs(spoken[said].end - found[got][1].end))


@dataclass(frozen=True)
class Row:
    """One listener on one kind of sound."""

    listener: str
    sound: str
    voices: Voices
    score: Score


def listeners(folder: Path) -> dict[str, Listener]:
    """Return the ways to hear with the model of ``folder``, on the CPU in int8, beam of 5, with word times."""
    device = Device("cpu", "int8")
    engine = Engine.load("tiny", folder, device, _BATCH)
    model: WhisperModel = engine.model
    pipeline = BatchedInferencePipeline(model)

    def sequential(samples: Samples) -> Iterator[Spoken]:
        segments, _ = model.transcribe(
            samples, language="en", beam_size=BEAMS, condition_on_previous_text=False, word_timestamps=True
        )
        return (Spoken(word.word, word.start, word.end) for segment in segments for word in segment.words)

    def batched(samples: Samples) -> Iterator[Spoken]:
        segments, _ = pipeline.transcribe(
            samples, language="en", beam_size=BEAMS, batch_size=_BATCH, word_timestamps=True
        )
        return (Spoken(word.word, word.start, word.end) for segment in segments for word in segment.words)

    def thoth(samples: Samples, chunk_seconds: float) -> Iterator[Spoken]:
        chunks = plan.chunks(audio.speech(samples, chunk_seconds), chunk_seconds)
        words = engine.hear(chunks, samples, Options("en"), lambda: None)
        return (Spoken(word.text, word.start, word.end) for word in words)

    return {
        "faster-whisper, sequential": sequential,
        "faster-whisper, batched": batched,
        "Thoth, chunks of 30 s": lambda samples: thoth(samples, 30),
        "Thoth, chunks of 10 s": lambda samples: thoth(samples, 10),
    }


def evaluate(folder: Path, *, seconds: float, seeds: Iterable[int], phrases: int) -> list[Row]:
    """Judge a model on lessons of ``seconds``, one for each seed, and on ``phrases`` single phrases, for each `Voices`.

    All phrases are held out: training heard none of them. A single phrase has its own voice, a lesson one for all.
    """
    ways = listeners(folder)
    rows: list[Row] = []
    kinds = {
        "single phrases": (0.0, range(_FIRST_PHRASE_SEED, _FIRST_PHRASE_SEED + phrases)),
        f"lessons of {seconds:.0f} s": (seconds, tuple(seeds)),
    }
    for sound, (length, chosen) in kinds.items():
        for voices in Voices:
            lessons = [lesson(length, seed, voices=voices) for seed in chosen]
            for name, listen in ways.items():
                rows.append(Row(name, sound, voices, _score(lessons, listen)))
                _log.info("%s, %s voices, %s: %.1f %%", sound, voices, name, 100 * rows[-1].score.rate.rate)
    return rows


def _score(lessons: Iterable[Lesson], listen: Listener) -> Score:
    score = Score()
    for one in lessons:
        score.add(one.words, listen(one.samples))
    return score


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a table in Markdown."""
    head = (
        "sound",
        "voices",
        "heard by",
        "word error rate",
        "wrong / spoken",
        "start error, median / p95",
        "end error",
    )
    lines = [head, ("---",) * len(head), *(_cells(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    score = row.score
    rate = f"{100 * score.rate.rate:.1f} %"
    wrong = f"{score.rate.wrong} / {score.rate.spoken}"
    return row.sound, row.voices, row.listener, rate, wrong, _errors(score.start_errors), _errors(score.end_errors)


def _errors(seconds: Sequence[float]) -> str:
    if len(seconds) < 2:
        return "–"
    return f"{median(seconds):.2f} / {quantiles(seconds, n=20)[-1]:.2f} s"
