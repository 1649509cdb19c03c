"""Each image has all of this project's code that its processes import, and the packages come from its own lock."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers.rig import PROJECT
from thoth_infra.aws.images import DOCKERFILE
from thoth_infra.contract.services import IMAGES, SERVICES

_STAGE = re.compile(r"^FROM \S+ AS (\S+)$")
_COPY = re.compile(r"^COPY (?:--from=(\S+) )?(\S+) (\S+)$")
# Imports packages and every module below them, where nothing is installed but what a lock has.
_IMPORT = """
import importlib, importlib.abc, pkgutil, sys
from importlib.metadata import packages_distributions

locked, packages = set(sys.argv[1].split()), sys.argv[2:]
known = packages_distributions()

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        owners = {each.lower().replace("_", "-") for each in known.get(name.partition(".")[0], ())}
        if owners and not owners & locked:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)

sys.meta_path.insert(0, Missing())
for name in packages:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(getattr(package, "__path__", ()), name + "."):
        # Alembic runs these, within a migration.
        if ".migrations." not in module.name:
            importlib.import_module(module.name)
"""


def _stages() -> dict[str, list[tuple[str | None, str, str]]]:
    """Return what each stage copies: from which stage, what, and to where."""
    found: dict[str, list[tuple[str | None, str, str]]] = {}
    for line in (PROJECT / DOCKERFILE).read_text(encoding="utf-8").splitlines():
        if stage := _STAGE.match(line):
            current = found.setdefault(stage[1], [])
        elif copy := _COPY.match(line):
            current.append((copy[1], copy[2], copy[3]))
    return found


def _lay_out(stage: str, folder: Path) -> None:
    stages = _stages()
    for source, what, where in stages[stage]:
        if source == "code":
            _lay_out("code", folder)
        elif source is None:
            target = folder / where
            target.parent.mkdir(parents=True, exist_ok=True)
            if (PROJECT / what).is_dir():
                shutil.copytree(PROJECT / what, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(PROJECT / what, target)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_all_that_its_code_imports(image: str, tmp_path: Path) -> None:
    _lay_out(image, tmp_path)
    modules = {service.command[2] for service in SERVICES if service.image == image}
    assert all((tmp_path / module.replace(".", "/") / "__main__.py").is_file() for module in modules)
    lock = (PROJECT / f"requirements/{image}.lock").read_text(encoding="utf-8")
    # The project itself is in no lock: its code is copied.
    locked = " ".join(["thoth-infra", *re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)])
    packages = {".".join(module.split(".")[:2]) for module in modules}
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT, locked, "workers.common.health", *packages],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
