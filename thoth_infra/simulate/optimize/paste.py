"""The YAML to paste: only the keys that change, and what they were."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from thoth_infra.config import explain
from thoth_infra.config.load import Loaded
from thoth_infra.simulate.optimize.space import Settings

# Why a key is changed: to less, to more.
_WHY: Final[Mapping[str, tuple[str, str]]] = {
    "min": ("fewer tasks wait in quiet hours", "a task is ready when work comes"),
    "max": ("more are not needed", "peaks are worked off sooner"),
    "messages_per_task": ("tasks are added sooner", "fewer tasks share what waits"),
    "scale_in_minutes": ("idle tasks go sooner", "a pause costs no new start"),
    "spot_percent": ("fewer interruptions", "spot is cheaper"),
    "weight_percent": ("fewer interruptions", "spot is cheaper"),
    "base_tasks": ("spot is cheaper", "these are never interrupted"),
    "on_demand.max": ("more are not needed", "room for the tasks of this market"),
    "spot.max": ("more are not needed", "room for the tasks of this market"),
    "instance_type": ("cheaper for what it does", "cheaper for what it does"),
    "alternatives": ("the pool's other types", "the pool's other types"),
}


def text(loaded: Loaded, settings: Settings, heading: str = "") -> str:
    """Return ``settings`` as YAML for ``environments/<env>.yaml``, each key with its reason and its value before."""
    tree: dict[str, Any] = {}
    for key, value in settings:
        node = tree
        *above, last = key.split(".")
        for part in above:
            node = node.setdefault(part, {})
        node[last] = (json.loads(value), _note(loaded, key, json.loads(value)))
    lines = [f"# {line}" for line in heading.splitlines()]
    return "\n".join([*lines, *_lines(tree, 0)]) + "\n"


def _lines(tree: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield f"{'  ' * depth}{key}:"
            yield from _lines(value, depth + 1)
        else:
            held, note = value
            yield f"{'  ' * depth}{key}: {_flow(held)} # {note}"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    plain = isinstance(value, str) and value.replace(".", "").replace("-", "").isalnum() and value[0].isalpha()
    return value if plain else json.dumps(value)


def _note(loaded: Loaded, key: str, value: Any) -> str:
    before = explain.value(loaded, key)
    why = next((words for end, words in _WHY.items() if key.endswith(f".{end}")), None)
    was = "the night is worked through" if key == "off_hours" and value is None else f"was {_flow(before)}"
    if why is None or key == "off_hours":
        return was
    more = isinstance(value, int) and isinstance(before, int) and value > before
    return f"{was}: {why[more]}"


def merged(own: Mapping[str, Any], pasted: Mapping[str, Any]) -> dict[str, Any]:
    """Return an environment's own keys with pasted ones over them, as somebody would write them into the file."""
    found = dict(own)
    for key, value in pasted.items():
        below = found.get(key)
        found[key] = merged(below, value) if isinstance(value, dict) and isinstance(below, dict) else value
    return found
