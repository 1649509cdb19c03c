"""``audio.json``: what the source was, and what its sound is like."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from workers.audio_extraction import media

NAME = "audio.json"

Seconds = Annotated[float, Field(ge=0)]

# BCP 47, roughly; what else stands in a language tag is no language.
_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Model):
    """The file that was uploaded: size in bytes, bit rate in bits per second, as its container has it."""

    name: str
    container: str
    """FFmpeg's name of the demuxer, whatever the file's extension says."""
    size: int
    duration: float | None
    bit_rate: float | None


class Stream(_Model):
    """One stream of the source; rates in hertz, durations in seconds, as its container has them."""

    index: int
    kind: str
    codec: str | None
    profile: str | None
    sample_rate: int | None
    channels: int | None
    language: str | None
    duration: float | None

    @classmethod
    def of(cls, stream: media.Stream) -> Stream:
        """Return the description of a stream that ffprobe has found."""
        language = stream.tags.language
        return cls(
            index=stream.index,
            kind=stream.codec_type,
            codec=stream.codec_name,
            profile=stream.profile,
            sample_rate=stream.sample_rate,
            channels=stream.channels,
            language=language if language and _LANGUAGE.match(language) and language != "und" else None,
            duration=stream.duration,
        )


class Loudness(_Model):
    """By EBU R128, of ``audio.wav``: integrated loudness in LUFS, loudness range in LU."""

    integrated_lufs: float
    range_lu: float


class Description(_Model):
    """The whole file."""

    version: Literal[1] = 1
    job_id: str
    duration: Seconds
    """Of ``audio.wav``, whose second 0 is the source's second 0."""
    source: Source
    streams: tuple[Stream, ...]
    chosen_stream: int
    """Index of the stream that was extracted."""
    leading_silence: Seconds
    """Put in front, as the sound began later than the picture."""
    decode_errors: int
    """Complaints of demuxer and decoder about damage that was passed over."""
    loudness: Loudness | None
    """None for silence, and for what is shorter than one gating block of 0.4 s."""
    peak_dbfs: float | None
    """The highest sample; None for digital silence."""
    normalised: bool
    gain_db: float
    """By how much ``audio.wav`` is louder than the source; 0 unless it was normalised."""
