"""The project under test: its committed trees, copies to damage, and the pinned Terraform to ask."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest

from thoth_infra.render import hcl

PROJECT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("dev", "staging", "production")
# The shared account's side is a root module like an environment's.
ROOTS = (*ENVIRONMENTS, "shared")
PARTS = ("environments", "templates", "terraform", ".github", ".terraform-version")


def copy_project(target: Path) -> Path:
    """Copy what rendering reads and writes, and return the copy's root."""
    for part in PARTS:
        source = PROJECT / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns(".terraform"), symlinks=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / part)
    return target


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file below ``folder``, by relative path."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@cache
def terraform() -> str:
    """Return the path of the pinned Terraform; skip the test where the machine has none."""
    pin = (PROJECT / ".terraform-version").read_text().strip()
    found = shutil.which("terraform")
    if found is None:
        pytest.skip("no terraform on PATH")
    answer = subprocess.run([found, "version", "-json"], capture_output=True, text=True, check=True)
    if json.loads(answer.stdout)["terraform_version"] != pin:
        pytest.skip(f"terraform on PATH is not {pin}")
    return found


def read_back(folder: Path, values: Mapping[str, Any]) -> Any:
    """Write ``values`` as a tfvars map and return what the real Terraform reads there."""
    _write(folder, values)
    return evaluate(folder, "var.values")


def read_back_strings(folder: Path, strings: Mapping[str, str]) -> dict[str, str]:
    """The same for strings of every kind.

    One by one in base64: Terraform's ``jsonencode`` normalises the JSON that it has made, and so turns the "e"
    of an escaped U+001E and a combining accent behind it into "é", which is no escape any more.
    """
    _write(folder, strings)
    found = evaluate(folder, "{ for name, text in var.values : name => base64encode(text) }")
    return {name: base64.b64decode(text).decode() for name, text in found.items()}


def _write(folder: Path, values: Mapping[str, Any]) -> None:
    """Write a root with neither provider nor state, for which Terraform needs no ``init``."""
    (folder / "main.tf").write_text('variable "values" {\n  type = any\n}\n')
    text = "\n".join(hcl.attributes({"values": values})) + "\n"
    (folder / "values.auto.tfvars").write_text(text, encoding="utf-8")


def evaluate(folder: Path, expression: str) -> Any:
    """Return the value of an HCL expression in the root module ``folder``."""
    # Base64, since the console prints strings as HCL.
    done = subprocess.run(
        [terraform(), "console", "-no-color"], cwd=folder, input=f"base64encode(jsonencode({expression}))\n",
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(base64.b64decode(done.stdout.strip().strip('"')))


def formatted(text: str) -> str:
    """Return ``text`` as ``terraform fmt`` lays it out."""
    done = subprocess.run([terraform(), "fmt", "-no-color", "-"], input=text.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@cache
def parsed(environment: str, path: str) -> dict[str, Any]:
    """Return a committed file below ``terraform/<environment>/`` as a parser other than ours reads it."""
    data: dict[str, Any] = hcl2.loads((PROJECT / "terraform" / environment / path).read_text())
    return data


def unquoted(text: str) -> str:
    """Return a string that python-hcl2 left in its quotes."""
    return text.strip('"')
