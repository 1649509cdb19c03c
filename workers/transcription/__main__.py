"""``python -m workers.transcription``: the container's command."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from pydantic import AllowInfNan, Field, NonNegativeFloat, PositiveInt

from thoth_infra.contract.queues import Stage
from thoth_infra.contract.scaling import PREFETCH
from thoth_infra.contract.services import TRANSCRIPTION
from workers.common.serve import leave, metrics_of, serve
from workers.common.settings import SettingsInvalid, Word, WorkerSettings
from workers.transcription import gpu, model_cache
from workers.transcription.handler import Choices, Transcription

# A batch of a large model on a small GPU, or on a CPU, takes long; between batches the handler says that it lives.
_PATIENCE_SECONDS = 900.0


class TranscriptionSettings(WorkerSettings):
    """Settings of the transcription worker."""

    models_dir: Path
    whisper_model: Word
    whisper_compute_type: Word
    whisper_batch_size: Annotated[int, Field(ge=1, le=64)]
    whisper_allow_cpu: bool
    checkpoint_seconds: PositiveInt
    whisper_chunk_seconds: Annotated[int, Field(ge=5, le=30)]
    gpu_hourly_cost: Annotated[NonNegativeFloat, AllowInfNan(False)]


def main() -> int:
    """Run the worker; return its exit status."""
    try:
        settings = TranscriptionSettings.read(TRANSCRIPTION, os.environ)
    except SettingsInvalid as error:
        sys.stderr.write(f"{error}\n")
        return 2
    choices = Choices(
        model=settings.whisper_model,
        models=settings.models_dir,
        compute_type=settings.whisper_compute_type,
        batch_size=settings.whisper_batch_size,
        allow_cpu=settings.whisper_allow_cpu,
        checkpoint_seconds=settings.checkpoint_seconds,
        chunk_seconds=settings.whisper_chunk_seconds,
    )
    if gpu.host().gpu:
        gpu.Monitor(metrics_of(settings)).start()
    return serve(
        TRANSCRIPTION,
        settings,
        Transcription(choices, gpu.host, model_cache.hub),
        prefetch=PREFETCH[Stage.TRANSCRIPTION],
        hourly_cost=settings.gpu_hourly_cost,
        patience_seconds=_PATIENCE_SECONDS,
    )


if __name__ == "__main__":
    leave(main())
