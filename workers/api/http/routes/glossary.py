"""The glossary that every lesson is searched with."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from workers.api.http.access import GlossaryReader, GlossaryWriter, Principal
from workers.api.http.bodies import document
from workers.api.http.described import body_of, documented, json_of
from workers.api.http.problems import Problem
from workers.api.http.routes.transcripts import IfMatch, required_version
from workers.api.http.services import Provided, Services
from workers.api.store import glossary
from workers.common.messages import now
from workers.music_terms.glossary import Glossary, GlossaryInvalid, parse

router = APIRouter(prefix="/api/glossary", tags=["glossary"])

_GLOSSARY: Final = json_of(Glossary, "The glossary; its ETag is the version")


@router.get("", response_class=Response, responses={200: _GLOSSARY, **documented(401, 403, 429, 503)})
def read_glossary(services: Provided, who: GlossaryReader) -> Response:  # noqa: ARG001 - who may read it
    """Return the glossary that holds."""
    with services.database.read() as session:
        return _answer(glossary.current(session))


@router.put(
    "",
    response_class=Response,
    responses={200: _GLOSSARY, **documented(401, 403, 412, 413, 415, 422, 428, 429, 503)},
    openapi_extra=body_of(Glossary),
)
async def write_glossary(
    request: Request, services: Provided, who: GlossaryWriter, if_match: IfMatch = None
) -> Response:
    """Replace the glossary; the version in the body is ignored, as the server counts."""
    expected = required_version(if_match)
    raw = await document(request, services.limits.document_bytes)
    return await run_in_threadpool(_save, services, who, expected, raw)


def _save(services: Services, who: Principal, expected: int, raw: Any) -> Response:
    if isinstance(raw, dict):
        raw = {**raw, "version": expected or 1}
    try:
        new = parse("the body", raw)
    except GlossaryInvalid as error:
        raise Problem(
            422,
            "bad_glossary",
            "the glossary can't be used",
            "mend what is listed, then save it again",
            problems=error.problems,
        ) from None
    with services.database.write() as session:
        saved = glossary.save(session, new, expected=expected, key_id=who.key_id, at=now())
    glossary.publish(services.database, services.jobs_dir)
    return _answer(saved)


def _answer(current: Glossary) -> Response:
    headers = {"ETag": f'"{current.version}"', "Cache-Control": "private, no-cache"}
    return Response(current.model_dump_json(), headers=headers, media_type="application/json")
