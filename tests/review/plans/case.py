"""What a labelled plan is: a change, and what a careful engineer says that it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """A change to one applied environment, and what it does.

    The change is any of: ``config`` (dotted key → value; ``DROP`` takes it away), ``template`` (a file below
    ``templates/``, a text in it and what stands there instead; an empty file name adds a template), ``outside`` (made
    in AWS, behind Terraform's back), ``options`` of the plan.

    ``loss``, ``security``, ``downtime``, ``cost`` are the addresses that the change does that to, with ``*`` for any
    run of characters; whatever else the plan changes is harmless. ``keys``: address → what caused it, a configuration
    key or a template; ``""`` stands for all other replacements.
    """

    name: str
    on: str = "staging"
    config: Mapping[str, Any] = field(default_factory=dict)
    template: tuple[tuple[str, str, str], ...] = ()
    outside: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    loss: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    downtime: tuple[str, ...] = ()
    cost: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)


#: Takes a configuration key away.
DROP = object()
