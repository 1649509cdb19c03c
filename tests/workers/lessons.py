"""Lesson videos for the workers: espeak-ng speech under a test picture, and what is said in them when."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.tiny_whisper.corpus import TERMS
from tests.tiny_whisper.speech import Lesson, Spoken

_BY_LENGTH = sorted((tuple(term.split()) for term in TERMS), key=len, reverse=True)


def video(lesson: Lesson, path: Path) -> Path:
    """Write a lesson as a video with compressed sound; its suffix chooses the container."""
    sound = path.with_suffix(".source.wav")
    lesson.write(sound)
    picture = ("-f", "lavfi", "-i", f"testsrc=size=160x120:rate=10:duration={lesson.seconds:.3f}")
    command = ("ffmpeg", "-v", "error", "-y", *picture, "-i", str(sound), "-c:v", "mpeg4", "-c:a", "aac", "-b:a", "96k")
    subprocess.run((*command, str(path)), check=True)
    sound.unlink()
    return path


def terms_in(words: Sequence[Spoken]) -> list[Spoken]:
    """Return the terms that are spoken, longest first where they overlap, with their times."""
    found, index = [], 0
    texts = [word.text for word in words]
    while index < len(words):
        term = next((t for t in _BY_LENGTH if tuple(texts[index : index + len(t)]) == t), None)
        if term:
            last = words[index + len(term) - 1]
            found.append(Spoken(" ".join(term), words[index].start, last.end))
        index += len(term) if term else 1
    return found
