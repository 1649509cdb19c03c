"""What the workers are told: time-outs, images, models, logging."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from thoth_infra.config.section import Section
from thoth_infra.config.values import ImageDigest, ImageTag, Positive, WhisperModel

# The images of contract.services.IMAGES; a test compares them.
ImageName = Literal["api", "audio-extraction", "transcription", "music-terms"]


class StageTimeouts(Section):
    """Time-outs of one stage."""

    job_seconds: Positive
    """Longest time that one job may take."""
    visibility_seconds: Annotated[int, Field(ge=30, le=43200)]
    """SQS visibility time-out, prolonged by the heartbeat while the worker lives."""


class Timeouts(Section):
    """One ordered chain: ffmpeg < job < message retention, heartbeat < visibility."""

    ffmpeg_seconds: Positive
    """Longest time of one FFmpeg run."""
    stop_seconds: Annotated[int, Field(ge=30, le=120)]
    """Time between SIGTERM and SIGKILL; spot gives 120 seconds in all."""
    audio_extraction: StageTimeouts
    """Time-outs of the audio extraction."""
    transcription: StageTimeouts
    """Time-outs of the transcription."""
    music_terms: StageTimeouts
    """Time-outs of the music-term recognition."""


class Images(Section):
    """Where the container images come from."""

    registry: Literal["shared", "own"]
    """The account that holds the ECR repositories: the shared one, or this environment's own."""
    tag: ImageTag
    """Tag of Thoth's images that have no digest below; `thoth-infra images push` records the commit that it pushed.
    Another tag in a variable or option takes the place of the recorded digests."""
    digests: Annotated[dict[ImageName, ImageDigest], Field(default_factory=dict)]
    """What the registry has, by image: tasks run these, whatever the tag. `thoth-infra images push` records them in
    ENVIRONMENT.images.lock."""


class Whisper(Section):
    """Speech to text."""

    model: WhisperModel
    """Name of a faster-whisper model, or a folder in the container."""
    compute_type: Literal["float16", "int8_float16", "int8", "auto"]
    """CTranslate2 compute type; a T4 has no bfloat16."""
    batch_size: Annotated[int, Field(ge=1, le=64)]
    """Chunks that the GPU works on at once."""
    allow_cpu: bool = False
    """Whether a container without a GPU transcribes on the CPU instead of failing."""
    checkpoint_seconds: Annotated[int, Field(ge=30, le=1800)] = 180
    """Seconds of audio between two checkpoints."""
    chunk_seconds: Annotated[int, Field(ge=5, le=30)] = 30
    """Longest stretch of speech that the model hears at once; shorter resists made-up text and costs speed."""


class Audio(Section):
    """Audio extraction."""

    loudness_normalisation: bool = False
    """Whether audio is normalised to EBU R128 loudness."""


class Logging(Section):
    """What the containers log."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe level."""
