"""Loads an environment, or says everything that is wrong with it at once."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from thoth_infra.config import images_lock, layers, messages, partial, rules, sources
from thoth_infra.config.environment import Environment
from thoth_infra.config.layers import Layer, Merged
from thoth_infra.config.section import Section, Violation
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
            if (origin := self.merged.origin(path)).layer not in layers.COMMITTED
        }


def names(root: Path) -> tuple[str, ...]:
    """Return the names of the project's environments: the small ones first, production last."""
    found = (f.stem for f in (root / FOLDER).glob("*.yaml") if not f.name.startswith(("_", ".")))
    order = {"dev": 0, "staging": 1, "production": 9}
    return tuple(sorted(found, key=lambda name: (order.get(name, 5), name)))


def lock_file(root: Path, name: str) -> Path:
    """Return where the digests of an environment's images are recorded."""
    return root / FOLDER / f"{name}{images_lock.SUFFIX}"


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
    options; ``personal=False`` leaves out the process and ``.env.<name>``: the committed files, and
    ``settings`` over them. Raises ConfigInvalid with every problem, each at its file, line and key.
    """
    merged = layers.merge(_layers(root, name, variables, settings, personal))
    images_lock.give_way(merged)
    problems = set(_wrong_name(merged, name))
    if problems:
        merged.data["name"] = name  # so that no rule judges by the wrong one
    try:
        # By way of JSON, where strict mode takes lists for tuples but neither "5" for 5 nor 1 for true.
        environment = Environment.model_validate_json(json.dumps(merged.data), strict=True)
    except ValidationError as error:
        problems.update(_problems(merged, name, error))
    if problems:
        raise ConfigInvalid(problems)
    return Loaded(environment, merged)


def _layers(
    root: Path, name: str, variables: Mapping[str, str] | None, settings: Sequence[str], personal: bool
) -> list[Layer]:
    folder, known = root / FOLDER, names(root)
    if name not in known:
        raise ThothError(
            f"there is no environment {name!r} in {folder}",
            did_you_mean(name, known) if known else "restore the folder, or change to the project's root",
        )
    dotenv = root / f".env.{name}"
    wanted: list[Callable[[], Layer]] = [
        lambda: sources.yaml_layer(layers.DEFAULTS, folder / DEFAULTS, Path(FOLDER, DEFAULTS)),
        lambda: sources.yaml_layer(layers.ENVIRONMENT, folder / f"{name}.yaml", Path(FOLDER, f"{name}.yaml")),
    ]
    if lock_file(root, name).is_file():
        wanted.append(lambda: images_lock.layer(lock_file(root, name), Path(FOLDER, lock_file(root, name).name)))
    if personal and dotenv.is_file():
        wanted.append(lambda: sources.dotenv_layer(dotenv, Path(dotenv.name)))
    if personal:
        wanted.append(lambda: sources.process_layer(os.environ if variables is None else variables))
    if settings:
        wanted.append(lambda: sources.options_layer(tuple(settings)))
    return _read(wanted)


def _read(wanted: list[Callable[[], Layer]]) -> list[Layer]:
    """Read all layers; what several of them can't be read for is raised at once."""
    found: list[Layer] = []
    problems: list[Problem] = []
    for read in wanted:
        try:
            found.append(read())
        except ConfigInvalid as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigInvalid(problems)
    return found


def _wrong_name(merged: Merged, name: str) -> Iterator[Problem]:
    given = merged.data.get("name", name)
    if given != name:
        wrong = f"{given!r} is not the file's name"
        yield _problem(merged, ("name",), wrong, f"write name: {name}, or rename the file")


def _problems(merged: Merged, name: str, error: ValidationError) -> Iterator[Problem]:
    details = error.errors(include_url=False)
    own_file = Path(FOLDER, f"{name}.yaml")
    for detail in details:
        for path, wrong, right in messages.explain(detail, merged.data):
            if wrong == "is missing" and merged.origin(path).layer not in layers.COMMITTED:
                right = right.replace("add it", f"add it to {own_file}")
            yield _problem(merged, path, wrong, right)
    if all(detail["type"] == "violations" and not detail["loc"] for detail in details):
        return  # the environment's own rules are the only problem, and have all been asked
    for path, section in partial.sections(Environment, merged.data):
        with contextlib.suppress(AttributeError):  # a rule that needs what was refused
            for violation in _rules_of(section):
                yield _problem(merged, *messages.absolute(path, violation))


def _rules_of(section: Section) -> Iterator[Violation]:
    if isinstance(section, Environment):
        return rules.violations(section, incomplete=True)
    return section.violations()


def _problem(merged: Merged, path: KeyPath, wrong: str, right: str) -> Problem:
    origin = merged.origin(path)
    return Problem(origin.file, origin.line, ".".join(path) or "(file)", wrong, right)
