"""Has FFmpeg decode one stream into ``audio.wav``, and measure and set its loudness.

FFmpeg writes raw samples into a pipe and this process the file: so FFmpeg needs no right to write anywhere, the length
of the output is limited by whoever counts it, and a full disk is an ``OSError`` like any other.
"""

from __future__ import annotations

import re
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workers.audio_extraction.confined import Ended, Limits, run
from workers.audio_extraction.media import Probe, Stream
from workers.audio_extraction.probe import READING, url
from workers.audio_extraction.refusals import refuse
from workers.common.errors import PoisonError
from workers.common.ports import Work

SAMPLE_RATE: Final = 16_000
"""Hertz; what Whisper was trained on."""
SAMPLE_BYTES: Final = 2
BYTES_PER_SECOND: Final = SAMPLE_RATE * SAMPLE_BYTES

TARGET_LUFS: Final = -23.0
"""EBU R 128's programme loudness."""
CEILING_DBFS: Final = -1.0
"""EBU R 128's highest peak, here of samples: between those of 16 kHz speech little is to be found."""

# A lesson that lacks a fifth of its packets is not worth a transcript; FFmpeg's exit status when more are lost.
_ERROR_SHARE = "0.2"
_TOO_MANY_ERRORS = 69
# Shorter than told by less than this is what encoders' delays and rounding make.
_MISSING_SECONDS = 2.0
_MISSING_SHARE = 0.02
_QUIETEST_LUFS = -70.0
_RAW = ("-f", "s16le", "-acodec", "pcm_s16le", "pipe:1")
_FFMPEG = ("ffmpeg", "-nostdin", "-hide_banner", "-nostats")
_SUMMARY = re.compile(
    r"\[Parsed_ebur128_\d+ @ [^\n]*Summary:.*?\bI: +(?P<integrated>\S+) LUFS.*?\bLRA: +(?P<range>\S+) LU"
    r".*?\bPeak: +(?P<peak>\S+) dBFS",
    re.DOTALL,
)


@dataclass(frozen=True)
class Measured:
    """Loudness of a whole file, by EBU R128's gates; −inf where there is no sound."""

    integrated_lufs: float
    range_lu: float
    peak_dbfs: float

    @property
    def audible(self) -> bool:
        """Whether any block was louder than the absolute gate."""
        return self.integrated_lufs > _QUIETEST_LUFS


@dataclass(frozen=True)
class Decoded:
    """What came out: seconds of sound, the silence put in front included."""

    seconds: float
    leading_silence: float
    complaints: int


@dataclass
class Pcm:
    """Takes samples, as far as they are allowed to go."""

    file: wave.Wave_write
    longest_seconds: float
    advanced: Callable[[float], None]
    size: int = 0

    @property
    def seconds(self) -> float:
        """How much there is by now."""
        return self.size / BYTES_PER_SECOND

    def take(self, data: bytes) -> None:
        """Write the next bytes, which need not end between two samples.

        Raises:
            PoisonError: ``too_long``.
        """
        self.size += len(data)
        if self.seconds > self.longest_seconds:
            raise too_long(f"its sound goes on after {self.longest_seconds / 3600:g} hours", self.longest_seconds)
        self.file.writeframesraw(data)
        self.advanced(self.seconds)


def decode(
    source: Path,
    target: Path,
    found: Probe,
    stream: Stream,
    limits: Limits,
    work: Work,
    longest_seconds: float,
    advanced: Callable[[float], None],
) -> Decoded:
    """Write ``stream`` of ``source`` to ``target``; ``advanced`` hears of every second that is there.

    Raises:
        PoisonError: ``too_long``, ``too_large``, ``bad_audio``, ``truncated``, ``ffmpeg_timeout``.
        RetryableError: ``ffmpeg_killed``.
    """
    if (offset := found.offset(stream)) > longest_seconds:
        raise too_long(f"its sound begins after {offset / 3600:.1f} hours", longest_seconds)
    with _writing(target, longest_seconds, advanced) as pcm:
        lead = round(offset * SAMPLE_RATE) * SAMPLE_BYTES
        while pcm.size < lead:
            work.checkpoint()
            pcm.take(bytes(min(BYTES_PER_SECOND, lead - pcm.size)))
        ended = run(_decoding(source, found, stream), limits, work, pcm.take)
        problem = _problem(ended, pcm.size - lead, pcm.seconds, found.end(stream))
    if problem:
        raise problem
    return Decoded(pcm.seconds, lead / BYTES_PER_SECOND, ended.log.complaints)


