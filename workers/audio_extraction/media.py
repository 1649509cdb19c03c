"""What ffprobe tells of a file, and what follows from it: which stream is the lesson's sound, and how long it lasts."""

from __future__ import annotations

import math
import re
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from workers.audio_extraction.refusals import refuse

ENCRYPTION: Final = "encryption"
"""What the names of FFmpeg's side data about encryption have in common, in lower case."""

# Sample entries of FairPlay, of Common Encryption and of Audible.
_ENCRYPTED_TAGS = {"drms", "enca", "aavd"}
_CLOCK = re.compile(r"^(\d+):(\d\d):(\d\d(?:\.\d+)?)$")
_NOT_THE_LESSON = ("comment", "descriptions", "visual_impaired", "hearing_impaired")


def _number(value: object) -> float | None:
    """Return a finite number, or None: ffprobe prints what a file claims."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _clock(value: object) -> float | None:
    found = _CLOCK.match(str(value))
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None


_Number = Annotated[float | None, BeforeValidator(_number)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Tags(_Model):
    """The tags that matter here."""

    language: str | None = None
    end: Annotated[float | None, BeforeValidator(_clock)] = Field(default=None, alias="DURATION")
    """Where the stream ends, in seconds: Matroska knows it by this tag only."""
    enc_key_id: str | None = None
    """The key of an encrypted Matroska stream; FFmpeg shows it as a tag."""


class _SideData(_Model):
    side_data_type: str = ""


class Stream(_Model):
    """One stream; times in seconds, unknown ones None."""

    index: int
    codec_type: str = "unknown"
    codec_name: str | None = None
    codec_tag_string: str = ""
    profile: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    channel_layout: str | None = None
    start_time: _Number = None
    duration: _Number = None
    disposition: dict[str, int] = Field(default_factory=dict)
    tags: Tags = Tags()
    side_data_list: tuple[_SideData, ...] = ()

    @property
    def encrypted(self) -> bool:
        """Whether the container says so."""
        said = any(ENCRYPTION in data.side_data_type.lower() for data in self.side_data_list)
        return said or self.tags.enc_key_id is not None or self.codec_tag_string in _ENCRYPTED_TAGS


class Format(_Model):
    """The container."""

    format_name: str
    duration: _Number = None
    start_time: _Number = None
    size: int
    bit_rate: _Number = None


class Probe(_Model):
    """A source that ffprobe could open."""

    format: Format
    streams: tuple[Stream, ...] = ()
    estimated: bool = False
    """The container does not know its length: ``duration`` was reckoned from bit rate or timestamps."""
    declared_size: int | None = None
    """Bytes that the file should have, where its header tells."""

    @property
    def demuxer(self) -> str:
        """FFmpeg's name of the container."""
        return self.format.format_name.split(",")[0]

    @property
    def known_duration(self) -> float | None:
        """Seconds that the container claims to last, where it knows."""
        return None if self.estimated or self.demuxer in {"mpeg", "mpegts"} else self.format.duration

    def offset(self, stream: Stream) -> float:
        """Return how many seconds after the picture the stream begins."""
        return max((stream.start_time or 0) - (self.format.start_time or 0), 0)

    def end(self, stream: Stream) -> float | None:
        """Return the second at which the stream should end, counted from the picture's start; None if unknown."""
        if self.known_duration is None:
            return self._declared_end()
        if stream.duration is not None:
            return self.offset(stream) + stream.duration
        if stream.tags.end is not None:
            return stream.tags.end - max(self.format.start_time or 0, 0)
        # The container's length is that of its longest stream.
        return self.known_duration if len(self.streams) == 1 else None

    def _declared_end(self) -> float | None:
        if self.declared_size and self.format.duration and self.format.size:
            return self.format.duration * self.declared_size / self.format.size
        return None


def choose(found: Probe) -> Stream:
    """Return the stream with the lesson's sound: the default one, else the first that is no commentary.

    Raises:
        PoisonError: ``no_audio``, ``encrypted`` or ``bad_audio``.
    """
    if not found.streams:
        raise refuse("bad_audio", f"the {found.demuxer} container is damaged: it holds no streams")
    sound = [stream for stream in found.streams if stream.codec_type == "audio"]
    if not sound:
        raise refuse("no_audio", f"none of the file's {len(found.streams)} streams is sound")
    clear = [stream for stream in sound if not stream.encrypted]
    if not clear:
        raise refuse("encrypted", "the file's sound is encrypted")
    usable = [stream for stream in clear if stream.codec_name and stream.sample_rate and stream.channels]
    if not usable:
        codecs = ", ".join(sorted({stream.codec_name or stream.codec_tag_string for stream in clear}))
        raise refuse("bad_audio", f"the file's sound has no readable format (codec: {codecs})")
    return min(usable, key=_rank)


def _rank(stream: Stream) -> tuple[bool, bool, int]:
    aside = any(stream.disposition.get(name) for name in _NOT_THE_LESSON)
    return aside, not stream.disposition.get("default"), stream.index
