"""The layers of a configuration, lowest first, merged key by key, each value with its origin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thoth_infra.config.section import VARIANT_KEYS
from thoth_infra.config.yaml_source import KeyPath

# The layers' names, lowest first.
DEFAULTS, ENVIRONMENT, IMAGES = "defaults", "environment", "images"
DOTENV, PROCESS, OPTIONS = "dotenv", "process", "options"
COMMITTED = frozenset({DEFAULTS, ENVIRONMENT, IMAGES})


@dataclass(frozen=True)
class Origin:
    """Where a value was given: the layer's name, its file, and the line (0 where there are no lines)."""

    layer: str
    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)


@dataclass(frozen=True)
class Layer:
    """One layer: nested values, and the line of each key path."""

    name: str
    file: Path
    data: dict[str, Any]
    lines: dict[KeyPath, int] = field(default_factory=dict)
    labels: dict[KeyPath, Path] = field(default_factory=dict)
    """What stands for the file where each key has another source, such as a variable."""

    def origin(self, path: KeyPath) -> Origin:
        """Return where this layer gives the value at ``path``."""
        return Origin(self.name, self.labels.get(path, self.file), self.lines.get(path, 0))

    def gives(self, path: KeyPath) -> bool:
        """Whether this layer knows a place of its own for ``path``."""
        return path in self.lines or path in self.labels


@dataclass
class Merged:
    """All layers in one: values, and the origin of each key path."""

    layers: tuple[Layer, ...]
    data: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, Origin] = field(default_factory=dict)

    def origin(self, path: KeyPath) -> Origin:
        """Return the origin of ``path``, or of the nearest key above it."""
        while path and path not in self.origins:
            path = path[:-1]
        return self.origins[path]

    def remove(self, path: KeyPath) -> None:
        """Take the value at ``path``, which is there, and all below it away."""
        above = self.data
        for part in path[:-1]:
            above = above[part]
        del above[path[-1]]
        _forget(self, path)


def merge(layers: list[Layer]) -> Merged:
    """Merge ``layers``, lowest first: mappings key by key, every other value whole.

    A mapping that names another variant of a union than the layers below replaces theirs, since none of
    the other variant's keys would fit it.
    """
    merged = Merged(tuple(layers))
    for layer in layers:
        _merge(merged, merged.data, layer, layer.data, ())
    # A key that is missing altogether belongs into the environment's own file.
    own = next((layer for layer in layers if layer.name == ENVIRONMENT), layers[0])
    merged.origins[()] = Origin(own.name, own.file, 1)
    return merged


def _merge(merged: Merged, target: dict[str, Any], layer: Layer, source: dict[str, Any], path: KeyPath) -> None:
    for key, value in source.items():
        here, below = (*path, key), target.get(key)
        if isinstance(value, dict) and isinstance(below, dict) and not _other_variant(below, value):
            # What is missing in a section is added where the section is: in a file, not in a variable.
            if layer.name in COMMITTED:
                merged.origins[here] = layer.origin(here)
            _merge(merged, below, layer, value, here)
            continue
        if key in target:
            _forget(merged, here)
        merged.origins[here] = layer.origin(here)
        if isinstance(value, dict):
            target[key] = {}
            _merge(merged, target[key], layer, value, here)
        else:
            target[key] = value
            _note_items(merged, layer, value, here)


def _forget(merged: Merged, path: KeyPath) -> None:
    for stale in [p for p in merged.origins if p[: len(path)] == path]:
        del merged.origins[stale]


def _note_items(merged: Merged, layer: Layer, value: Any, path: KeyPath) -> None:
    children: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(value, list):
        children = iter(enumerate(value))
    elif isinstance(value, dict):
        children = iter(value.items())
    for part, child in children:
        here = (*path, str(part))
        merged.origins[here] = layer.origin(here) if layer.gives(here) else merged.origins[path]
        _note_items(merged, layer, child, here)


def _other_variant(below: dict[str, Any], above: dict[str, Any]) -> bool:
    return any(tag in above and above[tag] != below.get(tag, above[tag]) for tag in VARIANT_KEYS)


def flatten(data: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield every leaf of nested values with its key path; lists and empty mappings are leaves."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from flatten(value, (*path, key))
    else:
        yield path, data
