"""Errors as RFC 9457 problem details: one form for whatever goes wrong, documented for every route."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from workers.api.http.guard import Refused
from workers.common.errors import StageError
from workers.common.messages import legible

_log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_MOST_ERRORS = 20
_LONGEST_TEXT = 500


class FieldProblem(BaseModel):
    """What is wrong with one field of a request."""

    model_config = ConfigDict(extra="forbid")

    field: str
    message: str


class ProblemBody(BaseModel):
    """A problem: ``code`` for programs, ``title``, ``detail`` and ``hint`` for people."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(default="about:blank", json_schema_extra={"format": "uri-reference"})
    title: str
    status: int
    code: str
    detail: str
    hint: str = ""
    errors: list[FieldProblem] = []


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
        errors: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.headers = dict(headers or {})
        self.errors = tuple(errors)

    def response(self) -> Response:
        """Return the answer; it must never be kept by a cache."""
        body = ProblemBody(
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            code=self.code,
            detail=_short(self.detail),
            hint=self.hint,
            errors=[FieldProblem(field=_short(f), message=_short(m)) for f, m in self.errors[:_MOST_ERRORS]],
        )
        headers = {"Cache-Control": "no-store", **self.headers}
        return Response(body.model_dump_json(), self.status, headers, MEDIA_TYPE)


def not_found(what: str = "job") -> Problem:
    """Return the answer for what is not there, and for what belongs to others: the two must look alike."""
    return Problem(404, "not_found", f"there is no such {what}", "look at the list of those that you may see")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI answers of a route that may be refused with ``statuses``."""
    reference = {"schema": {"$ref": "#/components/schemas/ProblemBody"}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: reference}} for status in statuses
    }


def install(app: FastAPI) -> None:
    """Have every error of ``app`` answered as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StageError, _stage)
    app.add_exception_handler(Exception, _unforeseen)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - as it is registered
    return error.response()


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - as it is registered
    return Problem(422, error.code, error.message, error.hint).response()


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as it is registered
    errors = [(".".join(map(str, e["loc"])), str(e["msg"])) for e in error.errors()]
    return Problem(
        422, "invalid_request", "the request is not what this endpoint takes", "see /docs", errors=errors
    ).response()


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as it is registered
    code = HTTPStatus(error.status_code).name.lower()
    return Problem(error.status_code, code, str(error.detail), "see /docs", headers=error.headers).response()


async def _stage(_: Request, error: Exception) -> Response:
    """A full disk or a file system that does not answer: the client may try again."""
    assert isinstance(error, StageError)  # noqa: S101 - as it is registered
    return Problem(503, error.code, error.message, error.hint, headers={"Retry-After": "10"}).response()


async def _unforeseen(request: Request, error: Exception) -> Response:
    # Starlette logs nothing here, and raises the error on to the server, which logs it in a form of its own.
    _log.error("unforeseen", exc_info=error, extra={"method": request.method, "path": request.url.path})
    return Problem(
        500, "unexpected", "something went wrong that nobody foresaw", "try again; the log holds the reason"
    ).response()


def _short(text: str) -> str:
    text = legible(text)
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
