"""What comes out: every container that uploads may have, and sound of every shape."""

from __future__ import annotations

import math
import wave
from pathlib import Path

import pytest

from tests.workers.audio_extraction.jobs import LIMITS, lesson
from tests.workers.audio_extraction.media import PICTURED, PITCH, SECONDS, Media
from workers.audio_extraction.handler import EXTENSIONS, AudioExtraction
from workers.common.held import Quiet

NORMALISING = AudioExtraction(LIMITS, normalise=True)


@pytest.mark.parametrize("extension", [*EXTENSIONS, "ts"])
def test_every_container_gives_16_khz_mono_of_the_right_length(media: Media, tmp_path: Path, extension: str) -> None:
    described, sound = lesson(tmp_path, media.lesson(extension)).extracted()

    assert sound.seconds == pytest.approx(SECONDS, abs=0.1)
    assert described.duration == pytest.approx(sound.seconds, abs=0.001)
    assert sound.pitch(1, 3) == pytest.approx(PITCH, abs=2)
    assert sound.onset < 0.05
    kinds = [stream.kind for stream in described.streams]
    assert kinds == (["video", "audio"] if extension in PICTURED else ["audio"])
    assert described.streams[described.chosen_stream].kind == "audio"
    assert described.streams[described.chosen_stream].sample_rate in {44_100, 48_000}
    assert described.source.size == media.lesson(extension).stat().st_size
    assert described.loudness is not None
    # A sine of amplitude 1/8, by definition of its generator, at full scale of −3.01 LUFS for a 1 kHz tone.
    assert described.loudness.integrated_lufs == pytest.approx(-21.8, abs=0.6)
    assert described.peak_dbfs == pytest.approx(-18.06, abs=1.5)
    assert (described.normalised, described.gain_db) == (False, 0)


def test_the_content_counts_and_not_the_extension(media: Media, tmp_path: Path) -> None:
    described, sound = lesson(tmp_path, media.lesson("flac"), "source.mp4").extracted()

    assert described.source.container == "flac"
    assert sound.seconds == pytest.approx(SECONDS, abs=0.01)


@pytest.mark.parametrize("extension", ["mp4", "mkv", "mpeg", "ts"])
def test_late_sound_stays_with_its_picture(media: Media, tmp_path: Path, extension: str) -> None:
    described, sound = lesson(tmp_path, media.late(extension)).extracted()

    assert sound.onset == pytest.approx(2.0, abs=0.03)
    assert sound.seconds == pytest.approx(SECONDS + 2, abs=0.1)
    assert described.leading_silence == pytest.approx(2.0, abs=0.05)


def test_a_hole_in_the_timestamps_becomes_silence(media: Media, tmp_path: Path) -> None:
    hole = media.tone("hole.mkv", "sine=440:d=4,asetpts='PTS+if(gte(T,2),3/TB,0)'", "-c:a", "pcm_s16le")

    _, sound = lesson(tmp_path, hole).extracted()

    assert sound.seconds == pytest.approx(7, abs=0.1)
    assert [round(sound.pitch(start, start + 1)) > 400 for start in (0.5, 3, 5.5)] == [True, False, True]


@pytest.mark.parametrize("extension", ["mp3", "ogg"])
def test_a_sample_rate_that_changes_midway(media: Media, tmp_path: Path, extension: str) -> None:
    parts = (
        media.tone(f"first.{extension}", "sine=440:d=3:r=44100"),
        media.tone(f"second.{extension}", "sine=880:d=3:r=22050", "-ac", "2"),
    )
    changing = media.joined(f"changing.{extension}", *parts)

    _, sound = lesson(tmp_path, changing).extracted()

    assert sound.seconds == pytest.approx(6, abs=0.15)
    assert sound.pitch(0.5, 2.5) == pytest.approx(440, abs=4)
    assert sound.pitch(3.5, 5.5) == pytest.approx(880, abs=4)


def test_a_variable_frame_rate_leaves_the_sound_alone(media: Media, tmp_path: Path) -> None:
    frames = ("-vf", "select='not(mod(n,7))+lt(random(1),0.3)'", "-fps_mode", "vfr")
    arguments = ("-f", "lavfi", "-i", "testsrc=size=64x64:rate=25:d=6", "-f", "lavfi", "-i", "sine=440:d=6")
    varying = media.make("vfr.mp4", *arguments, *frames, "-c:v", "mpeg4", "-c:a", "aac")

    _, sound = lesson(tmp_path, varying).extracted()

    assert sound.seconds == pytest.approx(6, abs=0.1)
    assert sound.pitch(1, 5) == pytest.approx(440, abs=2)


def test_192_khz(media: Media, tmp_path: Path) -> None:
    fine = media.tone("fine.wav", "sine=440:d=2:r=192000", "-ac", "2", "-c:a", "pcm_s24le")

    described, sound = lesson(tmp_path, fine).extracted()

    assert described.streams[0].sample_rate == 192_000
    assert sound.seconds == pytest.approx(2, abs=0.01)
    assert sound.pitch(0.5, 1.5) == pytest.approx(440, abs=2)


