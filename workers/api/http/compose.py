"""Puts the API together from its settings, the way its process starts it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from workers.api.http.access import Keys
from workers.api.http.audit import Trail
from workers.api.http.guard import Guard
from workers.api.http.references import References
from workers.api.http.services import Limits, Services
from workers.api.http.throttle import Throttle
from workers.api.http.tokens import MediaTokens
from workers.api.settings import AloneSettings, ApiSettings
from workers.api.store.engine import Database
from workers.api.store.objects import Objects
from workers.common.folder import FolderFiles


def services_of(
    settings: ApiSettings | AloneSettings,
    database: Database,
    *,
    guard: Guard | None = None,
    problem: Callable[[], str | None] = lambda: None,
) -> Services:
    """Return what the routes need, over S3; ``guard`` says where references and webhooks may lead."""
    s3, limits = _Later(), Limits()
    return Services(
        database=database,
        files=FolderFiles(settings.jobs_dir),
        objects=Objects(s3, settings.media_bucket, settings.archive_bucket),
        references=References(guard or Guard(), s3, settings.media_bucket, limits.upload_bytes),
        tokens=MediaTokens(settings.app_key.get_secret_value().encode()),
        keys=Keys(database),
        throttle=Throttle(),
        trail=Trail(database),
        limits=limits,
        problem=problem,
    )


class _Later:
    """A client for S3 that is made when it is first used: what boto3 knows of S3 takes 12 MiB."""

    @cached_property
    def _client(self) -> Any:
        # Presigned URLs need the newest signature: with others S3 takes nothing that a KMS key encrypts.
        retries: Any = {"mode": "standard", "total_max_attempts": 3}
        config = Config(signature_version="s3v4", retries=retries, connect_timeout=5)
        session: Any = boto3.session.Session()
        return session.client("s3", config=config)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
