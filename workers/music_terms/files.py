"""Glossaries in files: one JSON or YAML file, or the packaged folder with one YAML file a category."""

from __future__ import annotations

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from pydantic_core import from_json

from workers.music_terms.glossary import Glossary, GlossaryInvalid, parse
from workers.music_terms.words import words

# libyaml reads the packaged files ten times as fast, where PyYAML has it; but deep nesting crashes it, so that files
# of other people are read by Python.
_OWN: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FOREIGN: Any = yaml.SafeLoader
_ABOUT = "about.yaml"


class _About(BaseModel):
    """``about.yaml`` of a folder: what the glossary is, and its categories' files in the order that readers see."""

    model_config = ConfigDict(extra="forbid")

    name: str
    version: int
    language: str
    categories: list[str]


@cache
def packaged() -> Glossary:
    """Return the default glossary, which is part of this package; read once, since reading it takes 0.2 seconds."""
    return read_folder(resources.files(__package__) / "glossary")


def read(name: str, content: bytes) -> Glossary:
    """Return the glossary in a file's content; ``name`` ends in ``.json``, ``.yaml`` or ``.yml``.

    Raises:
        GlossaryInvalid: with every problem.
    """
    return parse(name, _raw(name, content, _FOREIGN))


def read_folder(folder: Traversable) -> Glossary:
    """Return the glossary of a folder: ``about.yaml`` and a file for each category that it names.

    A category's file has ``name``, ``description`` and ``terms``; its file name is the category's id. A term's id is
    its canonical form with hyphens.

    Raises:
        GlossaryInvalid: with every problem.
    """
    try:
        about = _About.model_validate(_load(folder, _ABOUT))
    except ValidationError as error:
        problems = tuple(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise GlossaryInvalid(_ABOUT, problems) from None
    categories: list[JsonValue] = []
    terms: list[JsonValue] = []
    for category in about.categories:
        entry = _load(folder, f"{category}.yaml")
        listed = entry.pop("terms", None)
        if not isinstance(listed, list):
            raise GlossaryInvalid(f"{category}.yaml", ("terms: there is no list of terms: write one",))
        categories.append({"id": category, **entry})
        terms += [_with_ids(term, category) for term in listed]
    head: dict[str, JsonValue] = {"name": about.name, "version": about.version, "language": about.language}
    return parse(folder.name, {**head, "categories": categories, "terms": terms})


def _with_ids(term: JsonValue, category: str) -> JsonValue:
    if not isinstance(term, dict):
        return term
    return {"id": "-".join(words(str(term.get("canonical", "")))), "category": category, **term}


def _load(folder: Traversable, name: str) -> dict[str, JsonValue]:
    try:
        content = (folder / name).read_bytes()
    except FileNotFoundError:
        raise GlossaryInvalid(name, ("there is no such file: add it, or remove it from about.yaml",)) from None
    raw = _raw(name, content, _OWN)
    if not isinstance(raw, dict):
        raise GlossaryInvalid(name, ("it holds no mapping: write fields with their values",))
    return raw


def _raw(name: str, content: bytes, loader: Any) -> JsonValue:
    try:
        raw: JsonValue = from_json(content) if name.endswith(".json") else yaml.load(content, Loader=loader)  # noqa: S506 - a safe one
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise GlossaryInvalid(name, (f"it can't be read: {' '.join(str(error).split())}",)) from None
    return raw
