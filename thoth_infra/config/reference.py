"""Generates ``docs/configuration.md`` from the models: every key, its type, default, meaning and variables.

``python -m thoth_infra.config.reference`` rewrites it and the JSON Schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from thoth_infra.config import catalogue, schema, shape, values
from thoth_infra.config.environment import Environment
from thoth_infra.config.section import VARIANT_KEYS
from thoth_infra.config.sources import ENV_KEYS
from thoth_infra.config.values import Matching, OneOf
from thoth_infra.files import write_atomic

DOCUMENT = Path("docs", "configuration.md")
SCHEMA = Path("docs", "environments.schema.json")

_INTRODUCTION = """\
# Configuration

<!-- Generated from the models by `python -m thoth_infra.config.reference`. Do not edit. -->

`environments/<env>.yaml` is the only file to edit to change an environment; `environments/_defaults.yaml`
holds what all of them share. `thoth-infra env check` says everything that is wrong, each with file, line and
key; `thoth-infra env explain KEY --env ENV` says where a value comes from.

Layers, lowest first. Each sets single keys of the layers below; lists and values are replaced as a whole, and
so is a mapping that names another `type` or `kind`.

| layer | where | what it may set |
| --- | --- | --- |
| built-in defaults | this page's column *default* | |
| defaults | `environments/_defaults.yaml` | every key |
| environment | `environments/<env>.yaml` | every key |
| images | `environments/<env>.images.lock`, written by `thoth-infra images push` | `images.tag` and `images.digests` |
| dotenv | `.env.<env>`, ignored by git | the keys of `.env.example` |
| process | `THOTH_*` variables | every key: `THOTH_NETWORK__NAT` sets `network.nat` |
| options | `--set KEY=VALUE` | every key |

YAML is read as YAML 1.2: `no` and `22:00` are texts. Anchors, aliases, merge keys and tags are refused. An
empty variable sets nothing; lists in variables are separated by commas.

The editor completes and checks keys with `docs/environments.schema.json` (`thoth-infra env schema`).
"""


@dataclass(frozen=True)
class Row:
    """One key of the reference, with the cells of its table row."""

    key: str
    kind: str
    default: str
    description: str


def document() -> str:
    """Return the text of ``docs/configuration.md``."""
    fields = Environment.model_fields.items()
    general = [_row((n,), Environment, n, info) for n, info in fields if not list(_rows((n,), info.annotation))]
    parts = [_INTRODUCTION, _table("General", "", general)]
    for name, info in fields:
        rows = list(_rows((name,), info.annotation))
        if rows:
            about = shape.descriptions(Environment).get(name, "")
            nullable = " May be `null`." if shape.nullable(info.annotation) else ""
            parts.append(_table(f"`{name}`", about + nullable, rows))
    parts.append(_instances())
    return "\n".join(parts)


def _rows(path: tuple[str, ...], annotation: Any, variant: str = "") -> Iterator[Row]:
    """Yield the rows of every key below ``path``."""
    models = shape.variants(annotation)
    inner = shape.item(annotation)
    if not models and inner is not None and shape.variants(inner):
        yield from _rows((*path, "<name>"), inner)
    for model in models:
        tag = ", ".join(map(str, shape.tag_values(model)))
        for name, info in model.model_fields.items():
            if list(_rows((*path, name), info.annotation)):
                yield from _rows((*path, name), info.annotation)
            else:
                yield _row((*path, name), model, name, info, tag or variant)


def _row(path: tuple[str, ...], model: type[BaseModel], name: str, info: FieldInfo, variant: str = "") -> Row:
    dotted = ".".join(path)
    of = f" (of {variant})" if variant and name not in VARIANT_KEYS else ""
    variables = [f"`{key}`" for key, target in ENV_KEYS.items() if target == dotted.replace("<name>", "main")]
    meaning = " ".join(shape.descriptions(model).get(name, "Tells the variants apart.").split())
    names = f" Variable: {', '.join(variables)}." if variables else ""
    return Row(f"`{dotted}`{of}", _kind(info), _default(info), meaning + names)


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "-"
    value = info.get_default(call_default_factory=True)
    plain = list(value) if isinstance(value, tuple) else value
    return f"`{json.dumps(plain)}`"


def _kind(info: FieldInfo) -> str:
    """Say a field's type and what it allows, for people."""
    null = " or null" if shape.nullable(info.annotation) else ""
    kind: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    return _kind_of(kind) + null


def _kind_of(annotation: Any) -> str:
    notes = _notes(annotation)
    kind = next(k for k in shape.members(annotation) if k is not type(None))
    inner = next((a for a in get_args(shape.plain(annotation)) if a is not type(None)), None)
    if get_origin(kind) is Literal:
        return " / ".join(f"`{choice}`" for choice in get_args(kind))
    if get_origin(kind) is tuple:
        return f"list of {_kind_of(get_args(kind)[0])}{notes}"
    if get_origin(kind) is dict:
        key, value = get_args(kind)
        return f"mapping of {_kind_of(key)} to {_kind_of(value)}{notes}"
    if get_origin(inner) is Annotated and not notes:
        notes = _notes(inner)
    return {str: "text", int: "whole number", float: "number", bool: "true or false"}[kind] + notes


_BOUNDS = {"ge": "from", "gt": "above", "le": "to", "min_length": "at least", "max_length": "at most"}


def _notes(annotation: Any) -> str:
    notes: list[str] = []
    for data in getattr(annotation, "__metadata__", ()):
        notes.extend(_note(part) for part in (getattr(data, "metadata", None) or [data]))
    found = [note for note in notes if note]
    return f", {', '.join(found)}".replace(", to ", " to ") if found else ""


def _note(data: Any) -> str:
    match data:
        case Matching():
            example, parenthesis, more = data.example.partition(" (")
            return f"like `{example}`{parenthesis}{more}"
        case OneOf():
            return "one of " + ", ".join(f"`{choice}`" for choice in data.choices)
    for name, words in _BOUNDS.items():
        if (bound := getattr(data, name, None)) is not None:
            return f"{words} {bound}"
    return values.VALIDATORS.get(getattr(data, "func", None), "")


def _table(title: str, about: str, rows: list[Row]) -> str:
    lines = [f"## {title}", "", *([about, ""] if about else [])]
    lines += ["| key | value | default | meaning |", "| --- | --- | --- | --- |"]
    for row in rows:
        cells = (row.key, row.kind, row.default, row.description)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _instances() -> str:
    lines = [
        "## GPU instance types",
        "",
        f"Prices: US dollars per hour, Linux on demand, us-east-1, as of {catalogue.PRICES_AS_OF.isoformat()}.",
        "*Task memory* is what one host has for tasks after the system's and the agent's reserve.",
        "",
        "| type | vCPU | memory | task memory | GPUs | network interfaces for tasks | price |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{t.name}` | {t.vcpus} | {t.memory_mib // 1024} GiB | {t.task_memory_mib} MiB |"
        f" {t.gpus} {t.gpu_name}, {t.gpu_memory_gib} GiB | {t.task_enis} | {t.hourly} |"
        for t in catalogue.GPU_INSTANCE_TYPES.values()
    ]
    return "\n".join(lines) + "\n"


def write(root: Path) -> None:
    """Write both generated files of the project at ``root``."""
    write_atomic(root / DOCUMENT, document())
    write_atomic(root / SCHEMA, schema.text())


if __name__ == "__main__":
    write(Path.cwd())
