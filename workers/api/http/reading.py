"""Who may read a recording: a key with its scope, or a media token of that job."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import APIKeyQuery, HTTPAuthorizationCredentials, SecurityScopes
from starlette.concurrency import run_in_threadpool

from workers.api.http.access import Principal, address, bearer, identify, unauthorised
from workers.api.http.problems import not_found
from workers.api.http.services import Provided, Services
from workers.api.store import jobs
from workers.api.store.models import Job, JobState

_token = APIKeyQuery(name="token", auto_error=False, scheme_name="mediaToken", description="From POST …/media-token")


async def _readable(
    request: Request,
    services: Provided,
    job_id: Annotated[str, Path(pattern=r"^[0-9a-z]{26}$")],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer, scopes=["jobs:read"])] = None,
    token: Annotated[str | None, Security(_token)] = None,
) -> Job:
    if credentials is None and token is not None:
        services.throttle.admit(address(request))
        if not services.tokens.holds(token, job_id):
            services.throttle.refused(address(request))
            raise unauthorised()
        services.throttle.request(job_id)
        job = await run_in_threadpool(_by_id, services, job_id)
        request.state.principal = Principal(job.tenant, None)
        return job
    who = await identify(request, SecurityScopes(["jobs:read"]), credentials)
    return await run_in_threadpool(_of_tenant, services, who.tenant, job_id)


def _by_id(services: Services, job_id: str) -> Job:
    with services.database.read() as session:
        job = session.get(Job, job_id)
    if job is None or job.state == JobState.DELETING:
        raise not_found()
    return job


def _of_tenant(services: Services, tenant: str, job_id: str) -> Job:
    with services.database.read() as session:
        return jobs.find(session, tenant, job_id)


MediaReader = Annotated[Job, Depends(_readable)]
