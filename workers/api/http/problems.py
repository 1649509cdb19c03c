"""Errors as RFC 9457 problem details: one form for whatever goes wrong, documented for every route."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from workers.api.http.guard import Refused
from workers.api.store.errors import Conflict, NotFound, StoreError, VersionMismatch
from workers.common.errors import StageError
from workers.common.messages import legible

_log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_MOST_PROBLEMS = 50
_LONGEST_TEXT = 500


class ProblemBody(BaseModel):
    """A problem: ``code`` for programs, ``title``, ``detail`` and ``hint`` for people."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(default="about:blank", json_schema_extra={"format": "uri-reference"})
    title: str
    status: int
    code: str
    detail: str
    hint: str = ""
    problems: list[str] = []
    """Everything that is wrong, where it is more than one thing."""


class Problem(Exception):
    """A request that is refused, with the answer's status."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        hint: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        problems: Iterable[str] = (),
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.headers = dict(headers or {})
        self.problems = tuple(problems)

    def response(self) -> Response:
        """Return the answer; it must never be kept by a cache."""
        body = ProblemBody(
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            code=self.code,
            detail=_short(self.detail),
            hint=self.hint,
            problems=[_short(problem) for problem in self.problems[:_MOST_PROBLEMS]],
        )
        headers = {"Cache-Control": "no-store", **self.headers}
        return Response(body.model_dump_json(), self.status, headers, MEDIA_TYPE)


def not_found(what: str = "job") -> Problem:
    """Return the answer for what is not there, and for what belongs to others: the two must look alike."""
    return Problem(404, "not_found", f"there is no such {what}", "look at the list of those that you may see")


def told(place: Iterable[object], message: str) -> str:
    """Return one of pydantic's errors as a line; what was found is left out, as it may be a secret."""
    return f"{'.'.join(map(str, place)) or 'body'}: {message}"


def install(app: FastAPI) -> None:
    """Have every error of ``app`` answered as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StageError, _stage)
    app.add_exception_handler(StoreError, _store)
    for unreachable in (OperationalError, InterfaceError, NoConnection):
        app.add_exception_handler(unreachable, _unreachable)
    app.add_exception_handler(Exception, _unforeseen)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - as it is registered
    return error.response()


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - as it is registered
    return Problem(422, error.code, error.message, error.hint).response()


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as it is registered
    problems = [told(e["loc"], e["msg"]) for e in error.errors()]
    return Problem(
        422, "invalid_request", "the request is not what this endpoint takes", "see /docs", problems=problems
    ).response()


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as it is registered
    code = HTTPStatus(error.status_code).name.lower()
    return Problem(error.status_code, code, str(error.detail), "see /docs", headers=error.headers).response()


async def _stage(_: Request, error: Exception) -> Response:
    """A full disk or a file system that does not answer: the client may try again."""
    assert isinstance(error, StageError)  # noqa: S101 - as it is registered
    return Problem(503, error.code, error.message, error.hint, headers={"Retry-After": "10"}).response()


async def _store(_: Request, error: Exception) -> Response:
    assert isinstance(error, StoreError)  # noqa: S101 - as it is registered
    return of_store(error).response()


async def _unreachable(_: Request, error: Exception) -> Response:
    # Its text may name hosts and statements, which are nobody's business.
    _log.warning("the database does not answer", extra={"reason": type(error).__name__})
    return Problem(
        503, "database_unreachable", "the database does not answer", "try again", headers={"Retry-After": "5"}
    ).response()


async def _unforeseen(_: Request, __: Exception) -> Response:
    # The server logs it, with its traceback.
    return Problem(
        500, "unexpected", "something went wrong that nobody foresaw", "try again; the log holds the reason"
    ).response()


def of_store(error: StoreError) -> Problem:
    """Return the answer to what the store refuses."""
    for kind, status in ((NotFound, 404), (VersionMismatch, 412), (Conflict, 409)):
        if isinstance(error, kind):
            headers = {"ETag": f'"{error.current}"'} if isinstance(error, VersionMismatch) else {}
            return Problem(status, error.code, error.message, error.hint, headers=headers)
    return Problem(422, error.code, error.message, error.hint)


def _short(text: str) -> str:
    text = legible(text)
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
