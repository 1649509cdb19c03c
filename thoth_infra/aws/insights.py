"""The saved CloudWatch Logs Insights queries of an environment, run."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from thoth_infra.aws.clients import Clients
from thoth_infra.errors import ThothError, did_you_mean

# Where a saved query wants the id of a job.
_JOB: Final = "PUT-THE-JOB-ID-HERE"
# As the orchestrator gives them; nothing that could end a quoted word of the query.
_JOB_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_PAUSES_SECONDS: Final = (0.2, 0.5, 1.0)
_GROUPS_AT_ONCE: Final = 50
# CloudWatch's own pointer to the whole event.
_POINTER: Final = "@ptr"


@dataclass(frozen=True)
class Query:
    """A saved query; ``name`` is without the environment's prefix."""

    name: str
    text: str
    groups: tuple[str, ...]

    @property
    def wants_job(self) -> bool:
        """Whether it is about one job."""
        return _JOB in self.text


def saved(clients: Clients, prefix: str) -> tuple[Query, ...]:
    """Return the queries that were saved under ``prefix``, by name."""
    logs = clients("logs")
    found: list[Query] = []
    options: dict[str, Any] = {"queryDefinitionNamePrefix": f"{prefix}/"}
    while True:
        answer = logs.describe_query_definitions(**options)
        for row in answer["queryDefinitions"]:
            groups = tuple(row.get("logGroupNames", ()))
            found.append(Query(row["name"].removeprefix(f"{prefix}/"), row["queryString"], groups))
        if not answer.get("nextToken"):
            return tuple(sorted(found, key=lambda query: query.name))
        options["nextToken"] = answer["nextToken"]


def named(queries: tuple[Query, ...], name: str, job: str = "") -> Query:
    """Return the query ``name``, about ``job`` if it is about one.

    Raises:
        ThothError: there is none of that name; or it wants a job and none (or no job's id) is given.
    """
    if not queries:
        raise ThothError("there are no saved queries", "apply the environment first")
    found = {query.name: query for query in queries}.get(name)
    if found is None:
        raise ThothError(f"there is no query {name!r}", did_you_mean(name, (query.name for query in queries)))
    if found.wants_job != bool(job):
        wrong = f"{name} is about one job" if found.wants_job else f"{name} is not about one job"
        raise ThothError(wrong, f"give --job and its id: --job {_JOB}" if found.wants_job else "leave out --job")
    if job and not _JOB_ID.fullmatch(job):
        raise ThothError(f"{job!r} is not the id of a job", "the API and the logs name jobs by letters and digits")
    return Query(found.name, found.text.replace(_JOB, job), found.groups)


def run(
    clients: Clients,
    query: Query,
    back_seconds: float,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.time,
) -> list[dict[str, str]]:
    """Run a query over the last ``back_seconds`` and return its rows; whoever interrupts it stops it.

    Raises:
        ThothError: CloudWatch can't run it, or did not end it well.
    """
    logs = clients("logs")
    end = int(clock())
    try:
        key = logs.start_query(
            logGroupNames=list(query.groups[:_GROUPS_AT_ONCE]),
            startTime=max(end - int(back_seconds), 0),
            endTime=end,
            queryString=query.text,
        )["queryId"]
    except logs.exceptions.ResourceNotFoundException:
        raise ThothError(f"a log group of {query.name} is not there", "apply the environment first") from None
    except logs.exceptions.LimitExceededException:
        raise ThothError("too many queries run in this account just now", "try again in a minute") from None
    ended = False
    try:
        for pause in _pauses():
            answer = logs.get_query_results(queryId=key)
            status = answer["status"]
            if status not in {"Scheduled", "Running", "Unknown"}:
                ended = True
                break
            wait(pause)
    finally:
        if not ended:
            with suppress(Exception):  # what ends us is what matters
                logs.stop_query(queryId=key)
    if status != "Complete":
        raise ThothError(f"CloudWatch ended {query.name} as {status.lower()}", "try again with a shorter --since")
    return [{cell["field"]: cell["value"] for cell in row if cell["field"] != _POINTER} for row in answer["results"]]


def _pauses() -> Iterator[float]:
    yield from _PAUSES_SECONDS
    while True:
        yield _PAUSES_SECONDS[-1]
