"""A copy of the project to break."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.support import copy_project


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project with the real environments."""
    return copy_project(tmp_path)
