"""Words into segments that read as subtitles, and segments into txt, srt and vtt. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape
from statistics import fmean

from workers.common.transcript import Segment, Word

# Subtitle practice: two rows of 42 characters, seven seconds at most, and a new line after a pause or a sentence.
ROW = 42
LONGEST_SECONDS = 7.0
PAUSE_SECONDS = 0.8
_SENTENCE_END = re.compile(r"[.!?…。！？]['\"’”)\]]*$")
_SENTENCE_SECONDS = 1.0
# Control characters, surrogates, line and paragraph separators. Not format characters (Cf): joiners hold emoji
# and the words of Persian and Indic scripts together, marks order those that are written from right to left.
_UNWRITABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
# SubRip knows no escapes: arrows are taken for a cue's times, tags and braces for styles.
_SUBRIP = str.maketrans({"<": "‹", ">": "›", "{": "(", "}": ")"})


def segments(words: Sequence[Word]) -> tuple[Segment, ...]:
    """Return the words as numbered segments, from 0."""
    groups: list[list[Word]] = []
    for word in words:
        if not groups or _breaks(groups[-1], word):
            groups.append([])
        groups[-1].append(word)
    return tuple(_segment(number, group) for number, group in enumerate(groups))


def _breaks(line: Sequence[Word], word: Word) -> bool:
    first, last = line[0], line[-1]
    length = sum(len(w.text) + 1 for w in line) + len(word.text)
    sentence = _SENTENCE_END.search(last.text) and last.end - first.start >= _SENTENCE_SECONDS
    return bool(
        word.start - last.end > PAUSE_SECONDS
        or length > 2 * ROW
        or max(word.end, *(w.end for w in line)) - first.start > LONGEST_SECONDS
        or sentence
    )


def _segment(number: int, words: Sequence[Word]) -> Segment:
    return Segment(
        id=number,
        start=words[0].start,
        end=max(word.end for word in words),
        text=" ".join(word.text for word in words),
        words=tuple(words),
        confidence=round(fmean(word.probability for word in words), 4),
    )


def text(found: Iterable[Segment]) -> str:
    """Return the plain text, a line for each segment."""
    return "".join(f"{_one_line(segment.text)}\n" for segment in found)


def srt(found: Iterable[Segment]) -> str:
    """Return SubRip subtitles."""
    cues = (
        f"{number}\n{_clock(s.start, ',')} --> {_clock(_later(s), ',')}\n{_rows(_unstyled(s.text))}\n"
        for number, s in enumerate(found, 1)
    )
    return "\n".join(cues)


def vtt(found: Iterable[Segment]) -> str:
    """Return WebVTT subtitles; ``&``, ``<`` and ``>`` are escaped, as the format asks."""
    cues = (f"{_clock(s.start, '.')} --> {_clock(_later(s), '.')}\n{_rows(s.text, escaped=True)}\n" for s in found)
    return "\n".join(["WEBVTT\n", *cues])


def _rows(line: str, *, escaped: bool = False) -> str:
    """Break a long line near its middle, so that both rows are alike."""
    line = _one_line(line)
    spaces = [match.start() for match in re.finditer(" ", line)]
    if len(line) > ROW and spaces:
        middle = min(spaces, key=lambda at: abs(at - len(line) / 2))
        rows = [line[:middle], line[middle + 1 :]]
    else:
        rows = [line]
    return "\n".join(escape(row, quote=False) if escaped else row for row in rows)


def _one_line(line: str) -> str:
    # An empty line ends a cue, and other control characters confuse players.
    return " ".join("".join(" " if unicodedata.category(c) in _UNWRITABLE else c for c in line).split())


def _unstyled(line: str) -> str:
    return line.replace("-->", "→").translate(_SUBRIP)


def _later(segment: Segment) -> float:
    # A cue needs some time on the screen, and the formats know milliseconds only.
    return max(segment.end, segment.start + 0.001)


def _clock(at: float, mark: str) -> str:
    whole = round(at * 1000)
    hours, rest = divmod(whole, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds, thousandths = divmod(rest, 1000)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{thousandths:03}"
