"""The service itself: whose key this is, and how it does."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError

from workers.api.http.access import Anyone
from workers.api.http.described import documented
from workers.api.http.problems import Problem
from workers.api.http.schemas import Health, Me
from workers.api.http.services import Provided, Services

router = APIRouter(tags=["service"])


@router.get("/api/me", response_model=Me, responses=documented(401, 429, 503))
async def who_am_i(who: Anyone) -> Any:
    """Return the key's tenant and scopes."""
    return Me(tenant=who.tenant, scopes=sorted(who.scopes), expires_at=who.expires_at)


@router.get("/healthz", response_model=Health, responses=documented(503))
async def healthy(services: Provided) -> Any:
    """Tell whether the process is well; databases and other hosts, which a restart would not mend, are not asked."""
    if problem := services.problem():
        raise _not_ready("stuck", problem)
    return Health(status="ok")


@router.get("/readyz", response_model=Health, responses=documented(503))
def ready(services: Provided) -> Any:
    """Tell whether requests can be served: the database answers, and the folder of jobs can be written to."""
    try:
        services.database.ping()
    except SQLAlchemyError:
        raise _not_ready("database_unreachable", "the database does not answer") from None
    try:
        _write(services)
    except OSError as error:
        raise _not_ready("folder_not_writable", f"the folder of jobs can't be written to: {error.strerror}") from None
    return Health(status="ok")


def _write(services: Services) -> None:
    # A name of its own: several tasks ask at once.
    path = services.jobs_dir / f".ready-{secrets.token_hex(8)}"
    services.jobs_dir.mkdir(parents=True, exist_ok=True)
    try:
        path.write_bytes(b"")
    finally:
        path.unlink(missing_ok=True)


def _not_ready(code: str, detail: str) -> Problem:
    return Problem(503, code, detail, "look at the log", headers={"Retry-After": "5"})
