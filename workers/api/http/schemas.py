"""What the API takes and answers, as OpenAPI shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from workers.api.http.guard import LONGEST_URL
from workers.api.http.references import HttpsReference, S3Reference
from workers.api.store.models import Attempt, Job
from workers.common.messages import legible

LARGEST_PARTS = 10_000
"""Parts that an upload may have, by S3's rule."""

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$", description="ISO 639 code; left out, it is detected")]
WebhookUrl = Annotated[
    str, Field(min_length=1, max_length=LONGEST_URL, description="HTTPS URL that is told when the job has ended")
]


def one_line(text: str) -> str:
    """Return a text as it can stand in a list: without control characters, lines or blanks around it."""
    return " ".join(legible(text).split())


FileName = Annotated[
    str, AfterValidator(one_line), Field(min_length=1, max_length=255, description="For display; never a path")
]
State = Literal["queued", "running", "completed", "failed", "cancelled"]
StageName = Literal["audio-extraction", "transcription", "music-terms"]


class _Taken(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Wishes(_Taken):
    """What a job may be given besides its source."""

    language: Language | None = None
    webhook_url: WebhookUrl | None = None


class FormFields(Wishes):
    """The fields of a form beside its file."""

    name: FileName | None = None


class ReferredJob(FormFields):
    """A job whose source is fetched."""

    source: HttpsReference | S3Reference


class UploadBegun(Wishes):
    """A file that will come in parts."""

    name: FileName
    size: Annotated[int, Field(ge=1, le=2**53, description="Bytes")]
    direct: Annotated[bool, Field(description="Send the parts to S3, by presigned URLs, and not to this API")] = False


class WordBody(BaseModel):
    """A word and its times in seconds."""

    start: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    end: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    text: Annotated[str, Field(min_length=1, max_length=500)]


class SegmentBody(BaseModel):
    """A segment's words as they shall be; none: the segment is removed."""

    id: Annotated[int, Field(ge=0, le=2**31)]
    words: Annotated[list[WordBody], Field(max_length=10_000)]


class Correction(BaseModel):
    """Segments to change, others stay; a whole transcript is taken too, of which all but the words is ignored."""

    segments: Annotated[list[SegmentBody], Field(min_length=1, max_length=100_000)]


class ErrorBody(BaseModel):
    """Why a job failed."""

    code: str
    message: str
    hint: str


class JobBody(BaseModel):
    """A job. ``stage`` and ``percent`` tell what is being done; times are UTC."""

    id: str
    name: str
    state: State
    stage: StageName | None
    percent: float | None
    language: str | None
    duration: float | None
    """Seconds."""
    size: int | None
    """Bytes of the source."""
    transcript_version: int
    """0: there is none yet; 1: the model's; more: corrected."""
    error: ErrorBody | None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    finished_at: AwareDatetime | None

    @classmethod
    def of(cls, job: Job) -> JobBody:
        """Return what is told of a job on record."""
        error = None
        if job.error_code is not None:
            error = ErrorBody(code=job.error_code, message=job.error_message or "", hint=job.error_hint or "")
        # Straight from the database, where it is what it shall be: nothing is validated a second time.
        return cls.model_construct(
            id=job.id,
            name=job.name,
            state=str(job.state),
            stage=str(job.stage) if job.stage else None,
            percent=job.percent,
            language=job.language,
            duration=job.duration,
            size=job.size,
            transcript_version=job.transcript_version,
            error=error,
            created_at=job.created_at,
            updated_at=job.updated_at,
            finished_at=job.finished_at,
        )


class JobPage(BaseModel):
    """Jobs, newest first; ``next_cursor`` leads to older ones."""

    jobs: list[JobBody]
    next_cursor: str | None


class AttemptBody(BaseModel):
    """One attempt at one stage."""

    stage: StageName
    attempt: int
    state: Literal["requested", "running", "completed", "failed"]
    requested_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    seconds: float | None
    metrics: dict[str, Any]
    error: ErrorBody | None

    @classmethod
    def of(cls, row: Attempt) -> AttemptBody:
        """Return what is told of an attempt on record."""
        error = None
        if row.error_code is not None:
            error = ErrorBody(code=row.error_code, message=row.error_message or "", hint=row.error_hint or "")
        return cls.model_validate(
            {
                **{name: getattr(row, name) for name in cls.model_fields if name not in {"metrics", "error"}},
                "metrics": row.metrics or {},
                "error": error,
            }
        )


class JobStages(BaseModel):
    """Every attempt at every stage, in the order in which they were requested."""

    stages: list[AttemptBody]


class UploadBody(BaseModel):
    """An upload: send the parts that ``received`` lacks, each of ``part_size`` bytes but the last one."""

    id: str
    name: str
    size: int
    part_size: int
    parts: int
    received: list[int]
    urls: dict[str, str]
    """Where to PUT each missing part, when the upload is direct; empty else."""


class PartBody(BaseModel):
    """A part that is durable."""

    number: int
    size: int
    sha256: str


class MediaToken(BaseModel):
    """Lets a media element read one job's source; no key has to stand in a URL."""

    token: str
    url: str
    expires_at: datetime


class TranscriptVersionBody(BaseModel):
    """The version that a correction has become."""

    version: int


class Me(BaseModel):
    """Whose key this is, and what it may do."""

    tenant: str
    scopes: list[str]
    expires_at: AwareDatetime | None


class Health(BaseModel):
    """How the service is."""

    status: Literal["ok"]
