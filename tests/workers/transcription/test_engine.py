"""The engine hears the tiny model's words, in the lesson's time, and gives up no sooner than it must."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny_whisper import MODEL
from tests.tiny_whisper.error_rate import edits, normalised
from tests.tiny_whisper.speech import Lesson
from tests.workers.transcription.rig import CPU, UNTIMED
from workers.common.errors import HostError, PoisonError, RetryableError
from workers.common.transcript import Word
from workers.transcription import audio, engine, guards
from workers.transcription.device import Device
from workers.transcription.engine import Engine, Options, chunk_of
from workers.transcription.guards import Verdict
from workers.transcription.plan import Chunk, chunks

ENGLISH = Options("en")


@pytest.fixture(scope="module")
def cut(spoken: Lesson) -> tuple[Chunk, ...]:
    """The lesson in chunks of 10 s."""
    found = chunks(audio.speech(spoken.samples, 10), 10)
    assert len(found) >= 3
    return found


@pytest.fixture(scope="module")
def heard(model: Any, spoken: Lesson, cut: tuple[Chunk, ...]) -> list[Word]:
    """The words, four chunks at a time."""
    words, beats = hear(Engine("tiny", CPU, 4, model), cut, spoken)
    assert beats == -(-len(cut) // 4)
    return words


def hear(made: Engine, cut: tuple[Chunk, ...], spoken: Lesson) -> tuple[list[Word], int]:
    """Return the words, and how often the engine has said that it lives."""
    beats: list[int] = []
    return made.hear(cut, spoken.samples, ENGLISH, lambda: beats.append(1)), len(beats)


def wrong(words: list[Word], spoken: Lesson) -> float:
    said = [word.text for word in spoken.words]
    return edits(said, normalised(" ".join(word.text for word in words))) / len(said)


def test_it_hears_what_is_said(heard: list[Word], spoken: Lesson) -> None:
    assert wrong(heard, spoken) <= 0.15


def test_times_never_run_backwards_and_lie_in_speech(heard: list[Word], cut: tuple[Chunk, ...]) -> None:
    spans = [(start / audio.RATE, end / audio.RATE) for chunk in cut for start, end in chunk.spans]
    assert all(one.start <= other.start for one, other in itertools.pairwise(heard))
    for word in heard:
        assert word.start <= word.end
        # Milliseconds are kept.
        assert any(start - 0.001 <= word.start and word.end <= end + 0.001 for start, end in spans), word


def limit(monkeypatch: pytest.MonkeyPatch, model: Any, most: int, words: str) -> list[int]:
    """Let the model fail in the middle of its work for more than ``most`` chunks; return the sizes it was given."""
    sizes: list[int] = []
    encode = model.encode

    def limited(features: Any) -> Any:
        sizes.append(len(features))
        if len(features) > most:
            raise RuntimeError(words)
        return encode(features)

    monkeypatch.setattr(model, "encode", limited)
    return sizes


def test_a_full_gpu_halves_the_batch_for_good_and_the_words_stay_the_same(
    model: Any, spoken: Lesson, cut: tuple[Chunk, ...], heard: list[Word], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = limit(monkeypatch, model, 1, "CUDA failed with error out of memory")
    made = Engine("tiny", CPU, 4, model)
    words, beats = hear(made, cut, spoken)
    assert [word.text for word in words] == [word.text for word in heard]
    # faster-whisper rounds its times, and smooths them, over the whole batch.
    assert [word.start for word in words] == pytest.approx([word.start for word in heard], abs=0.02)
    assert [word.end for word in words] == pytest.approx([word.end for word in heard], abs=0.02)
    assert [word.probability for word in words] == pytest.approx([word.probability for word in heard], abs=0.001)
    assert (made.batch_size, beats) == (1, len(cut))
    # Only the first batch fails, once for each size that is too large.
    assert sizes[:3] == [min(4, len(cut)), 2, 1]
    assert set(sizes[2:]) == {1}


def test_a_gpu_that_does_not_hold_one_chunk_is_an_error_for_now(
    model: Any, spoken: Lesson, cut: tuple[Chunk, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, model, 0, "CUDA out of memory")
    with pytest.raises(RetryableError, match=r"gpu_out_of_memory: .*tiny.*int8") as caught:
        hear(Engine("tiny", CPU, 4, model), cut, spoken)
    assert not isinstance(caught.value, HostError)
    assert all(word in caught.value.hint for word in ("whisper.compute_type", "whisper.model", "instance type"))


@pytest.mark.parametrize(("device", "code"), [(CPU, "model_failed"), (Device("cuda", "float16"), "gpu_failed")])
def test_any_other_failure_is_the_hosts(
    model: Any, spoken: Lesson, cut: tuple[Chunk, ...], monkeypatch: pytest.MonkeyPatch, device: Device, code: str
) -> None:
    limit(monkeypatch, model, 0, "CUDA failed with error an illegal memory access was encountered")
    with pytest.raises(HostError, match=f"{code}: .*illegal memory access"):
        hear(Engine("tiny", device, 4, model), cut, spoken)


def test_a_doubtful_chunk_is_heard_again_alike_and_in_its_own_time(
    model: Any, spoken: Lesson, cut: tuple[Chunk, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "judge", lambda figures: Verdict.DOUBTFUL)
    made = Engine("tiny", CPU, 2, model)
    words, _ = hear(made, cut[:2], spoken)
    begin, end = cut[1].spans[0][0] / audio.RATE, cut[1].spans[-1][1] / audio.RATE
    said = [word.text for word in spoken.words if word.end <= end]
    assert edits(said, normalised(" ".join(word.text for word in words))) <= 0.3 * len(said)
    again, _ = hear(made, cut[1:2], spoken)
    assert [word for word in words if word.start >= begin] == again != []


def test_text_in_silence_is_dropped(
    model: Any, spoken: Lesson, cut: tuple[Chunk, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "judge", lambda figures: Verdict.SILENT)
    assert hear(Engine("tiny", CPU, 2, model), cut[:2], spoken) == ([], 1)


def test_the_language_is_found(model: Any, spoken: Lesson, cut: tuple[Chunk, ...]) -> None:
    language, probability = Engine("tiny", CPU, 1, model).detect([chunk.cut(spoken.samples) for chunk in cut])
    assert language == "en"
    assert 0.5 < probability <= 1


def test_loops_of_the_alignment_do_not_turn_time_back() -> None:
    chunk = Chunk(((audio.RATE, 5 * audio.RATE),))
    times = [(0.5, 0.4), (0.2, 0.3), (-1.0, 9.0), (3.9, 4.2), (6.0, 7.0)]
    given_words = [
        SimpleNamespace(start=start, end=end, word=f" w{n}", probability=1.00001)
        for n, (start, end) in enumerate(times)
    ]
    found = engine._restored(chunk, [*given_words, SimpleNamespace(start=4, end=4, word="  ", probability=0)])
    assert [word.text for word in found] == ["w0", "w1", "w2", "w3", "w4"]
    assert [word.start for word in found] == sorted(word.start for word in found)
    assert all(1 <= word.start <= word.end <= 5 and word.probability == 1 for word in found)


def seek_of(start: float) -> int:
    """Return what faster-whisper's segments say of a clip that starts there."""
    return int(start * 100)


