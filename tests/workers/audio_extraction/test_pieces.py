"""The pure parts: FFmpeg's log, ffprobe's answer, and the gain."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from workers.audio_extraction.confined import Log
from workers.audio_extraction.decode import CEILING_DBFS, TARGET_LUFS, Measured, gain_towards_target
from workers.audio_extraction.media import Probe, choose
from workers.common.errors import PoisonError

_LINES = st.lists(
    st.sampled_from(
        [
            b"[aac @ 0x55f0] [error] channel element 0.0 is not allocated",
            b"[error] Error while decoding stream #0:1: Invalid data found",
            b"[s16le @ 0x55f0] [error] Application provided invalid, non monotonically increasing dts",
            b"[mp3 @ 0x55f0] [warning] Estimating duration from bitrate",
            b"[info]     title           : [error] of a student",
            b"    title           : [aac @ 0x55f0] [error] from metadata",
            b"\xff\xfe\x00 [error]",
            b"",
            b"x" * 9000,
        ]
    )
)


@given(_LINES, st.data())
def test_a_log_is_the_same_however_the_pipe_cuts_it(lines: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    at_once, in_parts = Log(), Log()

    at_once.feed(whole)
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        in_parts.feed(whole[start:end])

    assert in_parts.lines == at_once.lines
    assert in_parts.complaints == at_once.complaints
    assert at_once.complaints == sum(b"[error] channel" in line or line.startswith(b"[error]") for line in lines)


def test_a_log_keeps_the_beginning_and_the_end_of_a_flood() -> None:
    log = Log()

    for number in range(100_000):
        log.feed(b"[aac @ 0x1] [error] number %d\n" % number)

    assert log.complaints == 100_000
    assert len(log.lines) == 200
    assert log.reason() == "number 0"
    assert log.says("number 99999")


_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("N/A")
_STREAMS = st.lists(
    st.fixed_dictionaries(
        {"index": st.integers(0, 5)},
        optional={
            "codec_type": st.sampled_from(["audio", "video", "data"]),
            "codec_name": st.text(max_size=4),
            "sample_rate": st.sampled_from(["44100", "0", "N/A"]),
            "channels": st.integers(-1, 9),
            "start_time": _VALUES,
            "duration": _VALUES,
            "tags": st.fixed_dictionaries({}, optional={"DURATION": _VALUES, "language": st.text(max_size=4)}),
        },
    ),
    max_size=4,
)


@given(_STREAMS, _VALUES, _VALUES)
def test_whatever_ffprobe_answers_is_understood_or_refused(
    streams: list[dict[str, object]], duration: object, start: object
) -> None:
    answer = {"format": {"format_name": "mov,mp4", "size": "1", "duration": duration, "start_time": start}}
    try:
        found = Probe.model_validate_json(json.dumps({**answer, "streams": streams}))
        chosen = choose(found)
    except (ValidationError, PoisonError):
        return
    end = found.end(chosen)
    assert chosen.codec_type == "audio"
    assert math.isfinite(found.offset(chosen))
    assert found.offset(chosen) >= 0
    assert end is None or math.isfinite(end)


def test_where_a_stream_should_end() -> None:
    def end(container: str, *, estimated: bool = False, declared: int | None = None, **stream: object) -> float | None:
        found = Probe.model_validate(
            {
                "format": {"format_name": container, "size": "1000", "duration": "60", "start_time": "1"},
                "streams": [{"index": 0, "codec_type": "audio", **stream}, {"index": 1, "codec_type": "video"}],
                "estimated": estimated,
                "declared_size": declared,
            }
        )
        return found.end(found.streams[0])

    assert end("mov,mp4", duration="50", start_time="3") == 52
    assert end("matroska,webm", tags={"DURATION": "00:00:58.500000000"}) == 57.5
    assert end("matroska,webm") is None, "the picture may be longer than the sound"
    assert end("mpegts", duration="50") is None, "transport streams know no length"
    assert end("mp3", estimated=True, duration="50") is None
    assert end("wav", estimated=True, declared=2000) == 120


@given(st.floats(-69, 0), st.floats(-60, 0))
def test_the_gain_reaches_the_target_or_the_ceiling_and_never_passes_either(lufs: float, peak: float) -> None:
    gain = gain_towards_target(Measured(lufs, 1, peak))

    assert lufs + gain <= TARGET_LUFS + 0.01
    assert peak + gain <= CEILING_DBFS + 0.01
    assert lufs + gain == pytest.approx(TARGET_LUFS, abs=0.01) or peak + gain == pytest.approx(CEILING_DBFS, abs=0.01)


def test_silence_gets_no_gain() -> None:
    assert gain_towards_target(Measured(-70.0, 0, float("-inf"))) == 0
