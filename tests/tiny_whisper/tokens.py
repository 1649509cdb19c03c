"""The tiny model's vocabulary: byte pairs of the corpus, then Whisper's special and time tokens in Whisper's order."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import Any

# The list is private, but it is what faster-whisper will look for in the vocabulary.
from faster_whisper.tokenizer import _LANGUAGE_CODES
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from tests.tiny_whisper.corpus import WORDS, generator

LANGUAGES: tuple[str, ...] = tuple(_LANGUAGE_CODES)
TIMES = 1501
"""Time tokens: 0.00 to 30.00 s in steps of 0.02 s."""

END, START = "<|endoftext|>", "<|startoftranscript|>"
ENGLISH, TRANSCRIBE = "<|en|>", "<|transcribe|>"
PREVIOUS, NO_SPEECH, NO_TIMESTAMPS = "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"
_SPECIAL = (
    *(END, START, *(f"<|{code}|>" for code in LANGUAGES)),
    *("<|translate|>", TRANSCRIBE, "<|startoflm|>", PREVIOUS, NO_SPEECH, NO_TIMESTAMPS),
)
_TEXT_TOKENS = 496
_CORPUS_WORDS = 20_000


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer, and all tokens by their number (time tokens are not in the tokenizer, as with Whisper)."""

    tokenizer: Any
    tokens: tuple[str, ...]

    @property
    def first_time(self) -> int:
        """Number of the token for 0.00 s; time tokens are the last ones."""
        return len(self.tokens) - TIMES

    def number(self, token: str) -> int:
        """Return the number of a special token."""
        return self.tokens.index(token)

    def word(self, word: str) -> list[int]:
        """Return the tokens of a word inside a sentence, with the space before it."""
        return self.text(" " + word)

    def text(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        return list(self.tokenizer.encode(text).ids)


def build(seed: int) -> Vocabulary:
    """Learn byte pairs from words of the corpus, and lay the vocabulary out as CTranslate2 expects it of Whisper.

    Raises:
        ValueError: when a word would start with the bare space, a token that faster-whisper suppresses.
    """
    tokenizer = _byte_pairs(seed)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in _SPECIAL])
    numbers: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    times = (f"<|{index * 0.02:.2f}|>" for index in range(TIMES))
    vocabulary = Vocabulary(tokenizer, tuple(itertools.chain(sorted(numbers, key=lambda t: numbers[t]), times)))
    (space,) = vocabulary.text(" ")
    for word in WORDS:
        if vocabulary.word(word)[0] == space:
            raise ValueError(f"{word!r} starts with a bare space: change the corpus or the number of text tokens")
    return vocabulary


def _byte_pairs(seed: int) -> Any:
    rng = generator(seed)
    # One word in three ends a sentence, so that the full stop is learnt as a token of its own.
    corpus = [f" {rng.choice(WORDS)}{rng.choice(['', '', '.'])}" for _ in range(_CORPUS_WORDS)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(
        corpus, trainers.BpeTrainer(vocab_size=_TEXT_TOKENS, show_progress=False, initial_alphabet=alphabet)
    )
    state = json.loads(tokenizer.to_str())
    # From version 4.7 on CTranslate2 takes a model for multilingual when its vocabulary holds the empty token.
    state["model"]["vocab"][""] = len(state["model"]["vocab"])
    return Tokenizer.from_str(json.dumps(state))
