"""A copy of the project to break."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest

from tests.config.support import copy_project

# No assertion of ours is about time, and a busy machine must not fail a property.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project with the real environments."""
    return copy_project(tmp_path)