def measure(audio: Path, limits: Limits, work: Work) -> Measured:
    """Return the loudness of a finished ``audio.wav``.

    In a run of its own: the filter would start anew where a stream changes its sample rate, and tell of the last part.
    """
    argv = [*_FFMPEG, "-v", "repeat+level+info", *READING, "-f", "wav", "-i", url(audio)]
    argv += ["-af", "ebur128=peak=sample:framelog=verbose", "-f", "null", "-"]
    ended = run(argv, limits, work, lambda _: None)
    found = _SUMMARY.search("\n".join(ended.log.lines))
    if ended.status or not found:
        raise refuse("bad_audio", f"the loudness can't be measured: {ended.log.reason()}")
    return Measured(float(found["integrated"]), float(found["range"]), float(found["peak"]))


def gain_towards_target(measured: Measured) -> float:
    """Return the decibels that bring the loudness to ``TARGET_LUFS``, as far as the peak allows it.

    One gain for the whole lesson, in a second pass over ``audio.wav``: ``loudnorm`` in one pass rides the level between
    speech and music, and took 25 s of CPU for half an hour where measuring and setting together take one.
    """
    if not measured.audible:
        return 0.0
    return round(min(TARGET_LUFS - measured.integrated_lufs, CEILING_DBFS - measured.peak_dbfs), 2)


def amplify(audio: Path, target: Path, gain_db: float, limits: Limits, work: Work, longest_seconds: float) -> None:
    """Write ``audio``, louder by ``gain_db``, to ``target``."""
    argv = [*_FFMPEG, "-v", "repeat+level+error", *READING, "-f", "wav", "-i", url(audio)]
    argv += ["-af", f"volume={gain_db}dB", *_RAW]
    with _writing(target, longest_seconds, lambda _: None) as pcm:
        ended = run(argv, limits, work, pcm.take)
    if ended.status:
        raise refuse("bad_audio", f"the loudness can't be set: {ended.log.reason()}")


def too_long(how: str, longest_seconds: float) -> PoisonError:
    """Return the error of a lesson longer than ``longest_seconds``."""
    return refuse("too_long", f"the lesson is too long: {how}, and {longest_seconds / 3600:g} hours are allowed")


@contextmanager
def _writing(target: Path, longest_seconds: float, advanced: Callable[[float], None]) -> Iterator[Pcm]:
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(SAMPLE_BYTES)
        file.setframerate(SAMPLE_RATE)
        yield Pcm(file, longest_seconds, advanced)


def _decoding(source: Path, found: Probe, stream: Stream) -> list[str]:
    argv = [*_FFMPEG, "-v", "repeat+level+error", "-max_error_rate", _ERROR_SHARE]
    argv += [*READING, "-f", found.demuxer, "-threads", "1", "-vn", "-sn", "-dn"]
    if found.demuxer == "mov":
        # Tracks in other files: off by default too, but what must never happen is said.
        argv += ["-enable_drefs", "0", "-use_absolute_path", "0"]
    return [*argv, "-i", url(source), "-map", f"0:{stream.index}", "-af", _filters(stream), *_RAW]


def _filters(stream: Stream) -> str:
    # Gaps in the timestamps become silence, so that words stay where the picture has them. The offset of the first
    # sample is put in front by ``decode``: FFmpeg forgets it for transport streams without their picture, and
    # ``first_pts=0`` would put it in again wherever the sample rate changes.
    resample = f"aresample={SAMPLE_RATE}:async=1"
    # A full-scale sum must not clip: on the way to integers FFmpeg scales the layouts that it knows; "<" scales others.
    if not stream.channel_layout and (stream.channels or 0) > 2:
        every = "+".join(f"c{channel}" for channel in range(stream.channels or 0))
        resample = f"pan=mono|c0<{every},{resample}"
    return f"{resample},aformat=sample_fmts=s16:channel_layouts=mono"


def _problem(ended: Ended, size: int, seconds: float, expected: float | None) -> PoisonError | None:
    """Return what is wrong with a run that brought ``size`` bytes and ended at ``seconds``."""
    if ended.status and ended.log.says("Cannot allocate memory"):
        return refuse("too_large", "decoding the file takes more memory than FFmpeg may use")
    if size == 0:
        return refuse("bad_audio", f"nothing of the sound could be decoded: {ended.log.reason()}")
    if ended.status == _TOO_MANY_ERRORS:
        return refuse("bad_audio", f"more than a fifth of the sound is damaged: {ended.log.reason()}")
    if expected is not None and expected - seconds > max(_MISSING_SECONDS, expected * _MISSING_SHARE):
        return refuse("truncated", f"the file should last {expected:.1f} s, and ends after {seconds:.1f} s")
    if ended.status:
        return refuse("bad_audio", f"decoding broke off: {ended.log.reason()}")
    return None
