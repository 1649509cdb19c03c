"""Files that no encoder makes: MP4 boxes and Matroska elements put together by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

_PARENTS = {b"moov", b"trak", b"mdia", b"minf", b"dinf"}


def edited(file: bytes, kind: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Return an MP4 with ``change`` done to every box of ``kind`` (header included), its parents' sizes put right."""
    done = b""
    while file:
        size, name = int.from_bytes(file[:4], "big"), file[4:8]
        box, file = file[:size], file[size:]
        if name == kind:
            box = change(box)
        elif name in _PARENTS:
            box = _box(name, edited(box[8:], kind, change))
        done += box
    return done


def with_external_track(file: bytes, media: Path) -> bytes:
    """Return a QuickTime file whose samples are said to lie in ``media``, by an alias with its absolute path."""
    path = str(media).encode()
    folder, name = str(media.parent).encode(), media.name.encode()
    alias = b"\0" * 14 + bytes([1]) + b"v".ljust(27, b"\0") + b"\0" * 12
    alias += bytes([len(name)]) + name.ljust(63, b"\0") + b"\0" * 16 + (1).to_bytes(2, "big") * 2 + b"\0" * 16
    for kind, value in ((2, path), (0, folder.rpartition(b"/")[2])):
        alias += kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + b"\0" * (len(value) % 2)
    alias += (0xFFFF).to_bytes(2, "big") + b"\0\0"
    reference = b"\0" * 4 + (1).to_bytes(4, "big") + _box(b"alis", alias)
    return edited(file, b"dref", lambda _: _box(b"dref", reference))


def element(name: str, content: bytes, declared: int | None = None) -> bytes:
    """Return a Matroska element with the hexadecimal id ``name``; ``declared`` is a size that lies."""
    size = len(content) if declared is None else declared
    return bytes.fromhex(name) + (size | 1 << 56).to_bytes(8, "big") + content


def matroska(*tracks: bytes, cluster: bytes = b"", declared: int | None = None) -> bytes:
    """Return a Matroska file with these ``TrackEntry`` elements; ``declared`` is the size that its body claims."""
    header = element("1A45DFA3", element("4282", b"matroska") + element("4287", b"\x04") + element("4285", b"\x02"))
    info = element("1549A966", element("2AD7B1", (1_000_000).to_bytes(3, "big")))
    body = info + element("1654AE6B", b"".join(tracks)) + element("1F43B675", element("E7", b"\0") + cluster, declared)
    return header + element("18538067", body, declared and declared + len(body))


def pcm_track(*more: bytes) -> bytes:
    """Return a ``TrackEntry`` of 16 kHz mono samples."""
    audio = element("E1", element("B5", bytes.fromhex("467A0000")) + element("9F", b"\x01") + element("6264", b"\x10"))
    names = element("D7", b"\x01") + element("73C5", b"\x01") + element("83", b"\x02") + element("86", b"A_PCM/INT/LIT")
    return element("AE", names + audio + b"".join(more))


def block(samples: bytes, declared: int | None = None) -> bytes:
    """Return a ``SimpleBlock`` of track 1 at second 0."""
    return element("A3", b"\x81\0\0\x80" + samples, declared)


ENCRYPTED = element(
    "6D80",
    element(
        "6240",
        # Scope: the frames; type: encryption; AES; a key's id.
        element("5032", b"\x01")
        + element("5033", b"\x01")
        + element("5035", element("47E1", b"\x05") + element("47E2", b"0123456789abcdef")),
    ),
)
"""``ContentEncodings`` as Widevine's WebM has them."""


def _box(name: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + name + content
