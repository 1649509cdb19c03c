"""faster-whisper behind a small face: chunks of sound in, words with the lesson's times out."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.common.errors import HostError, PoisonError, RetryableError
from workers.common.transcript import Word
from workers.transcription import guards
from workers.transcription.audio import RATE, Samples
from workers.transcription.device import Device
from workers.transcription.guards import Figures, Verdict
from workers.transcription.plan import Chunk

_log = logging.getLogger(__name__)

BEAMS = 5
_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_DETECTION_CHUNKS = 3


@dataclass(frozen=True)
class Options:
    """What a job may choose. ``prompt`` tells the model words to expect."""

    language: str
    prompt: str | None = None


@dataclass
class Engine:
    """A loaded model."""

    name: str
    device: Device
    batch_size: int
    model: Any
    _pipeline: Any = field(init=False)

    def __post_init__(self) -> None:
        """Put the batched pipeline over the model."""
        from faster_whisper import BatchedInferencePipeline

        self._pipeline = BatchedInferencePipeline(self.model)

    @classmethod
    def load(cls, name: str, folder: Path, device: Device, batch_size: int) -> Engine:
        """Load the model of ``folder`` and let it hear a second of silence, so that a broken GPU shows now."""
        from faster_whisper import WhisperModel

        try:
            model = WhisperModel(
                str(folder), device=device.device, compute_type=device.compute_type, local_files_only=True
            )
            _check_features(folder, model)
            engine = cls(name, device, batch_size, model)
            engine.detect([np.zeros(RATE, np.float32)])
        except RuntimeError as error:
            raise _host_error(name, device, error) from error
        return engine

    @property
    def longest_seconds(self) -> float:
        """Length of sound that the model sees at once."""
        return float(self.model.feature_extractor.chunk_length)

    @property
    def languages(self) -> frozenset[str]:
        """Codes of the languages that the model knows."""
        return frozenset(self.model.supported_languages)

    def detect(self, sounds: Sequence[Samples]) -> tuple[str, float]:
        """Return the language spoken, and its probability, judged by the first minute and a half of speech."""
        if not self.model.model.is_multilingual:
            return "en", 1.0
        language, probability, _ = self.model.detect_language(
            np.concatenate(sounds[:_DETECTION_CHUNKS]),
            language_detection_segments=min(len(sounds), _DETECTION_CHUNKS),
        )
        return str(language), round(float(probability), 4)

    def hear(self, chunks: Sequence[Chunk], audio: Samples, options: Options, alive: Callable[[], None]) -> list[Word]:
        """Return the words of some chunks, in order; ``alive`` is called after each batch.

        When the GPU's memory runs out the batch is halved, for this and all further chunks.
        """
        words: list[Word] = []
        first = 0
        while first < len(chunks):
            part = chunks[first : first + self.batch_size]
            try:
                for chunk, heard in zip(part, self._batch(part, audio, options), strict=True):
                    words += _restored(chunk, heard)
            except RuntimeError as error:
                if "out of memory" not in str(error).lower():
                    raise _host_error(self.name, self.device, error) from error
                self._smaller(error)
                continue
            first += len(part)
            alive()
        return words

    def _smaller(self, error: RuntimeError) -> None:
        if self.batch_size == 1:
            raise RetryableError(
                "gpu_out_of_memory",
                f"the GPU's memory does not hold {self.name} with {self.device.compute_type} and a single chunk",
                "use whisper.compute_type int8_float16, a smaller whisper.model, or a larger instance type",
            ) from error
        self.batch_size //= 2
        _log.warning("the GPU's memory is full: smaller batches from now on", extra={"batch_size": self.batch_size})

    def _batch(self, chunks: Sequence[Chunk], audio: Samples, options: Options) -> list[list[Any]]:
        """Return faster-whisper's words of each chunk, with times that count from the chunk's start."""
        sounds = [chunk.cut(audio) for chunk in chunks]
        edges = np.cumsum([0, *(len(sound) for sound in sounds)]) / RATE
        clips = [{"start": float(a), "end": float(b)} for a, b in itertools.pairwise(edges)]
        # Left over when an earlier batch failed halfway.
        self._pipeline.last_speech_timestamp = 0.0
        segments, _ = self._pipeline.transcribe(
            np.concatenate(sounds),
            language=options.language,
            initial_prompt=options.prompt,
            beam_size=BEAMS,
            batch_size=len(chunks),
            word_timestamps=True,
            clip_timestamps=clips,
        )
        found: list[list[Any]] = [[] for _ in chunks]
        for segment in segments:
            found[chunk_of(edges, segment.seek)].append(segment)
        return [
            self._guarded(sound, segments, float(start), options)
            for sound, segments, start in zip(sounds, found, edges, strict=False)
        ]

    def _guarded(self, sound: Samples, segments: Sequence[Any], start: float, options: Options) -> list[Any]:
        verdict = max((guards.judge(_figures(segment)) for segment in segments), key=_severity, default=Verdict.GOOD)
        if verdict is Verdict.SILENT:
            return []
        if verdict is Verdict.DOUBTFUL:
            return self._again(sound, options)
        return [_shifted(word, -start) for segment in segments for word in segment.words or ()]

    def _again(self, sound: Samples, options: Options) -> list[Any]:
        """Hear one chunk by the sequential algorithm, which tries other temperatures until the figures are good."""
        import ctranslate2

        # Sampling must not make two runs differ: a resumed transcript equals an uninterrupted one.
        ctranslate2.set_random_seed(0)
        segments, _ = self.model.transcribe(
            sound,
            language=options.language,
            initial_prompt=options.prompt,
            beam_size=BEAMS,
            temperature=_TEMPERATURES,
            condition_on_previous_text=False,
            compression_ratio_threshold=guards.COMPRESSION_RATIO,
            log_prob_threshold=guards.LOG_PROBABILITY,
            no_speech_threshold=guards.NO_SPEECH,
            hallucination_silence_threshold=2.0,
            word_timestamps=True,
        )
        return [word for segment in segments for word in segment.words or ()]


def chunk_of(edges: Sequence[float] | NDArray[np.float64], seek: int) -> int:
    """Return of which clip a segment is: ``edges`` are the clips' starts and the last one's end, in seconds.

    ``seek`` is the clip's start in hundredths of a second, cut off and not rounded by faster-whisper.
    """
    index = int(np.searchsorted(edges, seek / 100 + 0.0105, side="right")) - 1
    return min(max(index, 0), len(edges) - 2)


def _check_features(folder: Path, model: Any) -> None:
    """Refuse a model of 128 mel bands (large-v3 and its kin) whose folder does not say so: 80 is the default."""
    wanted, given = int(model.model.n_mels), len(model.feature_extractor.mel_filters)
    if wanted != given:
        raise PoisonError(
            "model_incomplete",
            f"the model of {folder} takes {wanted} mel bands and its preprocessor_config.json gives {given}",
            "convert the model with ct2-transformers-converter --copy_files tokenizer.json preprocessor_config.json",
        )


def _severity(verdict: Verdict) -> int:
    return (Verdict.GOOD, Verdict.SILENT, Verdict.DOUBTFUL).index(verdict)


def _figures(segment: Any) -> Figures:
    return Figures(segment.text, segment.avg_logprob, segment.no_speech_prob, segment.compression_ratio)


def _shifted(word: Any, by: float) -> Any:
    return type(word)(start=word.start + by, end=word.end + by, word=word.word, probability=word.probability)


def _restored(chunk: Chunk, heard: Iterable[Any]) -> list[Word]:
    """Return a chunk's words with the lesson's times, in order and without loops."""
    found = [word for word in heard if word.word.strip()]
    kept = guards.without_loops([word.word for word in found])
    words: list[Word] = []
    before = 0.0
    for word in (found[index] for index in kept):
        start, end = chunk.restore(word.start, word.end)
        # Times never run backwards, whatever the alignment says.
        start = max(round(start, 3), before)
        end = max(round(end, 3), start)
        before = start
        probability = min(max(round(float(word.probability), 4), 0.0), 1.0)
        words.append(Word(start=start, end=end, text=word.word.strip(), probability=probability))
    return words


def _host_error(name: str, device: Device, error: RuntimeError) -> HostError:
    return HostError(
        "gpu_failed" if device.device == "cuda" else "model_failed",
        f"{name} ({device.device}, {device.compute_type}) failed: {error}",
        "the worker ends and is replaced; if that repeats, look at nvidia-smi and dmesg on the host",
    )
