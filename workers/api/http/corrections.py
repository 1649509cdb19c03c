"""A correction laid over a transcript. Pure."""

from __future__ import annotations

from statistics import fmean

from workers.api.http.problems import Problem
from workers.api.http.schemas import Correction, SegmentBody, WordBody
from workers.common.messages import legible
from workers.common.transcript import Segment, Transcript, Word

# What a person has written is what was said.
_CERTAIN = 1.0
# Corrections may move words by rounding, and no further beyond the end than this; seconds.
_LEEWAY = 1.0


def corrected(transcript: Transcript, correction: Correction) -> Transcript:
    """Return the transcript with the correction's words; segments without words are left out.

    Words that are as they were keep their probability.

    Raises:
        Problem: 422, with everything that is wrong.
    """
    known = {segment.id: segment for segment in transcript.segments}
    problems = list(_problems(correction, known, transcript.duration))
    if problems:
        raise Problem(
            422,
            "bad_correction",
            "the correction does not fit the transcript",
            "read the transcript again, and change words and times only",
            problems=problems,
        )
    changed = {each.id: _segment(known[each.id], each.words) for each in correction.segments}
    segments = tuple(s for each in transcript.segments if (s := changed.get(each.id, each)) is not None)
    confidence = round(fmean(s.confidence for s in segments), 4) if segments else 0.0
    return transcript.model_copy(update={"segments": segments, "confidence": confidence})


def _segment(before: Segment, words: list[WordBody]) -> Segment | None:
    if not words:
        return None
    sure = {(word.start, word.end, word.text): word.probability for word in before.words}
    spoken = tuple(
        Word(start=w.start, end=w.end, text=text, probability=sure.get((w.start, w.end, text), _CERTAIN))
        for w in words
        for text in [_text(w)]
    )
    if spoken == before.words:
        return before
    return Segment(
        id=before.id,
        start=spoken[0].start,
        end=max(word.end for word in spoken),
        text=" ".join(word.text for word in spoken),
        words=spoken,
        confidence=round(fmean(word.probability for word in spoken), 4),
    )


def _problems(correction: Correction, known: dict[int, Segment], duration: float) -> list[str]:
    found: list[str] = []
    seen: set[int] = set()
    for segment in correction.segments:
        if segment.id not in known:
            found.append(f"segment {segment.id}: there is no such segment")
        elif segment.id in seen:
            found.append(f"segment {segment.id}: it is there twice")
        seen.add(segment.id)
        found += _of_words(segment, duration)
    return found


def _of_words(segment: SegmentBody, duration: float) -> list[str]:
    found: list[str] = []
    last = 0.0
    for number, word in enumerate(segment.words):
        where = f"segment {segment.id}, word {number}"
        if not _text(word):
            found.append(f"{where}: it has no letter")
        if word.end < word.start:
            found.append(f"{where}: it ends at {word.end:g} s, before it starts at {word.start:g} s")
        if word.start < last:
            found.append(f"{where}: it starts at {word.start:g} s, before the word in front of it")
        if word.end > duration + _LEEWAY:
            found.append(f"{where}: it ends at {word.end:g} s, after the lesson's {duration:g} s")
        last = max(last, word.start)
    return found


def _text(word: WordBody) -> str:
    return " ".join(legible(word.text).split())
