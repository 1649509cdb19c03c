"""docs/reference/files.md: every file that the code names below .thoth is in its table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.docs.console import ROOT
from thoth_infra.local.home import Home
from thoth_infra.terraform.seal import seal_path
from thoth_infra.terraform.workspace import Backend, Workspace

PAGE = ROOT / "docs" / "reference" / "files.md"


def patterns() -> list[re.Pattern[str]]:
    """The files of the table, as patterns of paths below the project."""
    found = re.findall(r"`(\.thoth/[^`]+)`", PAGE.read_text())
    return [re.compile(_pattern(name)) for name in found]


def _pattern(name: str) -> str:
    parts = re.split(r"(<env>|\*\*)", name.replace("<env>/emulated", "<env>"))
    ways = {"<env>": r"[a-z][a-z0-9]+(?:/emulated)?", "**": ".*"}
    return "".join(ways.get(part, re.escape(part)) for part in parts)


def unknown(names: Iterable[str]) -> list[str]:
    """Return the files that the table has not."""
    known = patterns()
    return [name for name in names if not any(pattern.fullmatch(name) for pattern in known)]


def workspace(*, emulated: bool) -> Workspace:
    scratch = Path(".thoth", "staging", *(["emulated"] if emulated else []))
    backend = Backend("bucket", "staging/terraform.tfstate", "us-east-1")
    tree = Path("terraform", "staging")
    return Workspace("staging", "000000000000", "us-east-1", backend, Path(), tree, scratch, emulated)


@pytest.mark.parametrize("emulated", [False, True])
def test_what_a_workspace_keeps_is_in_the_table(emulated: bool) -> None:
    place = workspace(emulated=emulated)
    kept = (place.default_plan, seal_path(place.default_plan), place.data_dir / "modules")
    assert not unknown(path.as_posix() for path in kept)


def test_what_the_local_system_keeps_is_in_the_table() -> None:
    home = Home(Path(".thoth/local"))
    assert not unknown(path.as_posix() for path in (home.folder / "aws", home.folder / "thoth.sqlite3"))


def test_folders_that_the_code_names_are_in_the_table() -> None:
    """``.thoth/…`` as written in code, and the files that commands put into their environment's folder."""
    files = [*(ROOT / "thoth_infra").rglob("*.py"), ROOT / "Makefile"]
    text = "\n".join(path.read_text() for path in files)
    named = {name.rstrip("/.") for name in re.findall(r"(?<![\w`])\.thoth/[a-z][\w./-]*", text)}
    scratch = set(re.findall(r"scratch\)? / \"([\w.-]+)\"", text))
    assert {"drift.tfplan", "engine.json", "init.stamp"} <= scratch
    assert len(named) >= 2
    folders = {f"{name}/x" if "." not in Path(name).name else name for name in named}
    assert not unknown(
        {
            *folders,
            *(
                f".thoth/staging/{'terraform/x' if name == 'terraform' else name}"
                for name in scratch
                if name != "local"
            ),
        }
    )


def test_a_file_that_the_table_has_not_is_noticed() -> None:
    assert unknown([".thoth/staging/secrets.txt", ".thoth/staging/plan.tfplan"]) == [".thoth/staging/secrets.txt"]
