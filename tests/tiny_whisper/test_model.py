"""The committed model is whole, small, and hears."""

from __future__ import annotations

from faster_whisper import WhisperModel

from tests.tiny_whisper import MODEL
from tests.tiny_whisper.corpus import Voices
from tests.tiny_whisper.error_rate import ErrorRate, normalised
from tests.tiny_whisper.speech import lesson

FILES = {"config.json", "model.bin", "preprocessor_config.json", "tokenizer.json", "vocabulary.json"}
LARGEST = 12_000_000


def test_the_folder_holds_what_faster_whisper_needs_and_no_more() -> None:
    sizes = {path.name: path.stat().st_size for path in MODEL.iterdir()}
    assert set(sizes) == FILES
    assert sum(sizes.values()) <= LARGEST


def test_it_hears_held_out_phrases_in_voices_that_training_did_not_have(espeak: None) -> None:
    """A few phrases that it hears well: the rate over many is in the README."""
    model = WhisperModel(str(MODEL), device="cpu", compute_type="int8", local_files_only=True)
    heard: list[str] = []
    rate = ErrorRate()
    for one in (lesson(0, seed, voices=Voices.UNSEEN) for seed in range(2, 6)):
        segments, info = model.transcribe(one.samples)
        assert info.language == "en"
        heard.append("".join(segment.text for segment in segments))
        rate += ErrorRate.between([word.text for word in one.words], normalised(heard[-1]))
    assert rate.wrong <= 1, heard
