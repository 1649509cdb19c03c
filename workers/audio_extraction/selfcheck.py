"""Whether the host has the FFmpeg that the stage needs, looked at before the first message is taken."""

from __future__ import annotations

import re
import shutil
from typing import Final

from workers.audio_extraction.confined import LAUNCHERS, Limits, run
from workers.audio_extraction.probe import DEMUXERS
from workers.common.errors import StageError
from workers.common.ports import Work

OLDEST: Final = 5
"""FFmpeg's major version: ``ebur128`` measures at any sample rate from there on."""

_PROGRAMS = ("ffmpeg", "ffprobe", *LAUNCHERS)
_NEEDED = {
    "demuxers": DEMUXERS,
    "decoders": ("aac", "mp3float", "mp2float", "flac", "vorbis", "opus", "alac", "ac3", "pcm_s16le", "pcm_s24le"),
    "filters": ("aresample", "aformat", "pan", "volume", "ebur128"),
}
_HINT = "install the image's packages: ffmpeg 5 or later with its usual libraries, and util-linux"


def check(limits: Limits, work: Work) -> None:
    """Raise ``StageError`` (``ffmpeg_missing``) unless everything is there, and runs within the limits."""
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        raise StageError("ffmpeg_missing", f"not on the PATH: {', '.join(missing)}", _HINT)
    for program in ("ffmpeg", "ffprobe"):
        _check_version(program, _said([program, "-version"], limits, work))
    for kind, needed in _NEEDED.items():
        # " D  matroska,webm   Matroska / WebM", " A....D aac   AAC", " ... pan   A->A   Remix"
        lines = [line.split() for line in _said(["ffmpeg", "-hide_banner", f"-{kind}"], limits, work).splitlines()]
        there = {name for line in lines if len(line) > 1 for name in line[1].split(",")}
        if lacking := [name for name in needed if name not in there]:
            raise StageError("ffmpeg_missing", f"FFmpeg was built without the {kind} {', '.join(lacking)}", _HINT)


def _check_version(program: str, said: str) -> None:
    # Builds from a source tree call themselves N-12345-g0123456: they are newer than any release.
    found = re.match(rf"{program} version n?(\d+)", said)
    if found and int(found[1]) < OLDEST:
        raise StageError("ffmpeg_missing", f"{program} is of version {found[1]}, {OLDEST} is needed", _HINT)


def _said(argv: list[str], limits: Limits, work: Work) -> str:
    said = bytearray()
    ended = run(argv, limits, work, said.extend)
    if ended.status:
        raise StageError("ffmpeg_missing", f"{' '.join(argv)} ended with {ended.status}: {ended.log.lines}", _HINT)
    return said.decode(errors="replace")
