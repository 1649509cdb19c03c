"""What the models say of a key: its type, its section, its description."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from thoth_infra.config.environment import Environment
from thoth_infra.config.section import VARIANT_KEYS
from thoth_infra.config.yaml_source import KeyPath


@dataclass(frozen=True)
class Place:
    """A key of the configuration: its model's field, or an item of a list or mapping."""

    section: type[BaseModel] | None
    annotation: Any


def place(path: KeyPath, data: Any = None) -> Place | None:
    """Return what the models have at ``path``, or None for an unknown key.

    ``data`` is the configuration, which says by its tag what variant a union has; without a known tag the
    first variant that has the key counts.
    """
    section: type[BaseModel] | None = None
    annotation: Any = Environment
    for part in path:
        models = variants(annotation, data)
        section, found = next(((m, m.model_fields[part]) for m in models if part in m.model_fields), (None, None))
        if found is not None:
            annotation = found.annotation
        elif models or (inner := item(annotation)) is None:
            return None
        else:
            annotation = inner
        data = _child(data, part)
    return Place(section, annotation)


def fields(path: KeyPath, data: Any) -> tuple[str, ...]:
    """Return the keys that the mapping at ``path`` may have; none where every key is free."""
    found = place(path, data)
    models = variants(found.annotation, at(data, path)) if found else ()
    return tuple(dict.fromkeys(name for model in models for name in model.model_fields))


def variants(annotation: Any, data: Any = None) -> tuple[type[BaseModel], ...]:
    """Return the models behind an annotation; of a union only the one that ``data``'s tag names."""
    annotation = plain(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    if not _is_union(annotation):
        return ()
    models = tuple(model for part in get_args(annotation) for model in variants(part))
    named = tuple(m for m in models if tag_of(data) is not None and tag_of(data) in tag_values(m))
    return named or models


def tag_of(data: Any) -> Any:
    """Return what ``data`` gives for the key that names its variant, or None."""
    return next((data[tag] for tag in VARIANT_KEYS if tag in data), None) if isinstance(data, dict) else None


def tag_values(model: type[BaseModel]) -> tuple[Any, ...]:
    """Return the values of a variant's tag; none for a model that is no variant."""
    tag = next((tag for tag in VARIANT_KEYS if tag in model.model_fields), None)
    return get_args(model.model_fields[tag].annotation) if tag else ()


def plain(annotation: Any) -> Any:
    """Strip what ``Annotated`` adds to a type."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def members(annotation: Any) -> Iterator[Any]:
    """Yield the types of a union, or the type itself, without what ``Annotated`` adds."""
    annotation = plain(annotation)
    if _is_union(annotation):
        for part in get_args(annotation):
            yield from members(part)
    else:
        yield annotation


def is_text(annotation: Any) -> bool:
    """Whether every value, but for null, is a text: then digits are a text too."""
    kinds = [kind for kind in members(annotation) if kind is not type(None)]
    return all(kind is str or _is_text_choice(kind) for kind in kinds)


def _is_text_choice(kind: Any) -> bool:
    return get_origin(kind) is Literal and all(isinstance(choice, str) for choice in get_args(kind))


def is_list(annotation: Any) -> bool:
    """Whether the value is a list."""
    return any(get_origin(kind) is tuple for kind in members(annotation))


def nullable(annotation: Any) -> bool:
    """Whether the value may be null."""
    return type(None) in members(annotation)


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def item(annotation: Any) -> Any:
    """Return the type of a list's or mapping's values, or None for another type."""
    for kind in members(annotation):
        if get_origin(kind) is dict:
            return get_args(kind)[1]
        if get_origin(kind) is tuple:
            return get_args(kind)[0]
    return None


def _child(data: Any, part: str) -> Any:
    if isinstance(data, dict):
        return data.get(part)
    if isinstance(data, list) and part.isdigit() and int(part) < len(data):
        return data[int(part)]
    return None


def at(data: Any, path: KeyPath) -> Any:
    """Return the value at ``path``, or None."""
    for part in path:
        data = _child(data, part)
    return data


@functools.cache
def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Return the text below each field of ``model`` and of the models that it extends.

    Read from the source when somebody asks: pydantic would parse every class at every start.
    """
    found = dict(descriptions(model.__base__)) if model.__base__ not in (BaseModel, None) else {}
    body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101 - the source of a class is a class
    for statement, text in zip(body.body, body.body[1:], strict=False):
        match statement, text:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(value=ast.Constant(value=str(description))):
                found[name] = inspect.cleandoc(description)
    return found


def description(path: KeyPath, data: Any = None) -> str:
    """Return the description of a key, without its full stop."""
    found = place(path, data)
    text = descriptions(found.section).get(path[-1]) if found and found.section else None
    return (text or "see docs/configuration.md").rstrip(".")
