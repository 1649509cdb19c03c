"""Turns pydantic's errors into a key, what is wrong, and what would be right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic_core import ErrorDetails

from thoth_infra.config import shape
from thoth_infra.config.section import VARIANT_KEYS, Violation
from thoth_infra.config.yaml_source import KeyPath
from thoth_infra.errors import did_you_mean

_TYPES = {
    "string_type": ("a text", "write one text"),
    "int_type": ("a whole number", "write digits only"),
    "float_type": ("a number", "write digits only"),
    "bool_type": ("a truth value", "write true or false"),
    "tuple_type": ("a list", "write [a, b], or one line '- a' for each"),
    "dict_type": ("a mapping", "write key: value lines below it"),
    "model_type": ("a mapping", "write key: value lines below it"),
    "model_attributes_type": ("a mapping", "write key: value lines below it"),
}
_BOUNDS = {
    "greater_than_equal": ("ge", "below", "at least"),
    "greater_than": ("gt", "not above", "more than"),
    "less_than_equal": ("le", "above", "at most"),
}
_LENGTHS = {
    "too_short": ("min_length", "is too short", "at least", "item"),
    "string_too_short": ("min_length", "is too short", "at least", "character"),
    "too_long": ("max_length", "is too long", "at most", "item"),
    "string_too_long": ("max_length", "is too long", "at most", "character"),
}


def explain(detail: ErrorDetails, data: dict[str, Any]) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield the key path of a validation error in ``data``, what is wrong there, and what would be right.

    One error of a section may be of several rules between its keys.
    """
    path, kind = key_path(detail["loc"], data), detail["type"]
    if kind == "violations":
        for violation in detail["ctx"]["violations"]:
            yield absolute(path, violation)
        return
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        path = (*path, detail["ctx"]["discriminator"].strip("'"))
    yield path, *_explain(path, detail, data)


def absolute(path: KeyPath, violation: Violation) -> tuple[KeyPath, str, str]:
    """Return a violation of the section at ``path`` with its key from the root."""
    return (*path, *violation.key.split(".")), violation.wrong, violation.right


def _explain(path: KeyPath, detail: ErrorDetails, data: dict[str, Any]) -> tuple[str, str]:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "refused":
        return context["wrong"], context["right"]
    if kind == "extra_forbidden":
        return _unknown_key(path, data)
    if kind == "union_tag_not_found":
        return "is missing", f"add it, one of {', '.join(_tags(path[:-1], data))}"
    if kind == "missing":
        return "is missing", f"add it: {shape.description(path, data)}"
    if kind in _TYPES:
        what, right = _TYPES[kind]
        return f"{_shown(value)} is not {what}", _nearly_right(kind, value) or right
    if kind in _BOUNDS:
        name, wrong, right = _BOUNDS[kind]
        return f"{value} is {wrong} {context[name]:g}", f"use {right} {context[name]:g}"
    if kind in _LENGTHS:
        name, wrong, right, unit = _LENGTHS[kind]
        return f"{_shown(value)} {wrong}", f"give {right} {context[name]} {unit}{'s'[: context[name] != 1]}"
    if kind == "literal_error":
        return _not_a_choice(value, context["expected"])
    if kind == "union_tag_invalid":
        return _not_a_choice(context["tag"], context["expected_tags"])
    return detail["msg"][:1].lower() + detail["msg"][1:], shape.description(path, data)


def _unknown_key(path: KeyPath, data: dict[str, Any]) -> tuple[str, str]:
    section = shape.at(data, path[:-1])
    tag = next((name for name in VARIANT_KEYS if name in section), None) if isinstance(section, dict) else None
    of = f" of {tag}: {section[tag]}" if tag else ""
    return f"is not a known key{of}", did_you_mean(path[-1], shape.fields(path[:-1], data))


def _tags(path: KeyPath, data: dict[str, Any]) -> list[str]:
    found = shape.place(path, data)
    return [str(tag) for m in shape.variants(found.annotation if found else None) for tag in shape.tag_values(m)]


def _not_a_choice(value: Any, expected: str) -> tuple[str, str]:
    choices = [choice.strip().strip("'") for choice in expected.replace(" or ", ", ").split(",")]
    guess = did_you_mean(value, choices) if isinstance(value, str) else ""
    return f"{_shown(value)} is not a choice", guess if guess.startswith("did") else f"choose {expected}"


def _nearly_right(kind: str, value: Any) -> str | None:
    """Return the advice where only the quotes or the decimals are wrong."""
    if kind == "string_type" and isinstance(value, int | float):
        return f'put it in quotes: "{_shown(value)}"'
    if kind in {"int_type", "float_type"} and isinstance(value, str) and value.isdecimal():
        return f"write {value} without quotes"
    if kind == "int_type" and isinstance(value, float):
        return "write it without decimals"
    if kind == "bool_type" and isinstance(value, str) and value in {"true", "false"}:
        return f"write {value} without quotes"
    return None


def _shown(value: Any) -> str:
    words: dict[Any, str] = {None: "null", True: "true", False: "false"}
    text = words[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def key_path(location: tuple[int | str, ...], data: Any) -> KeyPath:
    """Return an error's location as a key path of ``data``.

    Pydantic adds the tag of a union's variant and ``[key]`` to its locations; neither is a key.
    """
    path: KeyPath = ()
    of_variant = False
    for part in location:
        if not of_variant and _is_tagged(path, data):
            of_variant = True
        elif part != "[key]":
            path, of_variant = (*path, str(part)), False
    return path


def _is_tagged(path: KeyPath, data: Any) -> bool:
    found = shape.place(path, data)
    return found is not None and any(shape.tag_values(model) for model in shape.variants(found.annotation))
