"""Each patch has a test that fails without it, so that a newer moto shows which patches can go."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from thoth_infra.emulator import patches
from thoth_infra.emulator.patches.registry import PATCHES

HERE = Path(__file__).parent / "patches"


def test_each_patch_has_a_test_and_a_reason() -> None:
    patches.apply()
    tested = {
        name for module in HERE.glob("test_*.py") for name in re.findall(r'mark\.patch\("(\w+)"\)', module.read_text())
    }

    assert {patch.name for patch in PATCHES} == tested
    assert [patch.name for patch in PATCHES if "moto" not in patch.why] == []


@pytest.mark.slow
@pytest.mark.parametrize(("applied", "tests"), [("none", "test_core.py"), ("core", "")])
def test_without_its_patch_each_test_fails(applied: str, tests: str) -> None:
    others = [] if tests else ["--ignore", str(HERE / "test_core.py")]
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(HERE / tests),
        *others,
        "-m",
        "patch",
        "-rp",
        "-p",
        "no:cacheprovider",
    ]

    done = subprocess.run(
        command, env={**os.environ, "THOTH_PATCHES": applied}, capture_output=True, text=True, timeout=300
    )

    assert done.returncode == 1, done.stdout
    assert re.findall(r"^PASSED .*", done.stdout, re.MULTILINE) == []
