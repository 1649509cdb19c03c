"""Media made by FFmpeg's own generators, each once a session; and what a finished ``audio.wav`` sounds like."""

from __future__ import annotations

import array
import itertools
import shutil
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

import pytest

PITCH = 440
SECONDS = 4.0
_PICTURE = ("-f", "lavfi", "-i", f"testsrc=size=64x64:rate=25:d={SECONDS:g}")
_TONE = ("-f", "lavfi", "-i", f"sine={PITCH}:d={SECONDS:g}:r=44100")
# Encoders by extension: picture and sound, or sound only.
_CODECS = {
    "mp4": ("-c:v", "mpeg4", "-c:a", "aac"),
    "mov": ("-c:v", "mpeg4", "-c:a", "pcm_s16le"),
    "mkv": ("-c:v", "mpeg4", "-c:a", "libopus"),
    "webm": ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libvorbis"),
    "mpeg": ("-c:v", "mpeg1video", "-c:a", "mp2"),
    "ts": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "mp3": ("-c:a", "libmp3lame"),
    "wav": ("-c:a", "pcm_s16le"),
    "m4a": ("-c:a", "aac"),
    "flac": ("-c:a", "flac"),
    "ogg": ("-c:a", "libvorbis"),
}
PICTURED = ("mp4", "mov", "mkv", "webm", "mpeg", "ts")


@dataclass(frozen=True)
class Media:
    """Files in ``folder``, made when they are first asked for."""

    folder: Path

    def make(self, name: str, *arguments: str) -> Path:
        """Return the file that FFmpeg makes of ``arguments``."""
        path = self.folder / name
        if not path.exists():
            _ffmpeg(*arguments, str(path))
        return path

    def lesson(self, extension: str) -> Path:
        """Return four seconds of a 440 Hz tone, with a picture where the container takes one."""
        inputs = (*_PICTURE, *_TONE) if extension in PICTURED else _TONE
        return self.make(f"lesson.{extension}", *inputs, *_CODECS[extension])

    def late(self, extension: str) -> Path:
        """Return a lesson whose tone begins two seconds after the picture."""
        inputs = (*_PICTURE, "-itsoffset", "2", *_TONE, "-map", "0:v", "-map", "1:a")
        return self.make(f"late.{extension}", *inputs, *_CODECS[extension])

    def tone(self, name: str, source: str, *arguments: str) -> Path:
        """Return what the audio generator ``source`` (a filter graph) gives."""
        return self.make(name, "-f", "lavfi", "-i", source, *arguments)

    def joined(self, name: str, *parts: Path) -> Path:
        """Return files put one behind the other, byte by byte."""
        path = self.folder / name
        path.write_bytes(b"".join(part.read_bytes() for part in parts))
        return path


def require_ffmpeg() -> None:
    """Skip the test where there is no FFmpeg."""
    missing = [name for name in ("ffmpeg", "ffprobe", "setpriv", "prlimit") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs ffmpeg and util-linux; not on the PATH: {', '.join(missing)}")


def _ffmpeg(*arguments: str) -> None:
    argv = ["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Sound:
    """A WAV file of one channel and 16 bits."""

    rate: int
    samples: array.array[int]

    @classmethod
    def of(cls, path: Path) -> Sound:
        """Read it, and insist on the form that transcription takes."""
        with wave.open(str(path)) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
            assert path.stat().st_size == 44 + 2 * file.getnframes(), "the header tells another length"
            return cls(file.getframerate(), array.array("h", file.readframes(file.getnframes())))

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate

    @property
    def peak(self) -> int:
        """The highest sample's size."""
        return max(abs(sample) for sample in self.samples)

    @property
    def onset(self) -> float:
        """Second of the first sample that can be heard."""
        return next(i for i, sample in enumerate(self.samples) if abs(sample) > 700) / self.rate

    def pitch(self, start: float, end: float) -> float:
        """Return the hertz between two seconds, by counting upward zero crossings."""
        part = self.samples[int(start * self.rate) : int(end * self.rate)]
        return sum(before < 0 <= after for before, after in itertools.pairwise(part)) / (end - start)