def test_eight_loud_channels_become_one_without_clipping(media: Media, tmp_path: Path) -> None:
    everywhere = "|".join(["0.97*sin(2*PI*440*t)"] * 8)
    surround = media.tone("surround.flac", f"aevalsrc='{everywhere}':c=7.1:s=48000:d=2")

    described, sound = lesson(tmp_path, surround).extracted()

    assert described.streams[0].channels == 8
    _assert_loud_and_clean(sound.peak, described.peak_dbfs)
    assert sound.pitch(0.5, 1.5) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("channels", [6, 8, 9, 12])
def test_channels_without_a_known_layout_are_averaged(media: Media, tmp_path: Path, channels: int) -> None:
    path = tmp_path / "many.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(16_000)
        tone = (round(31_800 * math.sin(2 * math.pi * 440 * n / 16_000)) for n in range(16_000))
        file.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) * channels for sample in tone))

    described, sound = lesson(tmp_path, path).extracted()

    assert described.streams[0].channels == channels
    _assert_loud_and_clean(sound.peak, described.peak_dbfs)


def _assert_loud_and_clean(peak: int, peak_dbfs: float | None) -> None:
    assert 0.5 * 32_767 < peak < 32_767
    assert peak_dbfs == pytest.approx(20 * math.log10(peak / 32_768), abs=0.1)


def test_the_default_track_is_taken_and_commentary_is_not(media: Media, tmp_path: Path) -> None:
    pitches = [option for pitch in (300, 500, 700) for option in ("-f", "lavfi", "-i", f"sine={pitch}:d=2")]
    maps = [option for track in range(3) for option in ("-map", f"{track}:a")]
    flags = ("-disposition:a:0", "default+comment", "-disposition:a:1", "0", "-disposition:a:2", "default")
    languages = ("-metadata:s:a:2", "language=ger", "-metadata:s:a:1", "language=\n[error] x")
    tracks = media.make("tracks.mkv", *pitches, *maps, *flags, *languages, "-c:a", "flac")

    described, sound = lesson(tmp_path, tracks).extracted()

    assert described.chosen_stream == 2
    assert sound.pitch(0.5, 1.5) == pytest.approx(700, abs=3)
    assert [stream.language for stream in described.streams] == [None, None, "ger"]


def test_five_hundred_tracks(media: Media, tmp_path: Path) -> None:
    maps = ["-map", "0:a"] * 500
    tracks = media.tone("tracks500.mkv", "sine=440:d=1:r=8000", *maps, "-c:a", "pcm_u8")

    described, sound = lesson(tmp_path, tracks).extracted()

    assert len(described.streams) == 500
    assert sound.pitch(0.2, 0.8) == pytest.approx(440, abs=4)


def test_quiet_speech_is_brought_to_minus_23_lufs(media: Media, tmp_path: Path) -> None:
    quiet = media.tone("quiet.flac", "sine=440:d=4,volume=-20dB")
    work = lesson(tmp_path, quiet)

    described, sound = work.extracted(NORMALISING)

    assert described.normalised
    assert described.loudness is not None
    assert described.loudness.integrated_lufs == pytest.approx(-23, abs=0.2)
    assert described.gain_db == pytest.approx(18.8, abs=0.6)
    assert sound.seconds == pytest.approx(4, abs=0.01)
    assert set(work.listing()) == {"source.flac", "audio.wav", "audio.json", "manifest.json"}


def test_normalising_never_clips(media: Media, tmp_path: Path) -> None:
    peaky = media.tone("peaky.flac", "aevalsrc='if(lt(mod(t,2),0.002),0.7,0.01*sin(880*PI*t))':s=16000:d=6")

    described, sound = lesson(tmp_path, peaky).extracted(NORMALISING)

    assert described.gain_db > 0
    assert described.peak_dbfs == pytest.approx(-1, abs=0.1)
    assert sound.peak < 32_767


def test_silence_has_no_loudness_and_is_left_alone(media: Media, tmp_path: Path) -> None:
    silence = media.tone("silence.wav", "anullsrc=r=44100:cl=stereo:d=2")

    described, sound = lesson(tmp_path, silence).extracted(NORMALISING)

    assert (described.loudness, described.peak_dbfs, described.normalised) == (None, None, False)
    assert sound.peak == 0


def test_progress_grows_and_a_repeated_request_does_nothing_anew(media: Media, tmp_path: Path) -> None:
    long = media.tone("long.flac", "anoisesrc=d=600:r=8000:a=0.1")
    work, said = lesson(tmp_path, long), Quiet()

    first = work.perform(work=said)
    written = (work.folder / "audio.wav").stat().st_mtime_ns
    again = work.perform()

    assert len(said.percents) > 10
    assert said.percents == sorted(said.percents)
    assert 0 < said.percents[0] < said.percents[-1] <= 100
    assert (first.repeated, again.repeated) == (False, True)
    assert (work.folder / "audio.wav").stat().st_mtime_ns == written
