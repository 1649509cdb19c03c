"""The emulator, and a rig of one stage with its queues in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.emulator.conftest import account, aws, emulator
from tests.workers.common.rig import MakeRig, Rig

# How long an example takes says nothing of the workers on a machine that does other things too.
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")

__all__ = ["account", "aws", "emulator", "make_rig", "rig"]


@pytest.fixture
def make_rig(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[MakeRig]:
    """A stage whose loops all end with the test: ``make_rig(max_receives=2)``."""
    made: list[Rig] = []

    def make(**options: int) -> Rig:
        made.append(Rig(tmp_path / "jobs", caplog, **options))
        return made[-1]

    yield make
    for rig in made:
        rig.close()


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    return make_rig()
