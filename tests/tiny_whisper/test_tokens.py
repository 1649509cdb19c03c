"""The vocabulary that the training code builds is the committed model's."""

from __future__ import annotations

import json

import pytest

from tests.tiny_whisper import MODEL, tokens
from tests.tiny_whisper.corpus import WORDS
from tests.tiny_whisper.tokens import TIMES, Vocabulary


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return tokens.build(seed=1)


def test_it_is_the_vocabulary_of_the_committed_model(vocabulary: Vocabulary) -> None:
    assert json.loads((MODEL / "vocabulary.json").read_text(encoding="utf-8")) == list(vocabulary.tokens)
    tokenizer = json.loads((MODEL / "tokenizer.json").read_text(encoding="utf-8"))
    assert json.loads(vocabulary.tokenizer.to_str()) == tokenizer


@pytest.mark.parametrize("word", WORDS)
def test_every_word_comes_back_from_its_tokens(vocabulary: Vocabulary, word: str) -> None:
    assert vocabulary.tokenizer.decode(vocabulary.word(word)) == f" {word}"


def test_the_last_tokens_are_the_times_from_0_to_30_seconds(vocabulary: Vocabulary) -> None:
    times = vocabulary.tokens[vocabulary.first_time :]
    assert (times[0], times[1], times[-1], len(times)) == ("<|0.00|>", "<|0.02|>", "<|30.00|>", TIMES)


def test_a_word_that_starts_with_a_bare_space_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without a corpus no space is joined with the letter after it.
    monkeypatch.setattr(tokens, "_CORPUS_WORDS", 0)
    with pytest.raises(ValueError, match="starts with a bare space"):
        tokens.build(seed=1)
