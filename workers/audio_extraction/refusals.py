"""Every way in which a source is refused: the code, and what the person who uploaded it can do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from workers.common.errors import PoisonError, RetryableError

HINTS: Mapping[str, str] = MappingProxyType(
    {
        "bad_params": 'the params are {"source": "source.<ext>"}, with an extension that uploads may have',
        "no_source": "upload the file again, and look at what the orchestrator has put into the job's folder",
        "empty_file": "the upload broke off before its first byte: upload the file again",
        "not_media": "upload an audio or video file: mp4, mov, mkv, webm, mpeg, mp3, wav, m4a, flac or ogg",
        "refused_container": "playlists, images and containers beyond the list are not opened: upload the media file",
        "no_audio": "the lesson has no sound track: export it with one",
        "encrypted": "the sound is encrypted (DRM): upload a copy without protection",
        "truncated": "the file is not whole: upload it again, or export it anew",
        "too_long": "cut the lesson into parts",
        "too_large": "the file needs more memory than a worker gives it: export it anew with fewer tracks",
        "bad_audio": "the sound can't be decoded: see whether it plays, and export it anew as AAC, MP3 or WAV",
        "ffmpeg_timeout": "raise timeouts.ffmpeg_seconds, or cut the lesson into parts",
    }
)

KILLED = "ffmpeg_killed"
_LONGEST_MESSAGE = 500
_KILLED_HINT = "most likely the host ran out of memory: give the task more"


def refuse(code: str, message: str) -> PoisonError:
    """Return the error of a source that would fail again the same way; ``code`` is one of ``HINTS``.

    ``message`` may quote a hostile file: it is cut, and what can't be printed is taken out of it.
    """
    printable = "".join(character if character.isprintable() else "?" for character in message)
    return PoisonError(code, printable[:_LONGEST_MESSAGE], HINTS[code])


def killed(how: str) -> RetryableError:
    """Return the error of an FFmpeg that was ended from outside: the same source may well work next time."""
    return RetryableError(KILLED, f"FFmpeg was ended from outside: {how}", _KILLED_HINT)
