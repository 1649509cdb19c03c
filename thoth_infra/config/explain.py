"""Answers where a value comes from: its layer, file and line, and what the layers below said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from thoth_infra.config import layers, shape
from thoth_infra.config.environment import Environment
from thoth_infra.config.layers import Merged
from thoth_infra.config.load import Loaded
from thoth_infra.config.yaml_source import KeyPath
from thoth_infra.errors import ThothError, did_you_mean

BUILT_IN = "built-in default"
DERIVED = "derived"
# Values that templates and commands use, and nobody writes.
DERIVED_KEYS = ("prefix", "public_url", "all_tags", "gpu_hourly_cost", "ecr_account")


@dataclass(frozen=True)
class Given:
    """A value as one layer gives it; ``place`` is its file and line, empty where it has none."""

    value: Any
    layer: str
    place: str


@dataclass(frozen=True)
class Explanation:
    """The effective value of one key, and what lower layers said, highest first."""

    key: str
    description: str
    effective: Given
    shadowed: tuple[Given, ...] = ()


def explain(loaded: Loaded, key: str) -> tuple[Explanation, ...]:
    """Explain ``key``, or every key below it. Raises ThothError for an unknown one, naming the nearest."""
    if key in DERIVED_KEYS:
        value = getattr(loaded.environment, key)
        description = (getattr(Environment, key).__doc__ or "").split("\n")[0].rstrip(".")
        return (Explanation(key, description, Given(value, DERIVED, "")),)
    path, node = _find(effective(loaded.environment), key)
    leaves = ((path + below, value) for below, value in layers.flatten(node))
    return tuple(_explain(loaded.merged, leaf, value) for leaf, value in leaves)


def effective(environment: Environment) -> dict[str, Any]:
    """Return every value of ``environment``, built-in defaults included, as plain data."""
    return environment.model_dump(mode="json")


def derived(environment: Environment) -> dict[str, Any]:
    """Return the values that follow from others."""
    return {key: getattr(environment, key) for key in DERIVED_KEYS}


def value(loaded: Loaded, key: str) -> Any:
    """Return the effective value of ``key``, a mapping for a section. Raises ThothError if unknown."""
    return derived(loaded.environment)[key] if key in DERIVED_KEYS else _find(effective(loaded.environment), key)[1]


def _find(data: Any, key: str) -> tuple[KeyPath, Any]:
    """Follow a dotted key; a name that itself holds dots (a tag) is taken whole."""
    path: KeyPath = ()
    rest, node = key.strip(), data
    while rest:
        known = _names(node)
        name = next((n for n in sorted(known, key=len, reverse=True) if rest == n or rest.startswith(f"{n}.")), None)
        if name is None:
            raise _unknown(key, path, rest, known)
        path, rest = (*path, name), rest[len(name) + 1 :]
        node = node[int(name)] if isinstance(node, list) else node[name]
    return path, node


def _names(node: Any) -> tuple[str, ...]:
    if isinstance(node, dict):
        return tuple(node)
    return tuple(str(index) for index in range(len(node))) if isinstance(node, list) else ()


def _unknown(key: str, path: KeyPath, rest: str, known: tuple[str, ...]) -> ThothError:
    where = ".".join(path)
    if not known:
        return ThothError(f"there is no key {key!r}: {where or 'it'} has no keys below it", f"explain {where}")
    guess = did_you_mean(rest.partition(".")[0], (*known, *(() if path else DERIVED_KEYS)))
    return ThothError(f"there is no key {key!r}{f' in {where}' if where else ''}", guess)


def _explain(merged: Merged, path: KeyPath, effective_value: Any) -> Explanation:
    given = tuple(_given(merged, path))
    top = given[0] if given and _is_in(merged.data, path) else Given(effective_value, BUILT_IN, "")
    return Explanation(
        ".".join(path),
        shape.description(path, merged.data) if not path[-1].isdigit() else "",
        Given(effective_value, top.layer, top.place),
        given[1:] if top.place else given,
    )


def _is_in(data: Any, path: KeyPath) -> bool:
    """Whether ``path`` is given at all; a built-in default isn't."""
    parent = shape.at(data, path[:-1])
    return path[-1] in _names(parent)


def _given(merged: Merged, path: KeyPath) -> Iterator[Given]:
    for layer in reversed(merged.layers):
        if _is_in(layer.data, path):
            yield Given(shape.at(layer.data, path), layer.name, str(layer.origin(path)))
