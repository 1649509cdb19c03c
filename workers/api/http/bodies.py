"""Bodies that the routes read themselves: limited, and with problems of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, TypeVar

from fastapi import Header
from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request

from workers.api.http.problems import Problem, told

_BLOCK_BYTES = 1 << 18
_Model = TypeVar("_Model", bound=BaseModel)

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="The same request with the same key makes one job, however often it is sent",
    ),
]


async def blocks(request: Request) -> AsyncIterator[bytes]:
    """Yield the body in blocks as they go to a disk: a change of threads for each of the server's would be slow.

    Raises:
        Problem: 422 ``incomplete``, when the sender goes away.
    """
    pending = bytearray()
    try:
        async for chunk in request.stream():
            pending += chunk
            if len(pending) >= _BLOCK_BYTES:
                yield bytes(pending)
                pending.clear()
    except ClientDisconnect:
        raise Problem(422, "incomplete", "the body ends before it is whole", "send it again") from None
    yield bytes(pending)


async def content(request: Request, limit: int) -> bytes:
    """Return the whole body.

    Raises:
        Problem: 413 ``too_large``, 422 ``incomplete``.
    """
    body = bytearray()
    async for block in blocks(request):
        body += block
        if len(body) > limit:
            raise Problem(413, "too_large", f"the body has more than {limit:,} bytes", "send less at once")
    return bytes(body)


async def document(request: Request, limit: int) -> JsonValue:
    """Return a JSON body.

    Raises:
        Problem: 413, 415 or 422.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "unsupported_media_type", "the body is not JSON", "send it as application/json")
    body = await content(request, limit)
    try:
        read: JsonValue = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Problem(422, "bad_json", f"the body can't be read: {error}", "send JSON in UTF-8") from None
    return read


def parsed(model: type[_Model], raw: JsonValue | dict[str, str]) -> _Model:
    """Return what a body says.

    Raises:
        Problem: 422 ``invalid_request``, with everything that is wrong.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        problems = [told(e["loc"], e["msg"]) for e in error.errors(include_url=False, include_input=False)]
        raise Problem(
            422, "invalid_request", "the body is not what this endpoint takes", "see /docs", problems=problems
        ) from None


def version_of(if_match: str) -> int:
    """Return the version that an ``If-Match`` header names.

    Raises:
        Problem: 422 ``bad_version``.
    """
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Problem(422, "bad_version", "If-Match names no version", "send the ETag of what was read")
    return int(text)
