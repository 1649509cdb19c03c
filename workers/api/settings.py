"""Settings of the API's and the orchestrator's processes: the contract's variables for API, ORCHESTRATOR, API_ALONE."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, PositiveInt, SecretStr
from sqlalchemy import URL

from thoth_infra.contract.queues import Stage
from thoth_infra.contract.services import API, API_ALONE, ORCHESTRATOR
from workers.common.settings import Settings, Word

# HMAC-SHA256 is as strong as its key; shorter ones can be guessed.
Key = Annotated[SecretStr, Field(min_length=32)]


class _Buckets(Settings):
    media_bucket: Word
    archive_bucket: Word


class _Postgres(Settings):
    database_host: Word
    database_port: Annotated[int, Field(ge=1, le=65535)]
    database_name: Word
    database_user: SecretStr
    database_password: SecretStr
    database_secret_arn: Word | None = None
    """Where the password is read again when the server refuses it; without it, a refused one stays refused."""

    @property
    def database_url(self) -> URL:
        """Where the records are."""
        return URL.create(
            "postgresql+psycopg",
            username=self.database_user.get_secret_value(),
            password=self.database_password.get_secret_value(),
            host=self.database_host,
            port=self.database_port,
            database=self.database_name,
        )


class _Sqlite(Settings):
    database_path: Path

    @property
    def database_url(self) -> URL:
        """Where the records are."""
        return sqlite_url(self.database_path)


class _Serving(Settings):
    port: Annotated[int, Field(ge=1, le=65535)]
    public_url: Word
    """Address of the web page, without a slash at its end."""
    app_key: Key
    """Signs media tokens."""


class Orchestration(Settings):
    """What a process that runs the orchestrator is given, besides the records."""

    results_queue_url: Word
    audio_extraction_queue_url: Word
    transcription_queue_url: Word
    music_terms_queue_url: Word
    webhook_key: Key
    """Signs webhooks."""
    transcript_retention_days: PositiveInt
    job_files_retention_days: PositiveInt
    audit_retention_days: PositiveInt
    audio_extraction_timeout_seconds: PositiveInt = 3600
    """Time without news after which a request in work is asked for again."""
    transcription_timeout_seconds: PositiveInt = 14400
    music_terms_timeout_seconds: PositiveInt = 900

    @property
    def queue_urls(self) -> dict[Stage, str]:
        """Where requests for each stage go."""
        return {
            Stage.AUDIO_EXTRACTION: self.audio_extraction_queue_url,
            Stage.TRANSCRIPTION: self.transcription_queue_url,
            Stage.MUSIC_TERMS: self.music_terms_queue_url,
        }

    @property
    def stage_seconds(self) -> dict[Stage, float]:
        """Time-outs of the stages, in seconds."""
        return {
            Stage.AUDIO_EXTRACTION: self.audio_extraction_timeout_seconds,
            Stage.TRANSCRIPTION: self.transcription_timeout_seconds,
            Stage.MUSIC_TERMS: self.music_terms_timeout_seconds,
        }


class ApiSettings(_Serving, _Buckets, _Postgres):
    """The API beside an orchestrator, with Postgres."""


class OrchestratorSettings(Orchestration, _Buckets, _Postgres):
    """The orchestrator's own process."""


class AloneSettings(_Serving, Orchestration, _Buckets, _Sqlite):
    """The API that runs the orchestrator too, with the records in a file."""


def sqlite_url(path: Path) -> URL:
    """Return the URL of a SQLite file."""
    return URL.create("sqlite+pysqlite", database=str(path))


def read_api(environ: Mapping[str, str]) -> ApiSettings | AloneSettings:
    """Return the settings of ``python -m workers.api``: ``DATABASE_PATH`` says that it is alone.

    Raises:
        SettingsInvalid: with every variable that is missing or has no sense.
    """
    if environ.get("DATABASE_PATH"):
        return AloneSettings.read(API_ALONE, environ)
    return ApiSettings.read(API, environ)


def read_orchestrator(environ: Mapping[str, str]) -> OrchestratorSettings:
    """Return the settings of ``python -m workers.api.orchestrator``.

    Raises:
        SettingsInvalid: with every variable that is missing or has no sense.
    """
    return OrchestratorSettings.read(ORCHESTRATOR, environ)
