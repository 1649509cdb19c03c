"""A copy of the project to damage, and its rendered trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.render.support import PROJECT, copy_project
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what rendering reads and writes."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def staging() -> Environment:
    """Staging as its committed files say it."""
    return load(PROJECT, "staging", personal=False).environment
