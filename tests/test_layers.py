"""The shape of the code: who may import whom, who may print, what must not stand in any file."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT / "thoth_infra"
LINES = 350

# Each layer may import those before its own; parts of one layer don't import each other.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "files"}),
    frozenset({"contract"}),
    frozenset({"config"}),
    frozenset({"render"}),
    frozenset({"terraform", "aws", "emulator"}),
    frozenset({"review", "local"}),
    frozenset({"simulate"}),
    frozenset({"cli"}),
)
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}
# Workers ship without the command line and what it needs.
CLOSED_TO_WORKERS = frozenset(
    {"cli", "terraform", "render", "emulator", "review", "config", "simulate", "aws", "local"}
)

MODULES = sorted(PACKAGE.rglob("*.py"))
WORKERS = sorted((PROJECT / "workers").rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything that a file imports, inside functions too."""
    package = path.relative_to(PROJECT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            start = ".".join(part for part in (base, node.module) if part)
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)


def _part(module: str) -> str | None:
    """Return the part of the package that a module belongs to; None for the package itself or another one."""
    parts = module.split(".")
    return parts[1] if parts[0] == "thoth_infra" and len(parts) > 1 else None


def test_every_part_has_its_layer() -> None:
    parts = {path.stem if path.is_file() else path.name for path in PACKAGE.iterdir() if _is_code(path)}
    assert parts - {"__init__", "__main__"} <= set(LEVEL)


def _is_code(path: Path) -> bool:
    return path.suffix == ".py" or (path.is_dir() and any(path.glob("*.py")))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_imports_go_one_way(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own in {"__init__", "__main__"}:
        return
    for line, module in _imports(path):
        part = _part(module)
        if part in LEVEL and part != own:
            assert LEVEL[part] < LEVEL[own], f"{_name(path)}:{line}: {own} imports {part}"


def test_workers_import_only_the_contract() -> None:
    for path in WORKERS:
        for line, module in _imports(path):
            assert _part(module) not in CLOSED_TO_WORKERS, f"{_name(path)}:{line}: {module}"


@pytest.mark.parametrize("path", [*MODULES, *WORKERS], ids=_name)
def test_only_the_emulator_knows_moto(path: Path) -> None:
    if path.is_relative_to(PACKAGE / "emulator"):
        return
    assert not [line for line, module in _imports(path) if module.partition(".")[0] == "moto"]


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_only_the_command_line_prints(path: Path) -> None:
    if path.is_relative_to(PACKAGE / "cli") or path.name == "__main__.py":  # the edges, each of its own process
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {func.id for func in calls if isinstance(func, ast.Name)}
    attributes = {ast.unparse(func) for func in calls if isinstance(func, ast.Attribute)}
    assert "print" not in names
    assert not attributes & {"click.echo", "click.secho", "sys.stdout.write"}
    assert not [module for _, module in _imports(path) if module.partition(".")[0] == "click"]


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_no_module_grows_without_bounds(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES


def _tracked() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (PROJECT / ".git").exists():
        pytest.skip("the tracked files are known in a clone only")
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return [path for name in done.stdout.split("\0") if name and (path := PROJECT / name).is_file()]


def test_no_file_names_the_host_of_a_package_registry() -> None:
    # Put together here, so that this file does not name them either. Where packages come from is the machine's
    # own setting: a pip.conf, an apt source.
    hosts = [".".join(parts) for parts in (
        ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("deb", "debian", "org"),
        ("archive", "ubuntu", "com"), ("proxy", "golang", "org"), ("crates", "io"), ("rubygems", "org"),
    )]  # fmt: skip
    pattern = re.compile("|".join(map(re.escape, hosts)))
    found = [_name(path) for path in _tracked() if pattern.search(path.read_text(encoding="utf-8", errors="replace"))]
    assert not found


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    homes = "|".join(("/" + "home", "/" + "Users"))  # not in one piece, or this file would be found
    pattern = re.compile(rf"(?<![\w.])(?:{homes})/(?!runner\b|ubuntu\b|name\b|you\b)[a-z]\w+/")
    found = [_name(path) for path in _tracked() if pattern.search(path.read_text(encoding="utf-8", errors="replace"))]
    assert not found
