"""What the routes work with, put together once for a process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

from fastapi import Depends, Request

from workers.api.http.access import Keys
from workers.api.http.audit import Trail
from workers.api.http.references import References
from workers.api.http.throttle import Throttle
from workers.api.http.tokens import MediaTokens
from workers.api.store.engine import Database
from workers.api.store.objects import Objects
from workers.common.folder import FolderFiles

MEBIBYTE: Final = 1 << 20


@dataclass(frozen=True)
class Limits:
    """How much is taken, in bytes."""

    upload_bytes: int = 10 << 30
    part_bytes: int = 16 * MEBIBYTE
    """Of a resumable upload; S3 takes none of less than 5 MiB."""
    document_bytes: int = 32 * MEBIBYTE
    """Of a glossary or a transcript: ten hours of talk have six."""
    wish_bytes: int = 64 << 10
    """Of other JSON bodies."""


@dataclass(frozen=True)
class Services:
    """Everything that a route may need."""

    database: Database
    files: FolderFiles
    objects: Objects | None
    """The buckets; None where there are none."""
    references: References
    tokens: MediaTokens
    keys: Keys
    throttle: Throttle
    trail: Trail
    limits: Limits = field(default_factory=Limits)
    poll_seconds: float = 1.0
    """Between two looks at a job, for an event stream."""
    problem: Callable[[], str | None] = lambda: None
    """What is wrong with whatever runs beside the API in its process."""
    stream_seconds: float = 900.0
    """After which a client has to ask for its stream anew, with a key that is still valid."""

    @property
    def jobs_dir(self) -> Path:
        """The folder of the job folders, and of the glossary."""
        return self.files.root


async def _services(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101 - create_app has put it there
    return services


Provided = Annotated[Services, Depends(_services)]
