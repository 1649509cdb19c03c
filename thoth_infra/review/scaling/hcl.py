"""Reads the rendered Terraform: blocks with their lines, and attributes as expressions that can be evaluated.

As much of HCL as our templates use for scaling. A reference to another resource, and a function that is not known here,
evaluate to a ``Reference`` that only says its own name: what it stands for comes with apply.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from thoth_infra.review.scaling.hcl_values import (
    Call,
    Conditional,
    Expression,
    Get,
    Join,
    ListOf,
    Literal,
    MapOf,
    Name,
    Operation,
    Query,
    Scope,
)

_TOKEN = re.compile(
    r"(?P<space>[ \t\r]+|#[^\n]*|//[^\n]*|/\*.*?\*/)|(?P<line>\n)|(?P<number>\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][\w-]*)"
    r'|(?P<quote>")|(?P<sign>\.\.\.|=>|==|!=|<=|>=|&&|\|\||[-+*/%!<>?:=.,(){}\[\]])',
    re.DOTALL,
)
# Loosest first.
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%"))


class HclError(ValueError):
    """A text that is not HCL, or more of it than is read here."""


@dataclass(frozen=True)
class Token:
    """A piece of the text: its kind, what it says and its line; a quoted text carries its parts."""

    kind: str
    text: str
    line: int
    parts: tuple[Expression, ...] = ()


@dataclass
class Block:
    """A block with its labels, its line, its attributes with their lines, and its nested blocks."""

    kind: str
    labels: tuple[str, ...]
    line: int
    attributes: dict[str, tuple[Expression, int]] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)

    def of(self, kind: str) -> Iterator[Block]:
        """Yield the nested blocks of a kind."""
        return (block for block in self.blocks if block.kind == kind)

    def value(self, name: str, scope: Scope, default: Any = None) -> Any:
        """Return an attribute's value; ``default`` where it is not given."""
        return self.attributes[name][0].value(scope) if name in self.attributes else default

    def line_of(self, name: str) -> int:
        """Return an attribute's line, or the block's own where it is not given."""
        return self.attributes[name][1] if name in self.attributes else self.line


@functools.lru_cache(maxsize=16)
def parse(text: str) -> Block:
    """Return a file's top-level blocks within one block of kind ``file``, not to be changed. Raises HclError."""
    return _Parser(list(_tokens(text, 1))).file()


def _tokens(text: str, line: int) -> Iterator[Token]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise HclError(f"line {line}: can't read {text[position : position + 20]!r}")
        position = match.end()
        if match.lastgroup == "quote":
            parts, position = _template(text, position, line)
            yield Token("text", "", line, parts)
        elif match.lastgroup != "space":
            yield Token(match.lastgroup, match.group(), line)
        line += match.group().count("\n")


def _template(text: str, position: int, line: int) -> tuple[tuple[Expression, ...], int]:
    """Read a quoted text from behind its quote; return its parts and where it ends."""
    parts: list[Expression] = []
    plain = ""
    while text[position] != '"':
        if text.startswith(("$${", "%%{"), position):
            plain, position = plain + text[position] + "{", position + 3
        elif text.startswith("${", position):
            end = _closing(text, position + 2)
            inner = _Parser(list(_tokens(text[position + 2 : end], line)))
            parts += [Literal(plain), inner.expression()]
            plain, position = "", end + 1
        elif text[position] == "\\":
            plain += {"n": "\n", "t": "\t", "r": "\r"}.get(text[position + 1], text[position + 1])
            position += 2
        else:
            plain, position = plain + text[position], position + 1
    return (*parts, Literal(plain)), position + 1


