"""How long the stages work, as long as nobody has measured it: rough figures with their sources.

The workers emit ``RealTimeFactor`` and ``StageSeconds`` (docs/workers.md): what those say of your lessons is better
than what stands here, and goes in with ``--work``.
"""

from __future__ import annotations

from collections.abc import Mapping

from thoth_infra.config.environment import Environment
from thoth_infra.config.services import Gpu
from thoth_infra.contract.queues import Stage
from thoth_infra.contract.services import SERVICES
from thoth_infra.simulate.estate import FARGATE
from thoth_infra.simulate.workload import Work

LARGE_SECONDS: Mapping[str, float] = {"T4": 0.06, "L4": 0.035, "A10G": 0.03, "L40S": 0.016}
"""Seconds of work per second of audio: faster-whisper, large-v3, int8_float16, 8 chunks at once. From the benchmark of
faster-whisper's README (large-v2, int8, batch of 8 on an RTX 3070 Ti: 13 minutes in 16 s, 0.02) by the cards' memory
bandwidth and half-precision speed; not measured on these cards."""
RELATIVE_SPEED: Mapping[str, float] = {"tiny": 10, "base": 7, "small": 4, "medium": 2, "turbo": 8, "large": 1}
"""Beside large, from the table of models in Whisper's README."""
EXTRACTION_CPU_SECONDS = 0.01
"""vCPU seconds of FFmpeg per second of audio: to decode AAC and resample it to 16 kHz runs at about 100 times real
time on one core."""
EXTRACTION_FIXED_SECONDS = 8.0
TERMS_CPU_SECONDS = 0.003
"""vCPU seconds per second of audio: spaCy's small pipeline at ten thousand words a second, three words a second."""
TERMS_FIXED_SECONDS = 2.0
TRANSCRIPTION_FIXED_SECONDS = 5.0
"""Reading the sound, finding speech in it, publishing."""


def work_of(env: Environment, given: Mapping[str, float] | None = None) -> tuple[Work, ...]:
    """Return the work of the three stages; ``given`` has seconds per second of audio by stage, for any host type."""
    measured = given or {}
    return tuple(
        _work(env, service.name, service.stage, measured.get(service.name)) for service in SERVICES if service.stage
    )


def _work(env: Environment, name: str, stage: Stage, given: float | None) -> Work:
    launch = env.services.by_name()[name].launch
    kinds = env.gpu_pools[launch.pool].instance_types if isinstance(launch, Gpu) else ()
    vcpus = launch.cpu / 1024
    if stage is Stage.TRANSCRIPTION:
        pace = {kind.name: LARGE_SECONDS[kind.gpu_name] / _speed(env.whisper.model) for kind in kinds}
        fixed = TRANSCRIPTION_FIXED_SECONDS
    else:
        extracts = stage is Stage.AUDIO_EXTRACTION
        seconds = (EXTRACTION_CPU_SECONDS if extracts else TERMS_CPU_SECONDS) / min(vcpus, 1.0)
        pace = dict.fromkeys([kind.name for kind in kinds] or [FARGATE], seconds)
        fixed = EXTRACTION_FIXED_SECONDS if extracts else TERMS_FIXED_SECONDS
    if given is not None:
        # What was measured holds for the stage's own type; others stand to it as in the table.
        own = next(iter(pace.values()))
        pace = {kind: seconds / own * given for kind, seconds in pace.items()}
    return Work(name, tuple(pace.items()), fixed)


def _speed(model: str) -> float:
    sizes = [size for size in RELATIVE_SPEED if size in model.lower()]
    # distil-large and a folder of one's own: as slow as the largest.
    return RELATIVE_SPEED["turbo"] if "turbo" in sizes else RELATIVE_SPEED[sizes[0]] if sizes else 1.0
