"""The JSON Schema of ``environments/*.yaml``, for editors: completion, descriptions, early refusals."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from thoth_infra.config import shape
from thoth_infra.config.environment import Environment

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Return the schema of one file, which is one layer: no key is required in it.

    A variant may leave out its tag where a layer below gives it, so a union takes any of its variants.
    """
    whole = Environment.model_json_schema(mode="validation")
    models = {model.__name__: model for model in _models(Environment)}
    for name, part in {"Environment": whole, **whole["$defs"]}.items():
        _describe(part, models[name])
    _loosen(whole)
    return {
        "$schema": DIALECT,
        "title": "Thoth environment",
        **{key: value for key, value in whole.items() if key not in {"title", "$defs"}},
        "$defs": dict(sorted(whole["$defs"].items())),
    }


def text() -> str:
    """Return the schema as the text of ``docs/environments.schema.json``."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _describe(part: dict[str, Any], model: type[BaseModel]) -> None:
    descriptions = shape.descriptions(model)
    part["description"] = (model.__doc__ or "").strip().split("\n")[0]
    part.pop("title", None)
    for name, value in part["properties"].items():
        value.pop("title", None)
        if name in descriptions:
            value["description"] = " ".join(descriptions[name].split())


def _loosen(node: Any) -> None:
    if isinstance(node, dict):
        node.pop("required", None)
        if "patternProperties" in node:
            node["additionalProperties"] = False
        if node.pop("discriminator", None):
            node["anyOf"] = node.pop("oneOf")
        for child in node.values():
            _loosen(child)
    elif isinstance(node, list):
        for child in node:
            _loosen(child)


def _models(model: type[BaseModel]) -> set[type[BaseModel]]:
    found = {model}
    for info in model.model_fields.values():
        for kind in shape.members(info.annotation):
            for below in (*shape.variants(kind), *shape.variants(shape.item(kind))):
                found |= _models(below)
    return found
