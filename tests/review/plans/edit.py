"""A project folder with a case's change in it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.review.plans.case import DROP, Case

ROOT = Path(__file__).resolve().parents[3]
EXTRAS = Path(__file__).with_name("extras.tf.j2")
#: What is applied differs from the committed environments in this, so that the plans can hold the changes away from it.
BASES: dict[str, dict[str, Any]] = {
    "staging": {},
    "production": {},
    "dev": {
        "network.interface_endpoints": ["sqs", "logs"],
        "edge.allow_list": ["203.0.113.0/24", "198.51.100.0/24"],
        "images.registry": "own",
    },
}


def project(case: Case, folder: Path) -> Path:
    """Make the project of ``case`` in ``folder``, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "environments", folder / "environments")
    shutil.copytree(ROOT / "templates", folder / "templates")
    shutil.copy(ROOT / ".terraform-version", folder)
    if case.on == "dev":
        shutil.copy(EXTRAS, folder / "templates" / "60-extras.tf.j2")
    _set(folder / "environments" / f"{case.on}.yaml", {**BASES[case.on], **case.config})
    for name, old, new in case.template:
        _replace(folder / "templates" / (name or "61-more.tf.j2"), old, new)
    return folder


def _set(file: Path, values: dict[str, Any]) -> None:
    if not values:
        return
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    for key, value in values.items():
        *above, last = key.split(".")
        node = data
        for part in above:
            node = node.setdefault(part, {})
        if value is DROP:
            del node[last]
        else:
            node[last] = value
    file.write_text(yaml.safe_dump(data, sort_keys=False, default_flow_style=False), encoding="utf-8")


def _replace(file: Path, old: str, new: str) -> None:
    if not old:
        file.write_text(new, encoding="utf-8")
        return
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{file.name} does not hold {old!r}"
    file.write_text(text.replace(old, new), encoding="utf-8")
