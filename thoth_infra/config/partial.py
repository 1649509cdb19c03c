"""What of a configuration with problems is valid, so that rules between its valid parts are judged too.

A wrong value would otherwise hide every rule of every section until the next run.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from thoth_infra.config import shape
from thoth_infra.config.section import Section
from thoth_infra.config.yaml_source import KeyPath

_MISSING: Any = object()


@dataclass
class Partial:
    """A section without its invalid keys, and the path of each section in it that lacks some."""

    sections: dict[KeyPath, Section] = field(default_factory=dict)

    def build(self, model: type[Section], data: dict[str, Any], path: KeyPath = ()) -> Section:
        """Return a ``model`` of what is valid in ``data``; any other key raises AttributeError when read."""
        values = {name: self._value(model, name, data, (*path, name)) for name in model.model_fields}
        section = model.model_construct(**{k: v for k, v in values.items() if v is not _MISSING})
        for name in values:
            # A default in place of a refused value would let rules speak of what nobody has written.
            if values[name] is _MISSING:
                section.__dict__.pop(name, None)
        self.sections[path] = section
        return section

    def _value(self, model: type[Section], name: str, data: dict[str, Any], path: KeyPath) -> Any:
        info = model.model_fields[name]
        if name not in data:
            return _MISSING if info.is_required() else info.get_default(call_default_factory=True)
        try:
            return _adapter(model, name).validate_json(json.dumps(data[name]), strict=True)
        except ValidationError:
            return self._parts(info.annotation, data[name], path)

    def _parts(self, annotation: Any, data: Any, path: KeyPath) -> Any:
        if not isinstance(data, dict):
            return _MISSING
        found = [model for model in shape.variants(annotation, data) if issubclass(model, Section)]
        if len(found) == 1:
            return self.build(found[0], data, path)
        if get_origin(shape.plain(annotation)) is not dict:
            return _MISSING
        key_kind, kind = get_args(shape.plain(annotation))
        named = TypeAdapter(key_kind)
        items = {k: self._parts(kind, v, (*path, k)) for k, v in data.items() if _valid(named, k)}
        return _MISSING if _MISSING in items.values() else items


@functools.cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    info = model.model_fields[name]
    kind: Any = Annotated[info.annotation, info] if info.discriminator or info.metadata else info.annotation
    return TypeAdapter(kind)


def _valid(adapter: TypeAdapter[Any], value: Any) -> bool:
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True


def sections(model: type[Section], data: dict[str, Any]) -> Iterator[tuple[KeyPath, Section]]:
    """Yield each section of ``data`` that lacks a key, with its path; the whole ``model`` last."""
    partial = Partial()
    partial.build(model, data)
    yield from partial.sections.items()
