"""Transcripts and small glossaries for the tests of music_terms."""

from __future__ import annotations

from pathlib import Path

from thoth_infra.contract.queues import Stage
from workers.common.folder import FolderFiles
from workers.common.messages import Request, now
from workers.common.ports import Job
from workers.common.transcript import Segment, Transcript, Word
from workers.music_terms.glossary import Category, Glossary, Term
from workers.music_terms.words import words

# Every word lasts so long, and the next one begins as much later.
WORD_SECONDS, STEP_SECONDS = 0.4, 0.5


def transcript(*lines: str, job_id: str = "lesson", language: str = "en") -> Transcript:
    """Return a transcript with a segment for each line; word n of the whole starts at n × 0.5 s."""
    count = 0
    segments: list[Segment] = []
    for number, line in enumerate(lines):
        said = []
        for text in line.split():
            start = count * STEP_SECONDS
            said.append(Word(start=start, end=start + WORD_SECONDS, text=text, probability=0.9))
            count += 1
        segments.append(
            Segment(
                id=number,
                start=said[0].start if said else count * STEP_SECONDS,
                end=said[-1].end if said else count * STEP_SECONDS,
                text=line,
                words=tuple(said),
                confidence=0.9,
            )
        )
    return Transcript(
        job_id=job_id,
        language=language,
        language_probability=1,
        duration=count * STEP_SECONDS,
        model="tiny",
        settings={},
        confidence=0.9,
        segments=tuple(segments),
    )


def glossary(*canonical: str, version: int = 1, language: str = "en", **variants: tuple[str, ...]) -> Glossary:
    """Return a glossary of nouns; ``variants`` are keyed by the term's id with underscores."""
    terms = tuple(
        Term(
            id="-".join(words(text)),
            category="music",
            canonical=text,
            variants=variants.get("_".join(words(text)), ()),
            definition=f"What a {text} is.",
        )
        for text in canonical
    )
    category = Category(id="music", name="Music", description="Everything.")
    return Glossary(name="small", version=version, language=language, categories=(category,), terms=terms)


def job(root: Path, spoken: Transcript | None = None, attempt: int = 1) -> Job:
    """Return a job in a folder below ``root``, with its transcript when there is one."""
    files = FolderFiles(root).job("lesson")
    if spoken is not None:
        with files.writing("transcript.json") as path:
            path.write_text(spoken.model_dump_json(), encoding="utf-8")
    request = Request(job_id="lesson", stage=Stage.MUSIC_TERMS, attempt=attempt, trace_id="trace", requested_at=now())
    return Job(request, files)