def _closing(text: str, position: int) -> int:
    depth = 0
    while text[position] != "}" or depth:
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        position += 1
    return position


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def file(self) -> Block:
        found = Block("file", (), 1)
        self._body(found)
        return found

    def _body(self, block: Block) -> None:
        while (token := self._skip_lines()) is not None and token.text != "}":
            word = self._take("word")
            if self._is("="):
                block.attributes[word.text] = (self.expression(), word.line)
                continue
            labels = []
            while (token := self._peek()) is not None and token.kind in {"text", "word"}:
                self._at += 1
                labels.append(token.text or str(Join(token.parts).value({})))
            self._expect("{")
            nested = Block(word.text, tuple(labels), word.line)
            self._body(nested)
            self._expect("}")
            block.blocks.append(nested)

    def expression(self) -> Expression:
        condition = self._operation(0)
        if not self._is("?"):
            return condition
        yes = self.expression()
        self._expect(":")
        return Conditional(condition, yes, self.expression())

    def _operation(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._unary()
        found = self._operation(level + 1)
        while (token := self._peek()) is not None and token.text in _LEVELS[level]:
            self._at += 1
            found = Operation(token.text, found, self._operation(level + 1))
        return found

    def _unary(self) -> Expression:
        for sign, zero in (("!", True), ("-", 0)):
            if self._is(sign):
                return Operation("!=" if sign == "!" else "-", Literal(zero), self._unary())
        found = self._primary()
        while True:
            if self._is("."):
                found = Get(found, Literal(self._next().text))
            elif (token := self._peek()) is not None and token.text == "[":
                self._at += 1
                found = Get(found, self.expression())
                self._expect("]")
            else:
                return found

    def _primary(self) -> Expression:
        token = self._next()
        match token.kind, token.text:
            case "number", text:
                return Literal(float(text) if "." in text else int(text))
            case "text", _:
                return Join(token.parts)
            case "word", "true" | "false" | "null":
                return Literal({"true": True, "false": False}.get(token.text))
            case "word", name:
                return Call(name, self._items(")")) if self._is("(") else Name(name)
            case _, "(":
                found = self.expression()
                self._expect(")")
                return found
            case _, "[":
                return self._query("]") or ListOf(self._items("]"))
            case _, "{":
                return self._query("}") or self._mapping()
        raise HclError(f"line {token.line}: {token.text!r} is not expected")

    def _items(self, end: str) -> tuple[Expression, ...]:
        found = []
        while self._skip_lines() is not None and not self._is(end):
            found.append(self.expression())
            self._is("...")
            self._skip_lines()
            self._is(",")
        return tuple(found)

    def _mapping(self) -> Expression:
        pairs = []
        while self._skip_lines() is not None and not self._is("}"):
            token = self._peek()
            key = self.expression()
            name = Literal(token.text) if token and token.kind == "word" and isinstance(key, Name) else key
            if not self._is("="):
                self._expect(":")
            pairs.append((name, self.expression()))
            self._skip_lines()
            self._is(",")
        return MapOf(tuple(pairs))

    def _query(self, end: str) -> Expression | None:
        """Read ``for a, b in x : …``, in brackets or braces whose first sign is read already."""
        before = self._at
        token = self._skip_lines()
        if token is None or (token.kind, token.text) != ("word", "for"):
            self._at = before
            return None
        self._at += 1
        names = [self._take("word").text]
        while self._is(","):
            names.append(self._take("word").text)
        self._word("in")
        source = self.expression()
        self._expect(":")
        self._skip_lines()
        first = self.expression()
        second = self.expression() if self._is("=>") else None
        self._is("...")
        condition = None
        if (token := self._skip_lines()) is not None and token.text == "if":
            self._at += 1
            condition = self.expression()
        self._skip_lines()
        self._expect(end)
        return Query(tuple(names), source, first, second, condition)

    def _skip_lines(self) -> Token | None:
        while (token := self._peek()) is not None and token.kind == "line":
            self._at += 1
        return token

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> Token:
        token = self._peek()
        if token is None:
            raise HclError("the text ends too early")
        self._at += 1
        return token

    def _is(self, sign: str) -> bool:
        token = self._peek()
        if token is None or token.kind != "sign" or token.text != sign:
            return False
        self._at += 1
        return True

    def _expect(self, sign: str) -> None:
        if not self._is(sign):
            token = self._peek()
            raise HclError(f"line {token.line if token else '?'}: {sign!r} is expected")

    def _take(self, kind: str) -> Token:
        token = self._next()
        if token.kind != kind:
            raise HclError(f"line {token.line}: a {kind} is expected, not {token.text!r}")
        return token

    def _word(self, text: str) -> None:
        if self._take("word").text != text:
            raise HclError(f"{text!r} is expected")


def scope(values: Mapping[str, Any], *files: Block) -> Scope:
    """Return what expressions of a module see: its variables, and the locals of its files, evaluated when asked."""
    found: dict[str, Any] = {"var": values}
    found["local"] = {
        name: (expression, found)
        for file in files
        for block in file.of("locals")
        for name, (expression, _) in block.attributes.items()
    }
    return found
