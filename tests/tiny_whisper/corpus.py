"""What the tiny model knows: a closed vocabulary of a guitar lesson, its phrases, its voices, and what is held out.

The committed model was trained on exactly this. Changing a word, a template, a voice or `held_out` means to
train again.
"""

from __future__ import annotations

import random
import zlib
from enum import StrEnum

from tests.tiny_whisper.espeak import Voice

_CARRIER = """
    play the a now and then with your slowly again practice listen to this use on in first second third next we repeat
"""
_MUSIC = """
    guitar chord chords barre power scale scales major minor pentatonic string strings fret finger
    hammer pull off palm muting alternate picking strumming pattern capo metronome arpeggio vibrato blues
    progression root note notes drop tuning rhythm tempo melody harmony octave bend slide riff solo bass
"""
WORDS = tuple(sorted({*_CARRIER.split(), *_MUSIC.split()}))

TERMS = (
    *("barre chord", "power chord", "major scale", "minor scale", "pentatonic scale", "minor pentatonic scale"),
    *("major chord", "minor chord", "palm muting", "hammer on", "pull off", "alternate picking"),
    *("strumming pattern", "chord progression", "root note", "drop tuning", "blues scale", "bass string"),
    *("arpeggio", "vibrato", "capo", "metronome", "octave", "riff", "rhythm", "tempo", "melody", "harmony"),
)
"""What a worker for music terms should find in the phrases."""

TEMPLATES = (
    *("play the {t}", "now play the {t}", "now practice the {t} slowly", "listen to the {t} again"),
    *("use your first finger on the second string", "then use the {t} with a {t}", "repeat this {t} and the {t}"),
    *("next we practice the {t}", "slide to the third fret and bend the string", "play a {t} then a {t}"),
    *("in this riff we use the {t}", "and again with the {t}", "a {t} on the bass strings"),
    "first the {t} then the {t}",
)

ACCENTS = ("en-us", "en", "en-gb-scotland", "en-029", "en-gb-x-rp", "en-gb-x-gbclan", "en-us-nyc")
VARIANTS = ("", "+m1", "+m2", "+m3", "+m4", "+m6", "+f1", "+f2", "+f3", "+f4")
UNSEEN_VOICES = ("en-gb-x-gbcwmd+m7", "en-gb-x-gbcwmd+f5", "en-gb-x-gbcwmd", "en-us+m7", "en-us+f5")


class Voices(StrEnum):
    """Which speakers: those of the training, or those that it never heard."""

    SEEN = "seen"
    UNSEEN = "unseen"


def held_out(phrase: str) -> bool:
    """Tell whether a phrase belongs to the fixed tenth of all phrases that is never trained on."""
    return zlib.crc32(phrase.encode()) % 10 == 0


def generator(seed: int) -> random.Random:
    """Return the source of chance of everything here: the same for the same seed."""
    return random.Random(seed)  # noqa: S311 - reproducible is what it must be


def phrase(rng: random.Random) -> str:
    """Return a sentence, or (half of the time) three to eight words in any order."""
    if rng.random() < 0.5:
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(3, 8)))
    text = rng.choice(TEMPLATES)
    while "{t}" in text:
        text = text.replace("{t}", rng.choice(TERMS), 1)
    return text


def phrases(rng: random.Random, count: int, *, evaluation: bool) -> list[str]:
    """Return ``count`` phrases, all held out (``evaluation``) or none of them; some may come twice."""
    found: list[str] = []
    while len(found) < count:
        candidate = phrase(rng)
        if held_out(candidate) == evaluation:
            found.append(candidate)
    return found


def voice(rng: random.Random, voices: Voices) -> Voice:
    """Return a speaker with a speed and pitches of its own."""
    name = rng.choice(UNSEEN_VOICES) if voices is Voices.UNSEEN else rng.choice(ACCENTS) + rng.choice(VARIANTS)
    return Voice(name, speed=rng.randint(120, 185), pitch=rng.randint(30, 70), pitch_range=rng.randint(30, 70))
