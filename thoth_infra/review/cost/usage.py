"""What users do with an estate in a month: what an estimate expects beyond what stands there anyway.

Each default says where it is from. ``thoth-infra cost --usage FILE.yaml`` replaces any of them.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from thoth_infra.config.environment import Environment
from thoth_infra.errors import ThothError

Amount = Annotated[Decimal, Field(ge=0, le=10**9, allow_inf_nan=False)]
Above = Annotated[Decimal, Field(gt=0, le=10**9, allow_inf_nan=False)]
Share = Annotated[Decimal, Field(gt=0, le=1, allow_inf_nan=False)]


class Usage(BaseModel):
    """Assumptions; hours, gigabytes and requests are those of a month unless a name says otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    audio_hours: Amount = Decimal(100)
    """Hours of lessons that are uploaded."""
    jobs_per_audio_hour: Amount = Decimal("1.5")
    """Lessons of forty minutes."""
    transcription_speed: Above = Decimal(12)
    """Hours of audio that one task transcribes in an hour: large-v3 in int8_float16 on a T4. Assumed, not measured."""
    extraction_speed: Above = Decimal(60)
    """Hours of film that one task extracts the sound of in an hour. Assumed."""
    terms_speed: Above = Decimal(600)
    """Hours of audio whose transcript one task looks through in an hour. Assumed."""
    busy_share: Share = Decimal("0.5")
    """Share of a worker's time in which it works; the rest is booting, loading the model, waiting to be stopped."""
    upload_gb_per_audio_hour: Amount = Decimal("1.5")
    """A film of a lesson, 3.3 Mbit/s; it is kept with its transcript."""
    out_gb_per_audio_hour: Amount = Decimal(2)
    """What is watched again of it."""
    requests_per_audio_hour: Amount = Decimal(2000)
    """Requests to the API: parts of an upload, the page, its events."""
    api_gb: Amount = Decimal(10)
    """Calls to AWS from the private subnets: logs, queues, images' manifests. Layers go through the S3 endpoint."""
    model_gb: Amount = Decimal(3)
    """The Whisper model on the file system."""
    model_loads: Amount = Decimal(60)
    """Times that a transcription task starts and reads it: twice a day."""
    job_files_days: Amount = Decimal(14)
    """Days that a job's files stay on the file system; by default ``retention.job_files_days``."""
    database_used_share: Share = Decimal("0.2")
    """Share of the database's storage that holds something."""
    daily_change_share: Share = Decimal("0.02")
    """Share of the database that changes in a day, and so is in each day's backup."""
    log_mb_per_task_hour: Amount = Decimal(2)
    """What a task writes to its log."""
    flow_log_gb: Amount = Decimal(5)
    """The VPC's flow log."""
    database_log_gb: Amount = Decimal("0.5")
    """Logs and enhanced monitoring of the database."""
    image_gb: Amount = Decimal(15)
    """What each repository of our own holds: thirty releases that share most layers."""
    most_factor: Annotated[Decimal, Field(ge=1, le=1000)] = Decimal(2)
    """How many times the expected usage the upper bound allows for."""

    @property
    def jobs(self) -> Decimal:
        """Lessons of a month."""
        return self.audio_hours * self.jobs_per_audio_hour

    @property
    def upload_gb(self) -> Decimal:
        """What is uploaded in a month."""
        return self.audio_hours * self.upload_gb_per_audio_hour

    @property
    def requests(self) -> Decimal:
        """Requests of a month."""
        return self.audio_hours * self.requests_per_audio_hour

    def task_hours(self, service: str) -> Decimal:
        """Return the hours that the tasks of a queue worker run for it."""
        speeds = {
            "transcription": self.transcription_speed,
            "audio-extraction": self.extraction_speed,
            "music-terms": self.terms_speed,
        }
        return self.audio_hours / speeds[service] / self.busy_share if service in speeds else Decimal(0)


def usage_of(env: Environment, file: Path | None = None, audio_hours: Decimal | None = None) -> Usage:
    """Return the defaults for an environment, with those of ``file`` and ``audio_hours`` over them.

    ThothError when the file is not to be read or names what is no assumption.
    """
    given: dict[str, Any] = {"job_files_days": env.retention.job_files_days}
    given |= _read(file) if file else {}
    given |= {"audio_hours": audio_hours} if audio_hours is not None else {}
    try:
        return Usage.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise ThothError(
            f"{file or 'the usage'}: {key}: {first['msg']}", f"it may set {', '.join(Usage.model_fields)}"
        ) from error


def _read(file: Path) -> dict[str, Any]:
    try:
        made = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ThothError(f"{file} can't be read: {error}", "give a YAML file like `audio_hours: 250`") from error
    if not isinstance(made, dict):
        raise ThothError(f"{file} holds no mapping", "write it like `audio_hours: 250`")
    return made
