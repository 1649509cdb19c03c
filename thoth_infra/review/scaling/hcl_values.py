"""What HCL expressions are worth: a small evaluator without functions of its own."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

Scope: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Reference:
    """Something that only apply tells, by the words that name it in the text."""

    text: str


class Expression(Protocol):
    """Part of an HCL text that has a value."""

    def value(self, scope: Scope) -> Any:
        """Return the value; a ``Reference`` where it is not known before apply."""


@dataclass(frozen=True)
class Literal:
    """A value as it stands."""

    held: Any

    def value(self, scope: Scope) -> Any:  # noqa: ARG002 - as every expression
        """Return it."""
        return self.held


@dataclass(frozen=True)
class Name:
    """The first word of a path."""

    name: str

    def value(self, scope: Scope) -> Any:
        """Look it up."""
        return scope.get(self.name, Reference(self.name))


@dataclass(frozen=True)
class Get:
    """An attribute or an element."""

    whole: Expression
    key: Expression

    def value(self, scope: Scope) -> Any:
        """Take it from its whole; a local is evaluated here, in its own scope."""
        whole, key = self.whole.value(scope), self.key.value(scope)
        if isinstance(whole, Reference):
            return Reference(f"{whole.text}.{key}" if isinstance(self.key, Literal) else f"{whole.text}[{key}]")
        try:
            found = whole[int(key)] if isinstance(whole, list) else whole[key]
        except (KeyError, IndexError, TypeError):
            return Reference(f"?.{key}")
        if isinstance(found, tuple):
            expression, own = found
            return expression.value(own)
        return found


@dataclass(frozen=True)
class Join:
    """A quoted text with its interpolations."""

    parts: tuple[Expression, ...]

    def value(self, scope: Scope) -> Any:
        """Return the text; what is unknown stands as ``${its name}``."""
        found = [part.value(scope) for part in self.parts]
        return "".join(f"${{{v.text}}}" if isinstance(v, Reference) else str(v) for v in found)


@dataclass(frozen=True)
class ListOf:
    """A list."""

    items: tuple[Expression, ...]

    def value(self, scope: Scope) -> Any:
        """Return the list."""
        return [item.value(scope) for item in self.items]


@dataclass(frozen=True)
class MapOf:
    """A mapping."""

    pairs: tuple[tuple[Expression, Expression], ...]

    def value(self, scope: Scope) -> Any:
        """Return the mapping."""
        return {key.value(scope): item.value(scope) for key, item in self.pairs}


@dataclass(frozen=True)
class Call:
    """A function's call: never known here."""

    name: str
    arguments: tuple[Expression, ...]

    def value(self, scope: Scope) -> Any:  # noqa: ARG002 - as every expression
        """Return a reference that names the function."""
        return Reference(f"{self.name}(…)")


@dataclass(frozen=True)
class Conditional:
    """``condition ? yes : no``."""

    condition: Expression
    yes: Expression
    no: Expression

    def value(self, scope: Scope) -> Any:
        """Return the side that the condition chooses."""
        condition = self.condition.value(scope)
        if isinstance(condition, Reference):
            return condition
        return (self.yes if condition else self.no).value(scope)


_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "||": lambda a, b: a or b, "&&": lambda a, b: a and b, "==": operator.eq, "!=": operator.ne, "<": operator.lt,
    "<=": operator.le, ">": operator.gt, ">=": operator.ge, "+": operator.add, "-": operator.sub, "*": operator.mul,
    "/": operator.truediv, "%": operator.mod,
}  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """Two sides and the sign between them."""

    sign: str
    left: Expression
    right: Expression

    def value(self, scope: Scope) -> Any:
        """Combine the sides."""
        left = self.left.value(scope)
        if (self.sign == "&&" and left is False) or (self.sign == "||" and left is True):
            return left
        right = self.right.value(scope)
        for side in (left, right):
            if isinstance(side, Reference):
                return side
        return _OPERATORS[self.sign](left, right)


@dataclass(frozen=True)
class Query:
    """``for`` over a list or a mapping."""

    names: tuple[str, ...]
    source: Expression
    first: Expression
    second: Expression | None
    condition: Expression | None

    def value(self, scope: Scope) -> Any:
        """Return the list, or with a second part the mapping."""
        source = self.source.value(scope)
        if isinstance(source, Reference):
            return source
        rows = list(self._rows(source, scope))
        if self.second is None:
            return [self.first.value(row) for row in rows]
        return {self.first.value(row): self.second.value(row) for row in rows}

    def _rows(self, source: Any, scope: Scope) -> Iterator[Scope]:
        items = source.items() if isinstance(source, Mapping) else enumerate(source)
        for key, item in items:
            names = dict(zip(self.names, (key, item) if len(self.names) == 2 else (item,), strict=True))
            row = {**scope, **names}
            if self.condition is None or self.condition.value(row) is True:
                yield row
