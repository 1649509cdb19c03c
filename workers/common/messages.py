"""The messages between orchestrator and workers: versioned JSON, unknown fields refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    ValidationError,
)

from thoth_infra.contract.queues import Stage
from workers.common.errors import PoisonError, StageError

VERSION: Final = 1

# A job id names a folder and an S3 prefix: no dots, no separators, nothing to quote.
JobId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
TraceId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
# SQS takes a MiB; reasons are read by people.
_LONGEST_WORDS = 2000
_LONGEST_PROBLEM = 200
Words = Annotated[str, Field(max_length=_LONGEST_WORDS)]


def _storable(params: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Refuse NaN and infinity, which pydantic reads in JSON and would write as null."""
    json.dumps(params, allow_nan=False)
    return params


Params = Annotated[dict[str, JsonValue], AfterValidator(_storable)]


def _version_is_required(schema: dict[str, Any]) -> None:
    """Say in the JSON Schema what ``read_request`` demands; only constructors may leave the version out."""
    schema["required"] = list(dict.fromkeys(["version", *schema.get("required", [])]))


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_version_is_required)

    version: Literal[1] = VERSION
    job_id: JobId
    stage: Stage
    attempt: Annotated[int, Field(ge=1, le=2**31 - 1)] = 1
    """Counts how often the orchestrator has requested this stage; a repeated delivery has the same attempt."""


class Request(_Message):
    """The orchestrator asks for one stage of one job."""

    trace_id: TraceId
    requested_at: AwareDatetime
    params: Params = Field(default_factory=dict)


class Failure(BaseModel):
    """Why a stage failed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    message: Words
    hint: Words = ""
    retryable: bool

    @classmethod
    def of(cls, error: StageError) -> Failure:
        """Return the message form of an error, cut to what a message may hold."""
        message, hint = (legible(text)[:_LONGEST_WORDS] for text in (error.message, error.hint))
        return cls(code=error.code, message=message, hint=hint, retryable=error.retryable)


class Status(StrEnum):
    """What a result tells."""

    COMPLETED = "completed"
    FAILED = "failed"
    PROGRESS = "progress"


class Result(_Message):
    """A worker tells how its stage goes."""

    status: Status
    artefacts: tuple[str, ...] = ()
    metrics: dict[str, FiniteFloat] = Field(default_factory=dict)
    error: Failure | None = None

    @classmethod
    def of(
        cls,
        request: Request,
        status: Status,
        *,
        artefacts: tuple[str, ...] = (),
        metrics: dict[str, float] | None = None,
        error: Failure | None = None,
    ) -> Result:
        """Return a result of what ``request`` asked for."""
        return cls(
            job_id=request.job_id,
            stage=request.stage,
            attempt=request.attempt,
            status=status,
            artefacts=artefacts,
            metrics=metrics or {},
            error=error,
        )


class _Version(BaseModel):
    version: int


def read_request(body: str, stage: Stage) -> Request:
    """Return the request in a message's body.

    Raises:
        PoisonError: ``unknown_version``, ``bad_message`` or ``wrong_stage``.
    """
    try:
        version = _Version.model_validate_json(body).version
        if version != VERSION:
            raise PoisonError(
                "unknown_version",
                f"the message has version {str(version)[:_LONGEST_PROBLEM]}, this worker knows version {VERSION}",
                "deploy workers and orchestrator of the same release, then redrive the message",
            )
        request = Request.model_validate_json(body)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc']))[:_LONGEST_PROBLEM] or 'body'}: {e['msg'][:_LONGEST_PROBLEM]}"
            for e in error.errors(include_url=False, include_input=False)[:5]
        )
        raise PoisonError(
            "bad_message", f"the message is not a request: {problems}", "see docs/messages.schema.json"
        ) from None
    if request.stage is not stage:
        raise PoisonError(
            "wrong_stage",
            f"a request for {request.stage} came to the worker of {stage}",
            "compare the queue URLs of the orchestrator with the rendered ones",
        )
    return request


def legible(text: str) -> str:
    """Return ``text`` with blanks for what neither JSON nor SQS can carry: control characters, lone surrogates."""
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)


def now() -> datetime:
    """Return the current time, with its zone."""
    return datetime.now(UTC)
