"""Text to sound by libespeak-ng, bound with ctypes because the command line does not tell when a word begins.

libespeak-ng keeps one state per process: it takes one text at a time, and what it said before changes, a little, how
the next text sounds. Use `synthesiser`, from one thread; the same texts in a new process give the same sound.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]

# Names and values of espeak-ng/speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_POS_CHARACTER = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_EVENT_LIST_TERMINATED, _EVENT_WORD = 0, 1


class EspeakMissing(RuntimeError):
    """libespeak-ng, or its data, is not on this machine."""


@dataclass(frozen=True)
class Voice:
    """How a text is spoken: a voice of espeak-ng with its variant (``en-us+m3``), words a minute, pitches 0 to 100."""

    name: str
    speed: int = 150
    pitch: int = 50
    pitch_range: int = 50


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def _load(name: str) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        raise EspeakMissing(f"{name} does not load ({error}): install the Debian package espeak-ng") from error
    library.espeak_Synth.argtypes = (
        *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint),
        *(ctypes.c_void_p, ctypes.c_void_p),
    )
    return library


class Espeak:
    """The library, initialised; ``rate`` is the sampling rate of its sound in Hz."""

    def __init__(self, library: str | None = None) -> None:
        """Load and initialise ``library``, by default the installed libespeak-ng.

        Raises:
            EspeakMissing: when it, or its data, is not installed.
        """
        self._library = _load(library or ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1")
        self.rate = int(self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, None, _INITIALIZE_DONT_EXIT))
        if self.rate <= 0:
            raise EspeakMissing("espeak-ng does not find its data: install the Debian package espeak-ng")
        self._pcm: list[Pcm] = []
        self._word_starts: dict[int, float] = {}
        # C holds only a pointer: without this reference the callback would be collected.
        self._callback = _Callback(self._heard)
        self._library.espeak_SetSynthCallback(self._callback)

    def say(self, text: str, voice: Voice) -> tuple[Pcm, list[float | None]]:
        """Return the sound of ``text`` (ASCII, one space between words), and where each word starts, in seconds.

        A start is None where espeak-ng ran a word together with the one before it ("on the").
        """
        self._choose(voice)
        self._pcm, self._word_starts = [], {}
        data = text.encode("ascii")
        failed = self._library.espeak_Synth(data, len(data) + 1, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None)
        if failed or not self._pcm:
            raise RuntimeError(f"espeak-ng made no sound of {text!r}")
        starts: list[float | None] = []
        position = 0
        for word in text.split(" "):
            starts.append(self._word_starts.get(position))
            position += len(word) + 1
        return np.concatenate(self._pcm), starts

    def _choose(self, voice: Voice) -> None:
        if self._library.espeak_SetVoiceByName(voice.name.encode()):
            raise ValueError(f"espeak-ng has no voice {voice.name!r}: espeak-ng --voices lists those it has")
        for parameter, value in ((_RATE, voice.speed), (_PITCH, voice.pitch), (_RANGE, voice.pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)

    def _heard(self, pcm: Any, count: int, events: Any) -> int:
        """Keep a piece of sound and the words that start in it; 0 tells the library to go on."""
        if pcm and count > 0:
            self._pcm.append(np.ctypeslib.as_array(pcm, (count,)).copy())
        index = 0
        while events[index].type != _EVENT_LIST_TERMINATED:
            if events[index].type == _EVENT_WORD:
                # Characters count from 1, time in milliseconds.
                self._word_starts[events[index].text_position - 1] = events[index].audio_position / 1000
            index += 1
        return 0


@functools.cache
def synthesiser() -> Espeak:
    """Return this process's espeak-ng.

    Raises:
        EspeakMissing: when it is not installed.
    """
    return Espeak()
