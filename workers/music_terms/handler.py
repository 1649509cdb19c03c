"""Stage music-terms: ``transcript.json`` in, ``terms.json`` out."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from workers.common import transcript as spoken
from workers.common.errors import PoisonError
from workers.common.ports import Job, JobFiles, Outcome, Work
from workers.common.transcript import Transcript
from workers.music_terms import terms
from workers.music_terms.annotate import Spoken, collect, found_terms
from workers.music_terms.source import GlossarySource
from workers.music_terms.terms import FoundTerm

# Terms between two checkpoints; a thousand are made in a few milliseconds.
_BATCH = 1000
_TRANSCRIPT_VERSION = 1


class MusicTerms:
    """``Handler`` of the stage."""

    def __init__(self, glossary: GlossarySource) -> None:
        self._glossary = glossary

    def start(self, work: Work) -> None:
        """Compile the glossary, so that the first job does not wait for it."""
        work.checkpoint()
        self._glossary.current()

    def prepare(self, job: Job) -> None:
        """Nothing: a transcript is read in milliseconds, and only whoever holds the job knows it is the last one."""

    def handle(self, job: Job, prepared: None, work: Work) -> Outcome:  # noqa: ARG002 - the port's signature
        """Find the terms with the newest glossary, and publish them.

        Raises:
            PoisonError: ``no_transcript``, ``unknown_transcript_version`` or ``bad_transcript``.
        """
        transcript = _read(job.files)
        work.checkpoint()
        current = self._glossary.current()
        row = Spoken.of(transcript)
        found: list[FoundTerm] = []
        for term in found_terms(row, current.matcher):
            found.append(term)
            if len(found) % _BATCH == 0:
                work.progress(100 * term.start / transcript.duration if transcript.duration else 0)
        work.checkpoint()
        content = collect(transcript, current.glossary, current.problem, tuple(found))
        with job.files.writing(terms.NAME) as path:
            path.write_text(content.model_dump_json() + "\n", encoding="utf-8")
        figures = {"words": len(row.words), "terms": len(found), "distinct_terms": len({term.term for term in found})}
        return Outcome((terms.NAME,), audio_seconds=transcript.duration, metrics=figures)


class _Version(BaseModel):
    version: int


def _read(files: JobFiles) -> Transcript:
    try:
        content = files.local(spoken.NAME).read_bytes()
    except FileNotFoundError:
        raise PoisonError(
            "no_transcript", f"the job has no {spoken.NAME}", "request the stage transcription first, then this one"
        ) from None
    try:
        version = _Version.model_validate_json(content).version
        if version != _TRANSCRIPT_VERSION:
            raise PoisonError(
                "unknown_transcript_version",
                f"{spoken.NAME} has version {version}, this worker knows version {_TRANSCRIPT_VERSION}",
                "deploy workers of the same release, then request the stage anew",
            )
        return Transcript.model_validate_json(content)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()[:5])
        raise PoisonError(
            "bad_transcript",
            f"{spoken.NAME} is not a transcript: {problems}",
            "request the stage transcription anew, it writes the file again",
        ) from None
