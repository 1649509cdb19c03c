"""A lesson as the workers leave it: a recording that Chromium plays, its transcript, and its terms."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import fmean

from workers.common.transcript import Segment, Transcript, Word
from workers.music_terms.annotate import Spoken, collect, found_terms
from workers.music_terms.files import packaged
from workers.music_terms.matcher import Matcher
from workers.music_terms.terms import Terms

NAME = "Barre chords, first lesson.webm"
LINES = (
    "Welcome back, today we play our first barre chord.",
    "Put your index finger across all six strings at the first fret.",
    "Keep the thumb behind the neck, and do not press too hard.",
    "Now strum slowly, and listen whether every string rings.",
    "If the B string buzzes, roll the finger a little onto its side.",
    "That is an F major chord, and it is the hardest one for most people.",
    "Set the metronome to sixty beats per minute and change to C major.",
    "A quarter note for each strum, four of them in a measure.",
    "The tempo does not matter yet, the rhythm does.",
    "Let us add a hammer-on with the ring finger, then a pull-off.",
    "Hear how the dynamics change when you palm mute the low strings?",
    "Once that is easy, try the same chord progression with a capo on the third fret.",
    "Practise it for ten minutes a day, and I will see you next week.",
)
WORD_SECONDS, STEP_SECONDS, PAUSE_SECONDS = 0.3, 0.36, 0.5
# Words that the model would doubt, with their probability.
_DOUBTED = {"barre": 0.42, "buzzes,": 0.24, "capo": 0.55, "hammer-on": 0.33, "roll": 0.65, "dynamics": 0.48}


def transcript(job_id: str, lines: Sequence[str] = LINES) -> Transcript:
    """Return what is said: words follow each other evenly, lines after a short pause."""
    at = 0.5
    segments: list[Segment] = []
    for number, line in enumerate(lines):
        words = []
        for text in line.split():
            probability = _DOUBTED.get(text, 0.97)
            words.append(Word(start=round(at, 2), end=round(at + WORD_SECONDS, 2), text=text, probability=probability))
            at += STEP_SECONDS
        segments.append(
            Segment(
                id=number,
                start=words[0].start,
                end=words[-1].end,
                text=line,
                words=tuple(words),
                confidence=round(fmean(word.probability for word in words), 4),
            )
        )
        at += PAUSE_SECONDS
    return Transcript(
        job_id=job_id,
        language="en",
        language_probability=0.99,
        duration=round(at, 2),
        model="tiny",
        settings={},
        confidence=0.94,
        segments=tuple(segments),
    )


def terms(spoken: Transcript) -> Terms:
    """Return the terms of the packaged glossary that are said."""
    words = Spoken.of(spoken)
    return collect(spoken, packaged(), None, tuple(found_terms(words, _matcher())))


@cache
def _matcher() -> Matcher:
    return Matcher(packaged())


def film(path: Path, seconds: float) -> Path:
    """Write a WebM video with a low tone; Chromium plays it in every build."""
    picture = f"gradients=size=320x180:rate=10:duration={seconds}:speed=0.01:c0=0x26354f:c1=0x7a8fb5:n=2"
    sound = f"sine=frequency=196:duration={seconds}"
    options = (
        "-c:v",
        "libvpx",
        "-pix_fmt",
        "yuv420p",
        "-b:v",
        "60k",
        "-deadline",
        "realtime",
        "-cpu-used",
        "8",
        "-c:a",
        "libopus",
        "-b:a",
        "24k",
    )
    subprocess.run(
        ("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *options, str(path)),
        check=True,
    )
    return path
