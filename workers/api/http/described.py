"""What FastAPI can't find out for OpenAPI by itself: problems, bodies that are read as streams, files as answers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final, TypeAlias

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from workers.api.http import problems
from workers.api.http.problems import ProblemBody
from workers.api.http.schemas import Correction, FormFields, ReferredJob
from workers.common.transcript import Transcript
from workers.music_terms.glossary import Glossary
from workers.music_terms.terms import Terms

Described: TypeAlias = dict[str, Any]
Answers: TypeAlias = dict[int | str, Described]

_REFERENCE: Final = "#/components/schemas/{model}"
_TAKEN: Final[tuple[type[BaseModel], ...]] = (ReferredJob, Correction, Glossary)
_ANSWERED: Final[tuple[type[BaseModel], ...]] = (ProblemBody, Transcript, Terms)


def documented(*statuses: int) -> Answers:
    """Return the answers of a route that may be refused with ``statuses``."""
    content = {problems.MEDIA_TYPE: {"schema": _named(ProblemBody)}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def json_of(model: type[BaseModel], description: str) -> Described:
    """Return an answer, or a body, that is a model's JSON."""
    return {"description": description, "content": {"application/json": {"schema": _named(model)}}}


def body_of(model: type[BaseModel]) -> Described:
    """Return a request body that a route reads by itself."""
    return {"requestBody": {"required": True, **json_of(model, model.__name__)}}


def events_of(model: type[BaseModel], name: str, description: str) -> Described:
    """Return an answer that is a stream of server-sent events, whose data is a model's JSON."""
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": _named(model)}
    event = {
        "type": "object",
        "properties": {"event": {"enum": [name, "gone"]}, "id": {"type": "string"}, "data": data},
        "required": ["event", "data"],
    }
    return {"description": description, "content": {"text/event-stream": {"itemSchema": event}}}


def binary(description: str) -> Described:
    """Return an answer that is a recording."""
    return {"description": description, "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}


def _named(model: type[BaseModel]) -> Described:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _submission() -> Described:
    # Fields of a form are text: what is not given is left out, and never null.
    fields = FormFields.model_json_schema()["properties"]
    given = {name: next(kind for kind in field["anyOf"] if kind["type"] != "null") for name, field in fields.items()}
    form = {
        "type": "object",
        "properties": {"file": {"type": "string", "format": "binary", "description": "The recording"}, **given},
        "required": ["file"],
        "additionalProperties": False,
    }
    content = {"multipart/form-data": {"schema": form}, "application/json": {"schema": _named(ReferredJob)}}
    return {"requestBody": {"required": True, "content": content}}


SUBMISSION: Final = _submission()
PART: Final[Described] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def describe(app: FastAPI, description: str) -> Described:
    """Return the OpenAPI document of ``app``, with the models that its own routes do not name."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        # The first that knows streams of events.
        openapi_version="3.2.0",
        description=description,
        routes=app.routes,
        servers=app.servers,
    )
    _, taken = models_json_schema([(model, "validation") for model in _TAKEN], ref_template=_REFERENCE)
    _, told = models_json_schema([(model, "serialization") for model in _ANSWERED], ref_template=_REFERENCE)
    schemas: Described = document.setdefault("components", {}).setdefault("schemas", {})
    for more in (taken, told):
        for name, schema in more.get("$defs", {}).items():
            schemas.setdefault(name, schema)
    # What FastAPI answers by itself comes as a problem too.
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document
