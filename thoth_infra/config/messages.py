"""Turns pydantic's errors into a key, what is wrong, and what would be right."""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from thoth_infra.config.environment import Environment
from thoth_infra.config.layers import Merged
from thoth_infra.config.yaml_source import KeyPath
from thoth_infra.errors import did_you_mean

_TYPES = {
    "string_type": ("a text", "put it in quotes"),
    "int_type": ("a whole number", "write digits only"),
    "int_from_float": ("a whole number", "write it without decimals"),
    "float_type": ("a number", "write digits only"),
    "bool_type": ("a truth value", "write true or false"),
    "tuple_type": ("a list", "write [a, b] or one '- a' line for each"),
    "dict_type": ("a mapping", "write key: value lines below it"),
    "model_type": ("a mapping", "write key: value lines below it"),
    "model_attributes_type": ("a mapping", "write key: value lines below it"),
}
_BOUNDS = {
    "greater_than_equal": ("ge", "below", "at least"),
    "greater_than": ("gt", "not above", "more than"),
    "less_than_equal": ("le", "above", "at most"),
    "less_than": ("lt", "not below", "less than"),
}
_LENGTHS = {
    "too_short": ("min_length", "too short", "give at least"),
    "string_too_short": ("min_length", "too short", "give at least"),
    "too_long": ("max_length", "too long", "give at most"),
    "string_too_long": ("max_length", "too long", "give at most"),
}


def explain(detail: ErrorDetails, merged: Merged) -> tuple[KeyPath, str, str]:
    """Return the key path of a validation error, what is wrong there, and what would be right."""
    path, kind, value = key_path(detail, merged.data), detail["type"], detail["input"]
    context = detail.get("ctx", {})
    if kind == "refused":
        return (*path, *filter(None, context["key"].split("."))), context["wrong"], context["right"]
    if kind == "extra_forbidden":
        return path, "is not a known key", did_you_mean(path[-1], _fields_at(path[:-1], merged.data))
    if kind == "missing":
        return path, "is missing", f"add it: {_description(path, merged.data)}"
    if kind in _TYPES:
        what, right = _TYPES[kind]
        return path, f"{_shown(value)} is not {what}", right
    if kind in _BOUNDS:
        name, wrong, right = _BOUNDS[kind]
        return path, f"{value} is {wrong} {context[name]}", f"use {right} {context[name]}"
    if kind in _LENGTHS:
        name, wrong, right = _LENGTHS[kind]
        return path, f"{_shown(value)} is {wrong}", f"{right} {context[name]}"
    if kind in {"literal_error", "enum"}:
        return path, f"{_shown(value)} is not a choice", f"choose {context['expected']}"
    if kind == "union_tag_invalid":
        tag = context["discriminator"].strip("'")
        return (*path, tag), f"{context['tag']!r} is not a choice", f"choose {context['expected_tags']}"
    if kind == "union_tag_not_found":
        tag = context["discriminator"].strip("'")
        return (*path, tag), "is missing", f"add it: {_description((*path, tag), merged.data)}"
    if kind == "string_pattern_mismatch":
        description = _description(path, merged.data)
        return path, f"{_shown(value)} has the wrong form", f"it must match {context['pattern']}: {description}"
    return path, detail["msg"][:1].lower() + detail["msg"][1:], _description(path, merged.data)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def key_path(detail: ErrorDetails, data: Any) -> KeyPath:
    """Return an error's location as a key path of ``data``.

    Pydantic adds the tag of a union's variant and ``[key]`` to its locations; neither is a key.
    """
    path: list[str] = []
    for part in detail["loc"]:
        if part == "[key]" or (isinstance(data, dict) and part not in data and part == _tag(data)):
            continue
        path.append(str(part))
        if isinstance(data, dict):
            data = data.get(str(part))
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            data = None
    return tuple(path)


def _tag(data: dict[str, Any]) -> Any:
    return data.get("type", data.get("kind"))


def _fields_at(path: KeyPath, data: Any) -> tuple[str, ...]:
    model = model_at(path, data)
    return tuple(model.model_fields) if model else ()


def _description(path: KeyPath, data: Any) -> str:
    parent = model_at(path[:-1], data)
    field: FieldInfo | None = parent.model_fields.get(path[-1]) if parent and path else None
    return (field.description if field and field.description else "see docs/configuration.md").rstrip(".")


def model_at(path: KeyPath, data: Any) -> type[BaseModel] | None:
    """Return the model that describes the mapping at ``path``, or None where there is none."""
    annotation: Any = Environment
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
        model = _model(annotation, None)
        if model is not None:
            field = model.model_fields.get(part)
            annotation = field.annotation if field else None
        else:
            annotation = _item(annotation)
        annotation = _model(annotation, data) or annotation
    return _model(annotation, data)


def _model(annotation: Any, data: Any) -> type[BaseModel] | None:
    """Return the model behind an annotation; of a union, the variant whose tag ``data`` names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is Annotated:
        return _model(get_args(annotation)[0], data)
    if get_origin(annotation) in (Union, types.UnionType):
        models = [m for a in get_args(annotation) if (m := _model(a, data))]
        tag = _tag(data) if isinstance(data, dict) else None
        tagged = [m for m in models if tag is not None and tag in _tags(m)]
        return tagged[0] if tagged else models[0] if models else None
    return None


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    field = model.model_fields.get("type") or model.model_fields.get("kind")
    return get_args(field.annotation) if field else ()


def _item(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    arguments = get_args(annotation)
    return arguments[-1] if get_origin(annotation) is dict else arguments[0] if arguments else None
