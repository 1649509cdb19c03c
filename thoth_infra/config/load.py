"""Loads an environment, or says everything that is wrong with it at once."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from thoth_infra.config import layers, messages, rules
from thoth_infra.config.environment import Environment
from thoth_infra.config.layers import Merged
from thoth_infra.config.yaml_source import KeyPath
from thoth_infra.errors import ConfigInvalid, Problem, ThothError, did_you_mean

FOLDER = "environments"
DEFAULTS = "_defaults.yaml"


@dataclass(frozen=True)
class Loaded:
    """A valid environment, and where each of its values was given."""

    environment: Environment
    merged: Merged

    @property
    def overrides(self) -> dict[str, layers.Origin]:
        """Values that don't come from the committed YAML files, by dotted key."""
        return {
            ".".join(path): origin
            for path, _ in layers.flatten(self.merged.data)
            if (origin := self.merged.origin(path)).layer in {"dotenv", "process", "options"}
        }


def names(root: Path) -> tuple[str, ...]:
    """Return the names of the project's environments: the small ones first, production last."""
    found = (f.stem for f in (root / FOLDER).glob("*.yaml") if not f.name.startswith("_"))
    order = {"dev": 0, "staging": 1, "production": 9}
    return tuple(sorted(found, key=lambda name: (order.get(name, 5), name)))


def load(
    root: Path,
    name: str,
    *,
    variables: Mapping[str, str] | None = None,
    settings: Sequence[str] = (),
    personal: bool = True,
) -> Loaded:
    """Load the environment ``name`` of the project at ``root``.

    ``variables`` is the process environment (the real one by default), ``settings`` are ``key=value``
    options; ``personal=False`` leaves both out, and ``.env.<name>`` too: the committed files alone.
    Raises ConfigInvalid with every problem, each at its file, line and key.
    """
    merged = layers.merge(_layers(root, name, variables, settings, personal))
    problems = tuple(_problems(merged, name))
    if problems:
        raise ConfigInvalid(problems)
    return Loaded(_validate(merged.data), merged)


def _layers(
    root: Path, name: str, variables: Mapping[str, str] | None, settings: Sequence[str], personal: bool
) -> list[layers.Layer]:
    folder = root / FOLDER
    if name not in names(root):
        raise ThothError(
            f"there is no environment {name!r} in {folder}",
            did_you_mean(name, names(root)) if names(root) else "create one with: thoth-infra env new NAME",
        )
    found = [
        layers.yaml_layer("defaults", folder / DEFAULTS, Path(FOLDER, DEFAULTS)),
        layers.yaml_layer("environment", folder / f"{name}.yaml", Path(FOLDER, f"{name}.yaml")),
    ]
    dotenv = root / f".env.{name}"
    if personal and dotenv.is_file():
        found.append(layers.dotenv_layer(dotenv, Path(dotenv.name)))
    if personal:
        found.append(layers.process_layer(os.environ if variables is None else variables))
    if settings:
        found.append(layers.options_layer(tuple(settings)))
    return found


def _validate(data: dict[str, Any]) -> Environment:
    # By way of JSON, where strict mode takes lists for tuples but neither "5" for 5 nor 1 for true.
    return Environment.model_validate_json(json.dumps(data), strict=True)


def _problems(merged: Merged, name: str) -> Iterator[Problem]:
    if merged.data.get("name", name) != name:
        yield _problem(
            merged, ("name",), f"{merged.data['name']!r} is not the file's name", f"write name: {name}"
        )
    try:
        _validate(merged.data)
    except ValidationError as error:
        details = error.errors(include_url=False)
    else:
        return
    seen: set[KeyPath] = set()
    for detail in details:
        if detail["type"] == "rules":
            yield from _violations(merged, detail["ctx"]["violations"])
            return
        path, wrong, right = messages.explain(detail, merged)
        if path not in seen:
            seen.add(path)
            yield _problem(merged, path, wrong, right)
    yield from _violations(merged, _rules_between_valid_sections(merged.data, details))


def _rules_between_valid_sections(
    data: dict[str, Any], details: Sequence[ErrorDetails]
) -> Iterator[rules.Violation]:
    """Yield what the rules say of the sections that are valid by themselves.

    A wrong section would otherwise hide every rule between the others until the next run. A rule that
    needs a section which is not there stops at that point.
    """
    wrong = {str(detail["loc"][0]) for detail in details if detail["loc"]}
    sections = {}
    for name, field in Environment.model_fields.items():
        if name in data and name not in wrong:
            kind = Annotated[field.annotation, *field.metadata]  # type: ignore[name-defined]
            adapter: TypeAdapter[Any] = TypeAdapter(kind)
            sections[name] = adapter.validate_json(json.dumps(data[name]), strict=True)
    partial = Environment.model_construct(**sections)
    for rule in rules.RULES:
        with contextlib.suppress(AttributeError):
            yield from rule(partial)


def _violations(merged: Merged, violations: Iterable[rules.Violation]) -> Iterator[Problem]:
    for violation in violations:
        yield _problem(merged, tuple(violation.key.split(".")), violation.wrong, violation.right)


def _problem(merged: Merged, path: KeyPath, wrong: str, right: str) -> Problem:
    origin = merged.origin(path)
    return Problem(origin.file, origin.line, ".".join(path) or "(file)", wrong, right)
