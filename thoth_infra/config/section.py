"""The base of every part of the configuration, and how a part says that a value is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

# The keys by which the variants of a union are told apart: `launch.type`, `scaling.kind`, `database.engine`.
VARIANT_KEYS = ("type", "kind", "engine")


@dataclass(frozen=True)
class Violation:
    """A rule that does not hold: the dotted key to mend, what is wrong, what would be right."""

    key: str
    wrong: str
    right: str


class Section(BaseModel):
    """A part of the configuration: frozen, no key that is not declared, and rules between its keys.

    Models are built when they are first used: the root is, and its parts are then built once, in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def violations(self) -> Iterator[Violation]:
        """Yield every rule between this section's own keys that does not hold; keys are relative to it.

        A section that lacks a key, because its value was refused, is asked too: such a rule then ends in
        AttributeError, and the caller leaves it at that.
        """
        yield from ()

    @model_validator(mode="after")
    def _rules_hold(self) -> Self:
        found = tuple(self.violations())
        if found:
            raise PydanticCustomError("violations", "rules do not hold", {"violations": found})
        return self


def refusal(wrong: str, right: str) -> PydanticCustomError:
    """Return the error of a single value's validator: what is wrong with it, and what would be right."""
    return PydanticCustomError("refused", "{wrong}; {right}", {"wrong": wrong, "right": right})
