"""What an upload is, by its name and its first bytes. Only the worker's FFmpeg looks further."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from workers.api.http.problems import Problem

HEAD_BYTES: Final = 4096
"""As much of a file as has to be there before it is judged."""

# Extensions that uploads may have, with their media types and the container that their bytes must show.
_EXTENSIONS: Final[dict[str, tuple[str, str]]] = {
    "mp4": ("video/mp4", "iso"),
    "m4a": ("audio/mp4", "iso"),
    "mov": ("video/quicktime", "iso"),
    "mkv": ("video/x-matroska", "matroska"),
    "webm": ("video/webm", "matroska"),
    "mpeg": ("video/mpeg", "mpeg"),
    "mp3": ("audio/mpeg", "mp3"),
    "wav": ("audio/wav", "wav"),
    "flac": ("audio/flac", "flac"),
    "ogg": ("audio/ogg", "ogg"),
}
EXTENSIONS: Final = tuple(_EXTENSIONS)
_SAME: Final = {"mpg": "mpeg", "oga": "ogg"}
KNOWN: Final = frozenset({*EXTENSIONS, *_SAME})
"""Extensions that names may have."""
# Types of the first atom of an ISO base media file, and of QuickTime files from before there was "ftyp".
_ATOMS = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})
_TS_PACKET = 188


def extension(name: str) -> str:
    """Return the extension that ``name`` (display only, never a path) stands for.

    Raises:
        Problem: 415 ``unsupported_type``.
    """
    suffix = PurePosixPath(name).suffix.removeprefix(".").lower()
    suffix = _SAME.get(suffix, suffix)
    if suffix not in _EXTENSIONS:
        raise Problem(
            415,
            "unsupported_type",
            f"a file with the extension {suffix or '(none)'} is not taken",
            f"convert it to one of {', '.join(EXTENSIONS)}",
        )
    return suffix


def media_type(suffix: str) -> str:
    """Return the media type of an extension."""
    return _EXTENSIONS[suffix][0]


def check(suffix: str, head: bytes) -> None:
    """Refuse content that is not what the extension says; ``head`` is the file's beginning.

    Raises:
        Problem: 415 ``unsupported_type`` or ``wrong_extension``, 422 ``empty_file``.
    """
    if not head:
        raise Problem(422, "empty_file", "the file has no content", "choose the file anew")
    container = _container(head)
    if container is None:
        raise Problem(
            415,
            "unsupported_type",
            "the file's content is neither sound nor video that is taken",
            f"convert it to one of {', '.join(EXTENSIONS)}",
        )
    if container != _EXTENSIONS[suffix][1]:
        fitting = [each for each, (_, kind) in _EXTENSIONS.items() if kind == container]
        raise Problem(
            415,
            "wrong_extension",
            f"the file is called .{suffix}, but its content is that of .{fitting[0]}",
            f"name it .{' or .'.join(fitting)}, or convert it",
        )


def of_head(head: bytes) -> str | None:
    """Return an extension that fits the file's beginning, for what comes without a name."""
    container = _container(head)
    return next((each for each, (_, kind) in _EXTENSIONS.items() if kind == container), None)


def _container(head: bytes) -> str | None:
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head[:4] in {b"RIFF", b"RF64"} and head[8:12] == b"WAVE":
        return "wav"
    if head.startswith(b"OggS"):
        return "ogg"
    if head.startswith((b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")) or _is_transport_stream(head):
        return "mpeg"
    if head[4:8] in _ATOMS:
        return "iso"
    return _tagged(head)


def _tagged(head: bytes) -> str | None:
    """Return what follows an ID3v2 tag, which FLAC files may have too; its end may be far off, behind a picture."""
    if head.startswith(b"ID3") and len(head) > 10:
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True)) + 10
        rest = head[size : size + 4]
        return "flac" if rest.startswith(b"fLaC") else "mp3"
    if head.startswith(b"fLaC"):
        return "flac"
    return "mp3" if _is_mpeg_audio(head) else None


def _is_transport_stream(head: bytes) -> bool:
    syncs = head[: 3 * _TS_PACKET : _TS_PACKET]
    return len(syncs) == 3 and syncs == b"GGG"


def _is_mpeg_audio(head: bytes) -> bool:
    """Whether a frame of MPEG audio begins here: sync, a layer, a bit rate and a sample rate that exist."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    return version != 1 and layer != 0 and head[2] >> 4 not in {0, 15} and head[2] >> 2 & 3 != 3
