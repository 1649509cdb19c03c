"""What the workers' tests share: an emulated AWS, and lessons to transcribe."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.workers.rig import Rig, rig
from thoth_infra.emulator import Emulator, running

MakeRig = Callable[..., Rig]

# API keys, media tokens in URLs, and the keys, passwords and salts of these tests, which all say that they are secret.
SECRET = re.compile(r"thoth_[a-z2-7]{24}|[?&]token=[\w.-]{20,}|that-nobody-may-ever-read|which-no-log-may-hold")


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


class _Listening(logging.Handler):
    """Notes log records of this process that hold a secret."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one record, its traceback and whatever was added to it."""
        try:
            text = f"{self.format(record)} {vars(record)}"
        except Exception:  # as of the tests' objects which can't be written
            return
        if SECRET.search(text):
            self.found.append(f"{record.name}: {record.msg}")


@pytest.fixture(scope="session", autouse=True)
def no_secret_is_logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """After the last test: nothing that this process or any that it has started has logged holds a secret."""
    listening = _Listening()
    for name in ("workers", "thoth_infra", "uvicorn"):
        logging.getLogger(name).addHandler(listening)
    yield
    files = [
        str(path)
        for path in tmp_path_factory.getbasetemp().rglob("*.log")
        if path.is_file() and SECRET.search(path.read_text(errors="replace"))
    ]
    assert (listening.found, files) == ([], [])
