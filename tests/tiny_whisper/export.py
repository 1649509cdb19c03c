"""A trained network as a folder that faster-whisper loads. Needs torch and CTranslate2."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ctranslate2.specs import whisper_spec
from numpy.typing import NDArray

from tests.tiny_whisper.bank import FFT, HOP, MELS
from tests.tiny_whisper.network import HEADS, LAYERS, Block, TinyWhisper
from tests.tiny_whisper.speech import RATE
from tests.tiny_whisper.tokens import END, LANGUAGES, Vocabulary


def export(network: TinyWhisper, vocabulary: Vocabulary, folder: Path) -> None:
    """Write the int8 model and all that faster-whisper needs beside it into ``folder``."""
    spec = _spec(network)
    spec.register_vocabulary(list(vocabulary.tokens))
    spec.config.lang_ids = [vocabulary.number(f"<|{code}|>") for code in LANGUAGES]
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [*vocabulary.text(" "), vocabulary.number(END)]
    # Not the two of the last layer that training guided, but the other two: their times are better (README).
    spec.config.alignment_heads = [[LAYERS - 1, 2], [LAYERS - 1, 3]]
    spec.validate()
    spec.optimize(quantization="int8")
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    vocabulary.tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    features = {"chunk_length": 30, "feature_size": MELS, "hop_length": HOP, "n_fft": FFT, "sampling_rate": RATE}
    (folder / "preprocessor_config.json").write_text(json.dumps(features) + "\n", encoding="utf-8")


def _spec(network: TinyWhisper) -> Any:
    spec = whisper_spec.WhisperSpec(LAYERS, HEADS, LAYERS, HEADS)
    for target, source in (
        (spec.encoder.conv1, network.convolution1),
        (spec.encoder.conv2, network.convolution2),
    ):
        target.weight, target.bias = _array(source.weight), _array(source.bias)
    spec.encoder.position_encodings.encodings = _array(network.positions)
    spec.decoder.position_encodings.encodings = _array(network.token_positions)
    spec.decoder.embeddings.weight = _array(network.embedding.weight)
    spec.decoder.projection.weight = _array(network.embedding.weight)
    _norm(spec.encoder.layer_norm, network.encoder_norm)
    _norm(spec.decoder.layer_norm, network.decoder_norm)
    for layers, blocks in ((spec.encoder.layer, network.encoder), (spec.decoder.layer, network.decoder)):
        for layer, block in zip(layers, blocks, strict=True):
            _block(layer, block)
    return spec


def _block(spec: Any, block: Block) -> None:
    own = block.attention
    _norm(spec.self_attention.layer_norm, block.attention_norm)
    _linear(spec.self_attention.linear[0], own.query, own.key, own.value)
    _linear(spec.self_attention.linear[1], own.out)
    if block.cross is not None:
        _norm(spec.attention.layer_norm, block.cross_norm)
        _linear(spec.attention.linear[0], block.cross.query)
        _linear(spec.attention.linear[1], block.cross.key, block.cross.value)
        _linear(spec.attention.linear[2], block.cross.out)
    _norm(spec.ffn.layer_norm, block.norm)
    _linear(spec.ffn.linear_0, block.wide)
    _linear(spec.ffn.linear_1, block.narrow)


def _norm(spec: Any, norm: Any) -> None:
    spec.gamma, spec.beta = _array(norm.weight), _array(norm.bias)


def _linear(spec: Any, *layers: Any) -> None:
    """Put layers of the same input into one, as CTranslate2 wants query, key and value; a missing bias is 0."""
    spec.weight = np.concatenate([_array(layer.weight) for layer in layers])
    spec.bias = np.concatenate(
        [np.zeros(layer.out_features, np.float32) if layer.bias is None else _array(layer.bias) for layer in layers]
    )


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    """Return a copy: CTranslate2 quantises in place, which would reach back into the network."""
    array: NDArray[np.float32] = tensor.detach().float().numpy().copy()
    return array