def test_a_seek_that_was_cut_off_finds_its_clip() -> None:
    edges = [0.0, 8.288, 17.999, 18.02, 27.5]
    assert [seek_of(edge) for edge in edges[:-1]] == [0, 828, 1799, 1802]
    assert [chunk_of(edges, seek_of(edge)) for edge in edges[:-1]] == [0, 1, 2, 3]


@UNTIMED
@given(st.lists(st.integers(320, 480_000) | st.integers(320, 640), min_size=1, max_size=64))
def test_every_seek_finds_its_clip_however_dense_they_are(lengths: list[int]) -> None:
    """VAD pads each stretch by 0.4 s on both sides: nothing comes near the 20 ms that are the least here."""
    edges = np.cumsum([0, *lengths]) / audio.RATE
    assert [chunk_of(edges, seek_of(float(edge))) for edge in edges[:-1]] == list(range(len(lengths)))


@pytest.mark.parametrize("seek", [-5, 10**9])
def test_a_seek_from_elsewhere_finds_some_clip(seek: int) -> None:
    assert chunk_of([0.0, 1.0, 2.0], seek) in (0, 1)


def test_a_damaged_model_is_the_hosts_failure(tmp_path: Path) -> None:
    for path in MODEL.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.bin").write_bytes(b"\0" * 1000)
    with pytest.raises(HostError, match="model_failed"):
        Engine.load("tiny", tmp_path, CPU, 1)


def test_a_model_whose_mel_bands_are_said_wrong_is_refused(tmp_path: Path) -> None:
    for path in MODEL.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "preprocessor_config.json").write_text('{"feature_size": 128}')
    with pytest.raises(PoisonError, match=r"model_incomplete: .*80 mel bands.* 128") as caught:
        Engine.load("tiny", tmp_path, CPU, 1)
    assert "preprocessor_config.json" in caught.value.hint


def test_a_model_of_80_mel_bands_needs_no_preprocessor_config(tmp_path: Path) -> None:
    """As those that were published before large-v3."""
    for path in MODEL.iterdir():
        if path.name != "preprocessor_config.json":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    assert Engine.load("tiny", tmp_path, CPU, 1).longest_seconds == 30
