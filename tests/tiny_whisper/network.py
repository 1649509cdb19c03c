"""The architecture of OpenAI's Whisper, very small. Needs torch.

Shapes: B windows, P positions of 20 ms (1,500 in 30 s), T tokens, D the width, H heads.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import nn

from tests.tiny_whisper.bank import MELS
from tests.tiny_whisper.scenes import POSITIONS
from tests.tiny_whisper.tokens import TIMES

WIDTH, HEADS, LAYERS = 128, 4, 3
CONTEXT = 448
"""Most tokens of a window, prompt included: Whisper's."""

# Heads that see position from the start, each by the frequencies from this one on: a near, a wider and a wide
# neighbourhood in the encoder; in the decoder, where the query's own position points.
_ENCODER_FREQUENCIES, _ENCODER_SCALE = (0, 7, 13), 1.5
_DECODER_FREQUENCIES, _DECODER_SCALE = (5, 12), 1.0


def sinusoids(length: int, width: int) -> torch.Tensor:
    """Return Whisper's position encoding, shape (length, width)."""
    increment = math.log(10000) / (width // 2 - 1)
    angles = torch.arange(length)[:, None] * torch.exp(-increment * torch.arange(width // 2))[None]
    return torch.cat([angles.sin(), angles.cos()], 1)


class Attention(nn.Module):  # type: ignore[misc] # torch has no types here
    """Multi-head attention, of a sequence on itself or on another."""

    def __init__(self, width: int, heads: int) -> None:
        """Start at random; keys have no bias, as in Whisper."""
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor, *, causal: bool) -> torch.Tensor:
        """Let a sequence (B, T, D) see itself; ``causal``: only what comes before."""
        query, key, value = self._split(x, x)
        return self._joined(F.scaled_dot_product_attention(query, key, value, is_causal=causal))

    def across(self, x: torch.Tensor, memory: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Let a sequence (B, T, D) see a memory (B, P, D); return (B, T, D) and the weights (B, H, T, P)."""
        query, key, value = self._split(x, memory)
        weights = ((query @ key.transpose(-1, -2)) * query.shape[-1] ** -0.5).softmax(-1)
        return self._joined(weights @ value), weights

    def look_by_position(self, frequencies: tuple[int, ...], scale: float) -> None:
        """Let the first heads compare positions only, one head for each of ``frequencies``.

        Only an initial value, but without it a small model needs far longer to learn locality in 1,500 positions.
        """
        width = self.query.in_features
        half = width // self.heads // 2
        for head, first in enumerate(frequencies):
            rows = slice(head * 2 * half, (head + 1) * 2 * half)
            weight = torch.zeros(2 * half, width)
            for index in range(half):
                weight[index, first + index] = weight[half + index, width // 2 + first + index] = scale
            self.query.weight[rows] = weight
            self.key.weight[rows] = weight
            self.query.bias[rows] = 0

    def _split(self, x: torch.Tensor, source: torch.Tensor) -> tuple[torch.Tensor, ...]:
        pairs = ((self.query, x), (self.key, source), (self.value, source))
        return tuple(part(of).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part, of in pairs)

    def _joined(self, heads: torch.Tensor) -> torch.Tensor:
        return self.out(heads.transpose(1, 2).flatten(2))


class Block(nn.Module):  # type: ignore[misc]
    """A layer of the encoder, or (``cross``) of the decoder."""

    def __init__(self, width: int, heads: int, *, cross: bool) -> None:
        """Start at random."""
        super().__init__()
        self.attention, self.attention_norm = Attention(width, heads), nn.LayerNorm(width)
        self.cross = Attention(width, heads) if cross else None
        self.cross_norm = nn.LayerNorm(width) if cross else None
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm = nn.LayerNorm(width)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, P, D) of (B, P, D)."""
        x = x + self.attention(self.attention_norm(x), causal=False)
        return self._forward(x)

    def decode(self, x: torch.Tensor, memory: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (B, T, D) of (B, T, D) and a memory (B, P, D), and the weights of attention (B, H, T, P)."""
        x = x + self.attention(self.attention_norm(x), causal=True)
        assert self.cross is not None and self.cross_norm is not None, "an encoder's block does not decode"
        seen, weights = self.cross.across(self.cross_norm(x), memory)
        return self._forward(x + seen), weights

    def _forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.narrow(F.gelu(self.wide(self.norm(x))))


class TinyWhisper(nn.Module):  # type: ignore[misc]
    """Encoder and decoder."""

    def __init__(self, tokens: int) -> None:
        """Start at random, but for what is known beforehand: position, and that time tokens are an ascending series."""
        super().__init__()
        self.convolution1 = nn.Conv1d(MELS, WIDTH, 3, padding=1)
        self.convolution2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.register_buffer("positions", sinusoids(POSITIONS, WIDTH))
        self.encoder = nn.ModuleList(Block(WIDTH, HEADS, cross=False) for _ in range(LAYERS))
        self.encoder_norm, self.decoder_norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.embedding = nn.Embedding(tokens, WIDTH)
        self.token_positions = nn.Parameter(torch.randn(CONTEXT, WIDTH) * 0.01)
        self.decoder = nn.ModuleList(Block(WIDTH, HEADS, cross=True) for _ in range(LAYERS))
        nn.init.normal_(self.embedding.weight, std=0.05)
        with torch.no_grad():
            self.embedding.weight[-TIMES:] = 0.05 * sinusoids(TIMES, WIDTH)
            for block in self.encoder:
                block.attention.look_by_position(_ENCODER_FREQUENCIES, _ENCODER_SCALE)
            for block in self.decoder:
                block.cross.look_by_position(_DECODER_FREQUENCIES, _DECODER_SCALE)

    def encode(self, features: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        """Return the memory (B, P, D) of features (B, 80, 2 P) whose first positions are ``offsets`` (B,)."""
        x = F.gelu(self.convolution2(F.gelu(self.convolution1(features)))).transpose(1, 2)
        x = x + self.positions[offsets[:, None] + torch.arange(x.shape[1])]
        for block in self.encoder:
            x = block.encode(x)
        return self.encoder_norm(x)

    def forward(
        self, features: torch.Tensor, tokens: torch.Tensor, offsets: torch.Tensor
    ) -> tuple[torch.Tensor, list[torch.Tensor], torch.Tensor]:
        """Return logits (B, T, tokens), each layer's weights of attention (B, H, T, P), and the memory (B, P, D)."""
        memory = self.encode(features, offsets)
        x = self.embedding(tokens) + self.token_positions[: tokens.shape[1]]
        layers: list[torch.Tensor] = []
        for block in self.decoder:
            x, weights = block.decode(x, memory)
            layers.append(weights)
        return self.decoder_norm(x) @ self.embedding.weight.T, layers, memory
