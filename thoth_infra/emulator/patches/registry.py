"""What a patch is, and the three ways to write one: add an action, wrap a method, replace a property.

A patch's function makes the change and its docstring says what moto does wrong and what the provider needs.
``needed`` is asked right before: where a newer moto does it itself, the patch stays out of the way. State goes on
moto's backends and models (:func:`kept_on`), never into a closure, so that snapshots and resets see it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any


@dataclass(frozen=True)
class Patch:
    """One correction of moto; ``service`` is the moto backend whose first request it precedes."""

    service: str
    name: str
    why: str
    needed: Callable[[], bool]
    apply: Callable[[], None]


PATCHES: list[Patch] = []


def patch(service: str, needed: Callable[[], bool]) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Decorator: register the function as a patch of ``service``."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        PATCHES.append(Patch(service, function.__name__, function.__doc__ or "", needed, function))
        return function

    return register


def lacks(owner: type, *actions: str) -> Callable[[], bool]:
    """A ``needed``: moto's response class has not all of these actions (snake_case methods)."""
    return lambda: not all(hasattr(owner, action) for action in actions)


def ignores(owner: Any, *words: str) -> Callable[[], bool]:
    """A ``needed``: a class or function mentions none of these names or constants, so it can't treat them."""
    return lambda: not any(word in _words(owner) for word in words)


def _words(owner: Any) -> set[object]:
    owner = getattr(owner, "fget", owner)  # a property's code is in its getter
    members = vars(owner).values() if isinstance(owner, type) else [owner]
    return {word for member in members for code in _codes(member) for word in (*code.co_names, *code.co_consts)}


def _codes(member: Any) -> Iterator[CodeType]:
    member = getattr(member, "fget", member)
    pending = [member.__code__] if isinstance(member, FunctionType) else []
    while pending:
        code = pending.pop()
        yield code
        pending.extend(inner for inner in code.co_consts if isinstance(inner, CodeType))


def action(owner: type) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Decorator: add an action to a response class; moto dispatches to it by its snake_case name."""

    def add(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        setattr(owner, function.__name__, function)
        return function

    return add


def wrap(owner: Any, *names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: put ``function(original, self, *args, **kwargs)`` in place of each of ``owner``'s methods."""

    def replace(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            setattr(owner, name, _around(getattr(owner, name), function))
        return function

    return replace


def _around(original: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def method(*args: Any, **kwargs: Any) -> Any:
        return function(original, *args, **kwargs)

    return method


def kept_on(owner: Any, name: str) -> dict[Any, Any]:
    """A dictionary of ours on a moto backend or model, created empty on first use."""
    kept: dict[Any, Any] = vars(owner).setdefault(f"thoth_{name}", {})
    return kept
