"""Has ffprobe look at a source, and says why when it can't be one.

ffprobe recognises a container by its bytes and opens it only when its demuxer is on the list below: a playlist, a
concatenation script or an image pattern is refused before any name in it is looked at, whatever the file is called.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from workers.audio_extraction.confined import Ended, Limits, Log, run
from workers.audio_extraction.media import ENCRYPTION, Probe, Stream
from workers.audio_extraction.refusals import refuse
from workers.common.errors import PoisonError
from workers.common.ports import Work

DEMUXERS: Final = ("mov", "matroska", "mpeg", "mpegts", "mp3", "wav", "flac", "ogg")
"""FFmpeg's names of the containers that the allowed extensions stand for; none of them reads a second file."""

READING: Final = ("-protocol_whitelist", "file", "-format_whitelist", ",".join(DEMUXERS))

# 500 streams are described in a quarter of a megabyte; FFmpeg itself stops at 1000.
_LONGEST_ANSWER = 4 << 20
_ENTRIES = (
    "format=format_name,duration,start_time,size,bit_rate"
    ":stream=index,codec_type,codec_name,codec_tag_string,profile,sample_rate,channels,channel_layout"
    ",start_time,duration:stream_disposition:stream_tags=language,DURATION,enc_key_id:stream_side_data=side_data_type"
)
# Scripts that FFmpeg does not recognise under a name such as source.mp4: the reason is clearer if we do.
_SCRIPT = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*(?:(#EXTM3U|ffconcat version|\[playlist\]|\[reference\]|v=0[\r\n])"
    rb"|(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(MPD|SmoothStreamingMedia|smil|asx|xspf|playlist)\b)",
    re.IGNORECASE | re.DOTALL,
)
_HEAD_BYTES = 4096
_RIFF_UNKNOWN = 0x7FFF_FFFF - 64


def probe(source: Path, limits: Limits, work: Work) -> Probe:
    """Return what ``source`` is.

    Raises:
        PoisonError: ``empty_file``, ``not_media``, ``refused_container``, ``truncated``, ``too_large``, ``bad_audio``.
    """
    with source.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise refuse("empty_file", "the file has no content")
    if script := _SCRIPT.match(head):
        what = (script[1] or script[2]).decode(errors="replace").strip()
        raise refuse("refused_container", f"the file is a script that names other media ({what})")
    argv = ["ffprobe", "-v", "repeat+level+warning", *READING, "-threads", "1"]
    argv += ["-print_format", "json", "-show_entries", _ENTRIES, "-i", url(source)]
    answer, ended = _ask(argv, limits, work)
    if ended.status:
        raise _unreadable(ended.log)
    try:
        found = Probe.model_validate_json(answer)
    except ValidationError:
        raise refuse("bad_audio", f"the file can't be made sense of: {ended.log.reason()}") from None
    estimated = ended.log.says("Estimating duration from bitrate")
    return found.model_copy(update={"estimated": estimated, "declared_size": _declared_size(head)})


def check_clear(source: Path, found: Probe, stream: Stream, limits: Limits, work: Work) -> None:
    """Look at the stream's first packet: Common Encryption without a licence header shows only there.

    Raises:
        PoisonError: ``encrypted``.
    """
    if found.demuxer != "mov":
        return
    argv = ["ffprobe", "-v", "quiet", *READING, "-threads", "1", "-select_streams", str(stream.index)]
    argv += ["-read_intervals", "%+#1", "-print_format", "json"]
    argv += ["-show_entries", "packet=stream_index:packet_side_data=side_data_type", "-i", url(source)]
    answer, _ = _ask(argv, limits, work)
    if ENCRYPTION.encode() in answer.lower():
        raise refuse("encrypted", "the file's sound is encrypted (Common Encryption)")


def url(path: Path) -> str:
    """Return a path so that FFmpeg takes every character of it as it is."""
    return f"file:{path.absolute()}"


def _ask(argv: list[str], limits: Limits, work: Work) -> tuple[bytes, Ended]:
    answer = bytearray()

    def consume(data: bytes) -> None:
        answer.extend(data)
        if len(answer) > _LONGEST_ANSWER:
            raise refuse("too_large", "the file has more streams than can be looked through")

    ended = run(argv, limits, work, consume)
    return bytes(answer), ended


def _unreadable(log: Log) -> PoisonError:
    if log.says("Format not on whitelist"):
        return refuse("refused_container", f"the file is of a kind that is not opened: {_context(log)}")
    if log.says("exceeds max_streams") or log.says("Cannot allocate memory"):
        return refuse("too_large", f"the file's description is larger than FFmpeg may look at: {log.reason()}")
    # Recognised by its name only, or not at all.
    recognised = not log.says("detected only with low score of 1,") and _context(log)
    if not recognised:
        return refuse("not_media", "the file's content is no audio or video that is known here")
    if log.says("activation_bytes"):
        return refuse("encrypted", "the file's sound is encrypted (Audible)")
    if log.says("moov atom not found"):
        return refuse("truncated", "the file lacks its index (moov), which is written last")
    return refuse("bad_audio", f"the {recognised} container is damaged: {log.reason()}")


def _context(log: Log) -> str | None:
    """Return the demuxer that spoke first."""
    found = (re.match(r"\[([\w,]+) @ ", line) for line in log.lines)
    return next((match[1] for match in found if match), None)


def _declared_size(head: bytes) -> int | None:
    """Return the length that a WAV file's header gives; recorders that stream leave it open."""
    if head[:4] != b"RIFF":
        return None
    size = int.from_bytes(head[4:8], "little")
    return size + 8 if 0 < size < _RIFF_UNKNOWN else None
