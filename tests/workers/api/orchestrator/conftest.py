"""An orchestrator's surroundings, on each database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workers.api.orchestrator.aws import Account
from tests.workers.api.orchestrator.system import System
from thoth_infra.emulator import Emulator
from workers.api.store.engine import Database


@pytest.fixture
def system(database: Database, jobs_dir: Path) -> System:
    """Queues, folders and records of this test's own."""
    return System(database, jobs_dir)


@pytest.fixture
def account(aws: Emulator) -> Account:
    """Queues and buckets of this test's own, in an emulated AWS."""
    aws.reset()
    return Account(aws)
