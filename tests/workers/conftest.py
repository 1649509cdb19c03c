"""What the workers' tests share: an emulated AWS, and lessons to transcribe."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.workers.rig import Rig, rig
from thoth_infra.emulator import Emulator, running

MakeRig = Callable[..., Rig]


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulated AWS."""
    with running(tmp_path_factory.mktemp("aws")) as emulator:
        yield emulator


@pytest.fixture
def make_rig(aws: Emulator, tmp_path: Path) -> Iterator[MakeRig]:
    """``make_rig(**options)``: queues and folders of this test's own; workers end with the test."""
    aws.reset()
    with ExitStack() as stack:

        def make(**options: Any) -> Rig:
            folder = tmp_path / f"rig-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return stack.enter_context(rig(aws, folder, **options))

        yield make


@pytest.fixture(scope="session")
def media_tools() -> None:
    """Skip where a lesson can't be spoken or filmed."""
    for tool, package in (("ffmpeg", "ffmpeg"), ("espeak-ng", "espeak-ng")):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed (Debian's package {package})")
