"""The emulator, and a world for each test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.doctor.world import World, project
from tests.emulator.conftest import AsAccount, account, aws, emulator, other_account
from thoth_infra.emulator.access import Emulator

__all__ = ["account", "aws", "emulator", "other_account"]


@pytest.fixture
def world(
    tmp_path: Path,
    aws: AsAccount,
    emulator: Emulator,
    account: str,
    other_account: str,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    for name in [name for name in os.environ if name.startswith(("AWS_", "TF_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    folder = tmp_path / "bin"
    folder.mkdir()
    return World(aws, emulator, project(tmp_path), folder, account, other_account, monkeypatch.setenv)
