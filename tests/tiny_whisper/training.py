"""Training from nothing: espeak-ng speaks, the network learns. Needs torch; deterministic on the same machine.

Windows grow from 4 s to 30 s: without that, training stalled at about 64 % right tokens. The cross-attention that word
times are read from is guided to where each word is spoken.
"""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import nn

from tests.tiny_whisper import bank, tokens
from tests.tiny_whisper.corpus import generator
from tests.tiny_whisper.export import export
from tests.tiny_whisper.network import WIDTH, TinyWhisper
from tests.tiny_whisper.scenes import FRAMES
from tests.tiny_whisper.windows import UNKNOWN, Batch, Windows

_log = logging.getLogger(__name__)

_STEPS, _WARM_UP, _PEAK_RATE, _LAST_RATE = 3200, 150, 1.5e-3, 0.03
_GUIDE_WEIGHT, _SPOKEN_WEIGHT = 0.4, 0.5
_GUIDED_LAYERS, _GUIDED_HEADS = 2, 2
_LOG_STEPS = 100
# A time token's neighbours, of 20 ms each, are nearly right.
_TIME_SPREAD = (0.05, 0.2, 0.5, 0.2, 0.05)


@dataclass(frozen=True)
class _Size:
    """Windows of one length: how many in a batch, and their share of the steps when training starts and ends."""

    frames: int
    batch: int
    first_share: float
    last_share: float


# Most is learnt in cheap windows of 4 s; those of 10 s and 30 s keep attention honest at Whisper's real length.
_SIZES = (_Size(400, 32, 0.80, 0.05), _Size(1000, 14, 0.10, 0.15), _Size(FRAMES, 5, 0.10, 0.80))


@dataclass(frozen=True)
class Settings:
    """What a training depends on; ``scale`` multiplies the number of steps."""

    seed: int
    phrases: int
    scale: float
    threads: int


@dataclass(frozen=True)
class Losses:
    """Scalars: what is minimised, and the share of text tokens that are right."""

    text: torch.Tensor
    guide: torch.Tensor
    spoken: torch.Tensor
    right: torch.Tensor

    @property
    def total(self) -> torch.Tensor:
        """The weighted sum."""
        return self.text + _GUIDE_WEIGHT * self.guide + _SPOKEN_WEIGHT * self.spoken


def train(settings: Settings, folder: Path) -> None:
    """Train a network, and write the model and ``training.json`` (settings, seconds it took) into ``folder``."""
    started = time.monotonic()
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    torch.use_deterministic_algorithms(True)
    vocabulary = tokens.build(settings.seed)
    phrases = bank.fill(vocabulary, settings.phrases, settings.seed)
    _log.info("%d tokens; %d phrases, %.2f h", len(vocabulary.tokens), len(phrases.phrases), phrases.hours)
    network = TinyWhisper(len(vocabulary.tokens))
    _fit(network, Windows(phrases, vocabulary, settings.seed), vocabulary.first_time, settings)
    export(network, vocabulary, folder)
    record = {**asdict(settings), "seconds": round(time.monotonic() - started)}
    (folder / "training.json").write_text(json.dumps(record) + "\n", encoding="utf-8")
    _log.info("done in %d s", record["seconds"])


def _fit(network: TinyWhisper, windows: Windows, first_time: int, settings: Settings) -> None:
    # Names the token spoken at each position: an aid of training that is not exported.
    namer = nn.Linear(WIDTH, len(windows.text_tokens) + 1)
    parameters = [*network.parameters(), *namer.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=_PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    steps = max(2, int(_STEPS * settings.scale))
    rng = generator(settings.seed)
    for step in range(steps):
        done = step / (steps - 1)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, done)
        shares = [size.first_share + (size.last_share - size.first_share) * done for size in _SIZES]
        (size,) = rng.choices(_SIZES, shares)
        batch = windows.batch(size.batch, size.frames)
        losses = _losses(network, namer, batch, first_time)
        optimizer.zero_grad(set_to_none=True)
        losses.total.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if step % _LOG_STEPS == 0 or step == steps - 1:
            figures = " ".join(f"{name} {value.item():.3f}" for name, value in vars(losses).items())
            _log.info("step %d, windows of %d s: %s", step, size.frames // 100, figures)


def learning_rate(step: int, done: float) -> float:
    """Return the rate of a step, ``done`` being the share of steps before it: up in a line, down in a cosine."""
    cosine = 0.5 * (1 + math.cos(math.pi * done))
    return _PEAK_RATE * min(1.0, (step + 1) / _WARM_UP) * (_LAST_RATE + (1 - _LAST_RATE) * cosine)


def _losses(network: TinyWhisper, namer: nn.Linear, batch: Batch, first_time: int) -> Losses:
    logits, attention, memory = network(batch.features, batch.inputs, batch.offsets)
    text, right = _text_loss(logits, batch.targets, first_time)
    spoken = F.cross_entropy(namer(memory).transpose(1, 2), batch.spoken, ignore_index=UNKNOWN)
    return Losses(text, _guide_loss(attention, batch.guide), spoken, right)


def _text_loss(logits: torch.Tensor, targets: torch.Tensor, first_time: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the cross entropy of logits (B, T, tokens) for targets (B, T), and the share of right text tokens."""
    known = targets != UNKNOWN
    wanted = targets[known]
    rows = logits.log_softmax(-1)[known]
    losses = -rows.gather(1, wanted[:, None]).squeeze(1)
    timed = wanted >= first_time
    if timed.any():
        reach = len(_TIME_SPREAD) // 2
        near = wanted[timed][:, None] + torch.arange(-reach, reach + 1)
        near = near.clamp(first_time, logits.shape[-1] - 1)
        losses = losses.clone()
        losses[timed] = -(rows[timed].gather(1, near) * torch.tensor(_TIME_SPREAD)).sum(1)
    right = (rows.argmax(-1) == wanted)[~timed].float().mean()
    return losses.mean(), right


def _guide_loss(attention: list[torch.Tensor], guide: torch.Tensor) -> torch.Tensor:
    """Return how far the guided heads look away from the token predicted; attention (B, H, T, P) of each layer."""
    guided = torch.cat([weights[:, :_GUIDED_HEADS] for weights in attention[-_GUIDED_LAYERS:]], 1)
    share = (guided * guide[:, None]).sum(-1).clamp(min=1e-6)
    placed = guide.sum(-1) > 0
    count = (placed.sum() * guided.shape[1]).clamp(min=1)
    return -(share.log() * placed[:, None]).sum() / count
