"""Which configuration key moves which value of the tfvars, and which block of the tree: found by turning each key.

Rendering is a pure function of the environment, so each key in turn is given other values (what another environment of
the project says, the other words of a choice, one more, nothing) and what comes out is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args, get_origin

from pydantic import BaseModel

from thoth_infra.config.environment import Environment
from thoth_infra.config.section import VARIANT_KEYS
from thoth_infra.errors import ThothError
from thoth_infra.render.tree import Tree
from thoth_infra.render.variables import variables

KeyPath: TypeAlias = tuple[str, ...]
Leaves: TypeAlias = dict[KeyPath, Any]
#: A key as people write it, the place whose value is exchanged (a section, where its kind changes), and other values.
Alternative: TypeAlias = tuple[KeyPath, KeyPath, list[Any]]


@dataclass(frozen=True)
class Turned:
    """One key with another value, and what the tfvars would be then."""

    path: KeyPath
    environment: Environment
    values: Mapping[str, Any]
    changed: frozenset[KeyPath]


@dataclass
class Sensitivity:
    """Keys of one environment, turned: to what ``before`` says where it differs, or else every key to other values.

    ``render`` gives the tree of an environment; ``siblings`` are the project's others, whose values are tried.
    """

    environment: Environment
    render: Callable[[Environment], Tree]
    siblings: Sequence[Environment] = ()
    before: Environment | None = None

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """The tfvars as they are."""
        return variables(self.environment)

    @cached_property
    def turned(self) -> tuple[Turned, ...]:
        """Every key with another value; a value that can't be rendered tells nothing."""
        return tuple(self._turn())

    def keys(self, leaf: KeyPath) -> tuple[KeyPath, ...]:
        """Return the keys that the value at ``leaf``, or anything below it, follows."""
        found = (turn.path for turn in self.turned if any(_related(path, leaf) for path in turn.changed))
        return tuple(dict.fromkeys(found))

    @cached_property
    def trees(self) -> tuple[tuple[KeyPath, Tree], ...]:
        """Each key with the tree that another value of it renders."""
        found = []
        for turn in self.turned:
            try:
                found.append((turn.path, self.render(turn.environment)))
            except ThothError:
                continue
        return tuple(found)

    def _turn(self) -> Iterator[Turned]:
        now = leaves(self.values)
        for path, where, others in self._alternatives():
            for other in others:
                changed = _with(self.environment, where, other)
                try:
                    values = variables(changed)
                except Exception:  # noqa: S112 - values that no rule has checked may fail in any way
                    continue
                then = leaves(values)
                moved = {p for p in {*now, *then} if now.get(p, _ABSENT) != then.get(p, _ABSENT)}
                yield Turned(path, changed, values, frozenset(moved))

    def _alternatives(self) -> Iterator[Alternative]:
        if self.before is None:
            yield from alternatives(self.environment, self.siblings)
        else:
            yield from differing(self.environment, self.before)


_ABSENT = object()


def leaves(data: Any, path: KeyPath = ()) -> Leaves:
    """Return every leaf of nested values with its path; lists of plain values are leaves."""
    if isinstance(data, Mapping) and data:
        return {p: v for key, below in data.items() for p, v in leaves(below, (*path, str(key))).items()}
    if isinstance(data, list | tuple) and any(isinstance(each, Mapping) for each in data):
        return {p: v for index, below in enumerate(data) for p, v in leaves(below, (*path, str(index))).items()}
    return {path: list(data) if isinstance(data, tuple) else data}


def at(data: Any, path: KeyPath) -> Any:
    """Return the value at a path; None where it leads nowhere."""
    for part in path:
        data = data.get(part) if isinstance(data, Mapping) else None
    return data


def _related(path: KeyPath, leaf: KeyPath) -> bool:
    length = min(len(path), len(leaf))
    return path[:length] == leaf[:length]


def alternatives(environment: Environment, siblings: Sequence[Environment]) -> Iterator[Alternative]:
    """Yield every key with other values for it, sections that can be absent or of another kind included."""
    yield from _of_model(environment, tuple(siblings), ())


def differing(now: Any, before: Any, path: KeyPath = ()) -> Iterator[Alternative]:
    """Yield the keys that say something else than they did, with what they said."""
    if isinstance(now, BaseModel) and type(now) is type(before):
        for name in type(now).model_fields:
            yield from differing(getattr(now, name), getattr(before, name), (*path, name))
    elif isinstance(now, dict) and isinstance(before, dict):
        for name in sorted({*now, *before}):
            if name in now and name in before:
                yield from differing(now[name], before[name], (*path, name))
            elif now.get(name) != before.get(name):
                # A name that is new or gone: the whole mapping as it was is what can be exchanged.
                yield (*path, name), path, [before]
    elif now != before:
        yield _written(path, now, before), path, [before]


def _of_model(model: BaseModel, siblings: tuple[Any, ...], path: KeyPath) -> Iterator[Alternative]:
    for name, info in type(model).model_fields.items():
        now, here = getattr(model, name), (*path, name)
        others = [getattr(each, name, None) for each in siblings if hasattr(each, name)]
        if isinstance(now, BaseModel):
            whole = [each for each in others if type(each) is not type(now)]
            if type(None) in get_args(info.annotation) or not info.is_required():
                whole.append(None)
            yield from ((_written(here, now, other), here, [other]) for other in _distinct(whole, now))
            yield from _of_model(now, tuple(each for each in others if type(each) is type(now)), here)
        elif isinstance(now, dict):
            yield from _of_mapping(now, others, here)
        else:
            yield here, here, _distinct([*others, *_literals(info.annotation), *_turned(now)], now)


def _of_mapping(now: dict[str, Any], others: list[Any], path: KeyPath) -> Iterator[Alternative]:
    for key, value in now.items():
        there = tuple(each[key] for each in others if isinstance(each, dict) and key in each)
        here = (*path, key)
        if isinstance(value, BaseModel):
            yield from _of_model(value, there, here)
        else:
            yield here, here, _distinct([*there, *_turned(value)], value)


def _written(path: KeyPath, now: Any, other: Any) -> KeyPath:
    """Return the key that one writes to have a section of another kind: ``database.engine`` for ``database``."""
    if isinstance(now, BaseModel) and isinstance(other, BaseModel):
        return next(((*path, name) for name in VARIANT_KEYS if name in type(now).model_fields), path)
    return path


def _literals(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


_TURNS: tuple[tuple[type, Callable[[Any], list[Any]]], ...] = (
    (bool, lambda now: [not now]),
    (int, lambda now: [now + 1, 0]),
    (float, lambda now: [now + 1]),
    (str, lambda now: [f"{now}x"]),
    (tuple, lambda now: [now[:-1], ()] if now else []),
)


def _turned(now: Any) -> list[Any]:
    return next((turn(now) for kind, turn in _TURNS if isinstance(now, kind)), [])


def _distinct(values: list[Any], now: Any) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value != now and value not in found:
            found.append(value)
    return found


def _with(model: Any, path: KeyPath, value: Any) -> Any:
    """Return a copy of ``model`` with another value at ``path``; no rule is asked."""
    if not path:
        return value
    name, rest = path[0], path[1:]
    if isinstance(model, dict):
        return {**model, name: _with(model.get(name), rest, value)}
    below = _with(getattr(model, name), rest, value)
    return model.model_copy(update={name: below})
