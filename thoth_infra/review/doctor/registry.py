"""What a check is, and the list of all of them in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from thoth_infra.config.environment import Environment
from thoth_infra.review.doctor.context import Context
from thoth_infra.review.doctor.findings import Answer

# What a check concerns: the machine alone; a project's files for one environment; its account; what was applied there.
Scope = Literal["machine", "project", "account", "estate"]


@dataclass(frozen=True)
class Check:
    """One check. ``needs``: checks that must not have failed; ``actions``: what IAM must let it do.

    ``environments_only``: it does not concern the shared account's side.
    """

    name: str
    scope: Scope
    look: Callable[[Context], Answer]
    needs: tuple[str, ...]
    actions: tuple[str, ...]
    environments_only: bool

    @property
    def about(self) -> str:
        """What it looks at, in a sentence."""
        return (self.look.__doc__ or "").strip()

    def concerns(self, context: Context) -> bool:
        """Whether it has anything to say about what is looked at."""
        known = context.root_module is None or isinstance(context.root_module, Environment)
        return known or not self.environments_only


CHECKS: Final[list[Check]] = []


def check(
    name: str,
    scope: Scope,
    *,
    needs: tuple[str, ...] = (),
    actions: tuple[str, ...] = (),
    environments_only: bool = False,
) -> Callable[[Callable[[Context], Answer]], Callable[[Context], Answer]]:
    """Decorator: register a function as a check."""

    def register(look: Callable[[Context], Answer]) -> Callable[[Context], Answer]:
        assert set(needs) <= {known.name for known in CHECKS}, name  # noqa: S101 - what is needed stands earlier
        everything = (*_ALWAYS[scope], *needs)
        only = environments_only or scope == "estate"
        CHECKS.append(Check(name, scope, look, tuple(dict.fromkeys(everything)), actions, only))
        return look

    return register


# Without these a check of the scope could only repeat what they have said.
_ALWAYS: Final[dict[Scope, tuple[str, ...]]] = {
    "machine": (),
    "project": (),
    "account": (),
    "estate": ("applied",),
}
