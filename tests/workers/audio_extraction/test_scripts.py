"""Playlists, concatenations and other files that name files: nothing that they name is ever opened."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.audio_extraction import crafted
from tests.workers.audio_extraction.jobs import lesson
from tests.workers.audio_extraction.media import Media
from workers.audio_extraction.probe import DEMUXERS

_CANARY_PITCH = 1234

# {file} is a whole sound file on this host, {http} a server that counts its visitors.
_SCRIPTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n",
    "hls-bom": "\ufeff#EXTM3U\n#EXTINF:2,\n{target}\n",
    "hls-key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n',
    "ffconcat": "ffconcat version 1.0\nfile '{target}'\n",
    "ffconcat-options": "ffconcat version 1.0\nfile '{target}'\noption safe 0\nstream\n",
    "dash": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="audio/mp4"><Representation id="1" '
    'bandwidth="1"><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "smooth": '<SmoothStreamingMedia MajorVersion="2" Url="{target}"></SmoothStreamingMedia>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\na=control:{target}\n"
    "m=audio {port} RTP/AVP 0\n",
    "pls": "[playlist]\nFile1={target}\nNumberOfEntries=1\n",
    "smil": "<smil><body><audio src='{target}'/></body></smil>",
    "subtitle": "1\n00:00:00,000 --> 00:00:09,000\n<img src='{target}'>\n",
    "webvtt": "WEBVTT\n\n00:00.000 --> 00:09.000\n{target}\n",
    "ass": "[Script Info]\nAudio File: {target}\n[Events]\nDialogue: 0,0:00:00.00,0:00:01.00,x,,0,0,0,,x\n",
    "ffmetadata": ";FFMETADATA1\ntitle={target}\n",
    "vobsub": "# VobSub index file, v7 (do not modify this line!)\n# {target}\nid: en, index: 0\n",
    "imf": '<?xml version="1.0"?><AssetMap xmlns="http://www.smpte-ra.org/schemas/429-9/2007/AM">{target}</AssetMap>',
    "lavfi": "amovie='{target}'",
}
_TARGETS = ["{file}", "file:{file}", "{http}/canary.wav", "concat:{file}|{file}", "subfile,,start,0,end,0,,:{file}"]
_REFUSALS = {"refused_container", "not_media"}


class Server:
    """A TCP socket that nobody should come to."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.port: int = self._socket.getsockname()[1]

    def visited(self) -> bool:
        """Whether a connection waits."""
        try:
            connection, _ = self._socket.accept()
        except TimeoutError:
            return False
        connection.close()
        return True

    def close(self) -> None:
        """End it."""
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on this host."""
    listening = Server()
    yield listening
    listening.close()


@pytest.fixture
def canary(media: Media) -> Path:
    """A sound that must not be heard in any lesson."""
    return media.tone("canary.wav", f"sine={_CANARY_PITCH}:d=4:r=16000")


@pytest.mark.parametrize("script", sorted(_SCRIPTS))
def test_scripts_are_refused(tmp_path: Path, canary: Path, server: Server, script: str) -> None:
    everything = script in {"hls", "ffconcat"}
    for number, target in enumerate(_TARGETS if everything else _TARGETS[2:3]):
        named = target.format(file=canary, http=f"http://127.0.0.1:{server.port}")
        content = _SCRIPTS[script].format(target=named, port=server.port).encode()

        for name in ("source.mp4", "source.mp3") if everything else ("source.mp4",):
            work = lesson(tmp_path / f"{number}{name}", content, name)
            assert work.refused().code in _REFUSALS
    assert not server.visited()


def test_what_they_are_is_said(tmp_path: Path) -> None:
    content = _SCRIPTS["hls"].format(target="x").encode()

    error = lesson(tmp_path, content, "source.mp4").refused()

    assert (error.code, "#EXTM3U" in error.message) == ("refused_container", True)


def test_the_server_would_notice(server: Server) -> None:
    assert not server.visited()
    with socket.create_connection(("127.0.0.1", server.port)):
        assert server.visited()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("picture.png", ("-f", "lavfi", "-i", "testsrc=size=64x64", "-frames:v", "1")),
        ("picture.jpg", ("-f", "lavfi", "-i", "testsrc=size=64x64", "-frames:v", "1")),
        ("moving.gif", ("-f", "lavfi", "-i", "testsrc=size=64x64:d=1")),
        ("sound.avi", ("-f", "lavfi", "-i", "sine=d=1")),
        ("sound.nut", ("-f", "lavfi", "-i", "sine=d=1")),
        ("sound.flv", ("-f", "lavfi", "-i", "sine=d=1")),
        ("sound.caf", ("-f", "lavfi", "-i", "sine=d=1")),
        ("sound.au", ("-f", "lavfi", "-i", "sine=d=1")),
    ],
)
def test_other_containers_are_refused_by_name(
    media: Media, tmp_path: Path, name: str, arguments: tuple[str, ...]
) -> None:
    content = media.make(name, *arguments).read_bytes()

    error = lesson(tmp_path, content, "source.mp4").refused()

    assert error.code == "refused_container"
    assert not any(error.message.endswith(f" {demuxer}") for demuxer in DEMUXERS)


def test_a_track_in_another_file_is_not_read(media: Media, tmp_path: Path, canary: Path) -> None:
    own = media.make("own.mov", "-i", str(canary), "-c:a", "pcm_s16le")
    foreign = crafted.with_external_track(own.read_bytes(), own)
    start = foreign.index(b"mdat") + 4
    length = int.from_bytes(foreign[start - 8 : start - 4], "big") - 8
    hollow = foreign[:start] + bytes(length) + foreign[start + length :]
    work = lesson(tmp_path, hollow, "source.mov")
    # Even beside the source itself.
    (work.folder / own.name).write_bytes(own.read_bytes())

    error = work.refused()

    assert error.code == "bad_audio"
    # FFmpeg itself does read it when it may: the trick works, and it is the worker that does not fall for it.
    argv = ["ffmpeg", "-v", "error", "-enable_drefs", "1", "-i", str(work.folder / "source.mov"), "-f", "s16le", "-"]
    leaked = subprocess.run(argv, capture_output=True, check=False)
    assert any(leaked.stdout), leaked.stderr
