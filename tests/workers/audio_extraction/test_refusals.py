"""What does not come in: each bad source has its error code, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.audio_extraction import crafted
from tests.workers.audio_extraction.jobs import LIMITS, lesson
from tests.workers.audio_extraction.media import Media
from workers.audio_extraction.handler import EXTENSIONS, AudioExtraction, Params
from workers.common.errors import PoisonError

SHORT = AudioExtraction(LIMITS, normalise=False, longest_seconds=20)
_KEY = "76a6c65c5ea762046bd749a2e632ccbb"


def test_no_source(tmp_path: Path) -> None:
    assert lesson(tmp_path, None, "source.mp4").refused().code == "no_source"


@pytest.mark.parametrize("name", ["source.mp4", "source.wav"])
def test_zero_bytes(tmp_path: Path, name: str) -> None:
    assert lesson(tmp_path, b"", name).refused().code == "empty_file"


def test_no_audio_track(media: Media, tmp_path: Path) -> None:
    mute = media.make("mute.mp4", "-f", "lavfi", "-i", "testsrc=size=64x64:d=1", "-c:v", "mpeg4")

    assert lesson(tmp_path, mute).refused().code == "no_audio"


@pytest.mark.parametrize("name", ["source.mp4", "source.mp3", "source.mpeg", "source.mkv"])
@pytest.mark.parametrize(
    "content",
    [
        b"Dear student, practise the C major scale.\n" * 200,
        b"\0" * 4000,
        bytes(range(256)) * 40,
        b"MZ" + b"\x90" * 5000,
    ],
    ids=["text", "zeros", "bytes", "program"],
)
def test_no_media_whatever_it_is_called(media: Media, tmp_path: Path, name: str, content: bytes) -> None:
    assert lesson(tmp_path, content, name).refused().code == "not_media"


def test_common_encryption(media: Media, tmp_path: Path) -> None:
    encryption = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", _KEY, "-encryption_kid", _KEY)
    locked = media.make("locked.mp4", "-i", str(media.lesson("mp4")), "-c", "copy", *encryption)

    assert lesson(tmp_path, locked).refused().code == "encrypted"


@pytest.mark.parametrize("entry", [b"drms", b"enca", b"aavd"])
def test_protected_sample_entries(media: Media, tmp_path: Path, entry: bytes) -> None:
    content = media.lesson("m4a").read_bytes()
    assert content.count(b"mp4a") == 1

    assert lesson(tmp_path, content.replace(b"mp4a", entry), "source.m4a").refused().code == "encrypted"


def test_encrypted_matroska(media: Media, tmp_path: Path) -> None:
    samples = crafted.block(bytes(32_000))
    clear = crafted.matroska(crafted.pcm_track(), cluster=samples)
    locked = crafted.matroska(crafted.pcm_track(crafted.ENCRYPTED), cluster=samples)

    # The same file without encryption is fine, so it is not for a slip in the crafting that the other is refused.
    assert lesson(tmp_path / "clear", clear, "source.mkv").extracted()[1].seconds == pytest.approx(1)
    assert lesson(tmp_path / "locked", locked, "source.mkv").refused().code == "encrypted"


@pytest.mark.parametrize("extension", ["mp4", "m4a", "mkv", "webm", "mp3", "flac", "wav", "mov"])
def test_truncated(media: Media, tmp_path: Path, extension: str) -> None:
    whole = media.lesson(extension).read_bytes()

    assert lesson(tmp_path, whole[: len(whole) * 3 // 10], f"source.{extension}").refused().code == "truncated"


def test_truncated_with_its_index_in_front(media: Media, tmp_path: Path) -> None:
    arguments = ("-i", str(media.lesson("mp4")), "-c", "copy", "-movflags", "+faststart")
    whole = media.make("faststart.mp4", *arguments).read_bytes()

    assert lesson(tmp_path, whole[: len(whole) * 4 // 10], "source.mp4").refused().code == "truncated"


def test_the_last_second_may_be_missing(media: Media, tmp_path: Path) -> None:
    whole = media.lesson("flac").read_bytes()

    _, sound = lesson(tmp_path, whole[: len(whole) * 8 // 10], "source.flac").extracted()

    assert 2.5 < sound.seconds < 3.7


def test_an_edit_list_that_cuts_the_end_is_no_truncation(media: Media, tmp_path: Path) -> None:
    content = bytearray(media.lesson("mp4").read_bytes())
    at = content.find(b"elst")
    while at > 0:
        # The first entry's duration, in milliseconds.
        content[at + 12 : at + 16] = (1000).to_bytes(4, "big")
        at = content.find(b"elst", at + 1)

    _, sound = lesson(tmp_path, bytes(content), "source.mp4").extracted()

    assert sound.seconds == pytest.approx(1, abs=0.1)


def test_twelve_hours_are_refused_by_their_header(media: Media, tmp_path: Path) -> None:
    silence = media.tone("silence12.flac", "anullsrc=r=1000:cl=mono:d=43200")
    assert silence.stat().st_size < 4_000_000

    error = lesson(tmp_path, silence).refused()

    assert error.code == "too_long"
    assert "12.0 hours" in error.message


def test_twelve_hours_of_a_sparse_file(media: Media, tmp_path: Path) -> None:
    work = lesson(tmp_path, media.tone("start.wav", "anullsrc=r=8000:cl=mono:d=1", "-c:a", "pcm_u8"))
    size = 44 + 12 * 3600 * 8000
    with (work.folder / "source.wav").open("r+b") as file:
        file.truncate(size)
        head = bytearray(file.read(200))
        data = head.index(b"data") + 4
        head[4:8] = (size - 8).to_bytes(4, "little")
        head[data : data + 4] = (size - data - 4).to_bytes(4, "little")
        file.seek(0)
        file.write(head)

    assert work.refused().code == "too_long"


def _without_length(flac: Path) -> bytes:
    """Return a FLAC file whose STREAMINFO says that its number of samples (36 bits at byte 21) is unknown."""
    content = bytearray(flac.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    return bytes(content)


def test_a_header_that_hides_the_length_does_not_help(media: Media, tmp_path: Path) -> None:
    content = _without_length(media.tone("silence60.flac", "anullsrc=r=1000:cl=mono:d=60"))

    error = lesson(tmp_path, content, "source.flac").refused(SHORT)

    assert error.code == "too_long"
    assert "goes on after" in error.message


@pytest.mark.slow
def test_twelve_hidden_hours_end_after_ten(media: Media, tmp_path: Path) -> None:
    content = _without_length(media.tone("silence12.flac", "anullsrc=r=1000:cl=mono:d=43200"))

    error = lesson(tmp_path, content, "source.flac").refused()

    assert "goes on after 10 hours" in error.message


def test_sound_that_begins_too_late_is_refused_before_anything_is_written(media: Media, tmp_path: Path) -> None:
    picture = (
        "-f",
        "lavfi",
        "-i",
        "testsrc=size=64x64:rate=1:d=2",
        "-itsoffset",
        "30",
        "-f",
        "lavfi",
        "-i",
        "sine=d=1",
    )
    late = media.make("too_late.ts", *picture, "-map", "0:v", "-map", "1:a", "-c:v", "mpeg2video", "-r", "25")

    assert lesson(tmp_path, late).refused(SHORT).code == "too_long"


def test_more_tracks_than_ffmpeg_looks_at(media: Media, tmp_path: Path) -> None:
    content = crafted.edited(media.lesson("m4a").read_bytes(), b"trak", lambda box: box * 1100)

    assert lesson(tmp_path, content, "source.m4a").refused().code == "too_large"


@pytest.mark.parametrize("declared", [1 << 29, (1 << 31) - 64, 1 << 40])
def test_matroska_with_sizes_beyond_reason(media: Media, tmp_path: Path, declared: int) -> None:
    block = crafted.block(bytes(32_000), declared)
    bomb = crafted.matroska(crafted.pcm_track(), cluster=block, declared=1 << 50)

    assert lesson(tmp_path, bomb, "source.mkv").refused().code in {"bad_audio", "too_large"}


def test_sound_of_which_too_much_is_damaged(media: Media, tmp_path: Path) -> None:
    content = bytearray(media.lesson("m4a").read_bytes())
    start = content.index(b"mdat") + 4
    for at in range(start, content.index(b"moov") - 4, 40):
        content[at : at + 20] = bytes(20)

    assert lesson(tmp_path, bytes(content), "source.m4a").refused().code == "bad_audio"


def test_a_little_damage_is_passed_over_and_counted(media: Media, tmp_path: Path) -> None:
    content = bytearray(media.lesson("flac").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = b"\xff" * 200

    described, sound = lesson(tmp_path, bytes(content), "source.flac").extracted()

    assert described.decode_errors > 0
    assert sound.seconds == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"source": 7},
        {"source": None},
        {"source": "source.mp4", "more": 1},
        {"source": "source.mp4\n"},
        {"source": "source.MP4"},
        {"source": "source.exe"},
        {"source": "source."},
        {"source": "../lesson-2/source.mp4"},
        {"source": "/etc/passwd"},
        {"source": "source.mp4/../../x.mp4"},
        {"source": "-i.mp4"},
        {"source": "-source.mp4"},
        {"source": "source%03d.mp4"},
        {"source": "concat:source.mp4|source.wav"},
        {"source": "http://127.0.0.1/source.mp4"},
        {"source": "file:source.mp4"},
        {"source": "source.mp4;touch pwned"},
        {"source": "$(touch pwned).mp4"},
        {"source": "source.\udcff"},
        {"source": "source.mp4\0.wav"},
        {"source": "source." + "a" * 10_000},
        {"source": "s" * 10_000 + ".mp4"},
    ],
    ids=lambda params: ascii(params)[:40],
)
def test_params_that_name_no_upload(tmp_path: Path, params: dict[str, object]) -> None:
    work = lesson(tmp_path, b"x", "source.mp4", params)

    error = work.refused()

    assert error.code == "bad_params"
    assert isinstance(error, PoisonError)
    assert len(error.message) < 1000


@given(st.text(max_size=40) | st.from_regex(r"source\.[a-z0-9]{1,4}\n?", fullmatch=True))
def test_only_the_uploads_own_names_are_looked_for(name: str) -> None:
    accepted = True
    try:
        Params.model_validate({"source": name})
    except ValueError:
        accepted = False
    assert accepted == (name in {f"source.{extension}" for extension in EXTENSIONS})


@pytest.mark.parametrize(
    "folder", ["-rf x", "a;touch pwned", "$(touch pwned)", "100%03d", "x' \"y", "\udcff\udcfe", "concat:a|b"]
)
def test_folders_with_names_that_tempt(
    media: Media, tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    _, sound = lesson(tmp_path / folder, media.lesson("mp3")).extracted()

    assert sound.seconds == pytest.approx(4, abs=0.1)
    assert [path.name for path in tmp_path.iterdir()] == [folder]
