"""The transcription stage: ``audio.wav`` in; ``transcript.json``, ``.txt``, ``.srt`` and ``.vtt`` out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workers.common import lines, transcript
from workers.common.errors import PoisonError
from workers.common.manifest import measured
from workers.common.ports import Job, JobFiles, Outcome, Work
from workers.common.transcript import Segment, Transcript, Word
from workers.transcription import audio, checkpoint, model_cache
from workers.transcription.checkpoint import Checkpoint
from workers.transcription.device import Host, check_memory, choose
from workers.transcription.engine import BEAMS, Engine, Options
from workers.transcription.plan import Plan, chunks, plan

_log = logging.getLogger(__name__)

# Whisper's decoder takes 224 tokens of prompt; a term is two or three of them.
_MOST_TERMS = 60


class Params(BaseModel):
    """What a request may ask for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = None
    """Code of the language; None lets the model find out."""
    initial_prompt: Annotated[str, Field(max_length=800)] | None = None
    """Words to expect, as a sentence."""
    glossary: tuple[Annotated[str, Field(max_length=80)], ...] = ()
    """Terms to expect; the first sixty are told to the model."""

    @property
    def prompt(self) -> str | None:
        """What the model is told before it listens."""
        terms = f"Glossary: {', '.join(self.glossary[:_MOST_TERMS])}." if self.glossary else ""
        return " ".join(filter(None, (self.initial_prompt, terms))) or None


@dataclass(frozen=True)
class Prepared:
    """A lesson in memory, cut into chunks."""

    params: Params
    samples: audio.Samples
    digest: str
    """Checksum of the sound."""
    plan: Plan


@dataclass(frozen=True)
class Choices:
    """What the environment says of the model."""

    model: str
    models: Path
    compute_type: str
    batch_size: int
    allow_cpu: bool
    checkpoint_seconds: float
    chunk_seconds: float = 30.0


@dataclass
class Transcription:
    """The handler. ``host`` and ``download`` are what it needs from outside."""

    choices: Choices
    host: Callable[[], Host]
    download: model_cache.Download
    _engine: Engine | None = field(default=None, init=False)

    @property
    def engine(self) -> Engine:
        """The loaded model."""
        assert self._engine, "start() loads it"  # noqa: S101
        return self._engine

    def start(self, work: Work) -> None:
        """Find the GPU, get the model, check that it fits, load it and let it work once."""
        choices, host = self.choices, self.host()
        device = choose(host, choices.compute_type, choices.allow_cpu)
        check_memory(host, choices.model, device, choices.batch_size)
        folder = model_cache.locate(choices.model, choices.models, self.download, work.checkpoint)
        work.checkpoint()
        try:
            self._engine = Engine.load(choices.model, folder, device, choices.batch_size)
        except Exception:
            # Libraries raise whatever they like over a damaged file: the checksums tell.
            model_cache.verify(folder)
            raise
        _log.info("the model is loaded", extra={"model": choices.model, "device": device.device,
                                               "compute_type": device.compute_type, "gpu": host.gpu})  # fmt: skip

    def prepare(self, job: Job) -> Prepared:
        """Read the sound and find the speech in it, while the GPU may be busy with the job before."""
        params = self._params(job)
        try:
            path = job.files.local(audio.NAME)
        except FileNotFoundError:
            raise PoisonError("no_audio", "there is no audio.wav", "request audio-extraction first") from None
        samples = audio.read(path)
        longest = min(self.choices.chunk_seconds, self.engine.longest_seconds)
        cut = chunks(audio.speech(samples, longest), longest)
        whole = plan(audio.seconds(samples), cut, self.choices.batch_size, self.choices.checkpoint_seconds)
        return Prepared(params, samples, measured(path).sha256, whole)

    def handle(self, job: Job, prepared: Prepared, work: Work) -> Outcome:
        """Transcribe group by group, with a checkpoint after each, then publish."""
        found = self._transcribed(job, prepared, work)
        segments = lines.segments([word for group in found.groups for word in group])
        result = self._transcript(job, prepared, found, segments)
        artefacts = _publish(job.files, result)
        checkpoint.clear(job.files)
        figures = {
            "words": float(sum(len(segment.words) for segment in segments)),
            "confidence": result.confidence,
            "language_probability": result.language_probability,
        }
        return Outcome(artefacts, prepared.plan.duration, figures)

    def _params(self, job: Job) -> Params:
        try:
            params = Params.model_validate(job.request.params)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"]))
            raise PoisonError(
                "bad_params", f"params.{where}: {problem['msg']}", "see docs/messages.schema.json"
            ) from None
        if params.language and params.language not in self.engine.languages:
            raise PoisonError(
                "bad_params",
                f"the model does not know the language {params.language!r}",
                "leave it out to have it detected",
            )
        return params

    def _settings(self, params: Params) -> dict[str, str | int | float | None]:
        engine = self.engine
        return {
            "compute_type": engine.device.compute_type,
            "device": engine.device.device,
            "beam_size": BEAMS,
            "batch_size": self.choices.batch_size,
            "language": params.language,
            "prompt": params.prompt,
        }

    def _transcribed(self, job: Job, prepared: Prepared, work: Work) -> Checkpoint:
        key = checkpoint.key_of(
            sound=prepared.digest,
            plan=prepared.plan.digest,
            model=self.choices.model,
            settings=dict(self._settings(prepared.params)),
        )
        found = checkpoint.load(job.files, key) or self._begun(key, prepared)
        if found.groups:
            _log.info("resumed", extra={"groups": len(found.groups), "of": len(prepared.plan.groups)})
        options = Options(found.language, prepared.params.prompt)
        for group in prepared.plan.groups[len(found.groups) :]:
            work.checkpoint()
            words = self.engine.hear(group.chunks, prepared.samples, options, work.checkpoint)
            found = found.adding(tuple(words))
            checkpoint.save(job.files, found)
            _log.info("group done", extra={"groups": len(found.groups), "of": len(prepared.plan.groups)})
            work.progress(100 * group.end_seconds / prepared.plan.groups[-1].end_seconds)
        return found

    def _begun(self, key: str, prepared: Prepared) -> Checkpoint:
        if prepared.params.language:
            return Checkpoint(key=key, language=prepared.params.language, language_probability=1.0)
        first = [chunk for group in prepared.plan.groups[:1] for chunk in group.chunks[:3]]
        if not first:
            return Checkpoint(key=key, language="en", language_probability=0.0)
        language, probability = self.engine.detect([chunk.cut(prepared.samples) for chunk in first])
        return Checkpoint(key=key, language=language, language_probability=probability)

    def _transcript(self, job: Job, prepared: Prepared, found: Checkpoint, segments: tuple[Segment, ...]) -> Transcript:
        words: list[Word] = [word for segment in segments for word in segment.words]
        return Transcript(
            job_id=job.request.job_id,
            language=found.language,
            language_probability=found.language_probability,
            duration=round(prepared.plan.duration, 3),
            model=self.choices.model,
            settings=dict(self._settings(prepared.params)),
            confidence=round(fmean(word.probability for word in words), 4) if words else 0.0,
            segments=segments,
        )


def _publish(files: JobFiles, result: Transcript) -> tuple[str, ...]:
    contents = {
        transcript.NAME: result.model_dump_json(indent=1) + "\n",
        "transcript.txt": lines.text(result.segments),
        "transcript.srt": lines.srt(result.segments),
        "transcript.vtt": lines.vtt(result.segments),
    }
    for name, content in contents.items():
        with files.writing(name) as path:
            path.write_text(content, encoding="utf-8", newline="\n")
    return tuple(contents)
