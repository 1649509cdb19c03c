"""What an interrupted transcription leaves is used by the same one only."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.common.folder import FolderFiles, FolderJob
from workers.common.transcript import Word
from workers.transcription import checkpoint
from workers.transcription.checkpoint import Checkpoint, key_of

WORDS = (Word(start=1, end=2, text="音階 \u200f", probability=0.5),)


@pytest.fixture
def files(tmp_path: Path) -> FolderJob:
    return FolderFiles(tmp_path).job("lesson-1")


def test_words_come_back_group_by_group(files: FolderJob) -> None:
    begun = Checkpoint(key="a", language="ja", language_probability=0.9)
    saved = begun.adding(WORDS).adding(()).adding(WORDS)
    checkpoint.save(files, saved)
    assert checkpoint.load(files, "a") == saved
    assert saved.groups == (WORDS, (), WORDS)
    assert begun.groups == ()
    # It is no artefact.
    assert files.names() == frozenset()


def test_the_checkpoint_of_something_else_is_left_aside(files: FolderJob) -> None:
    checkpoint.save(files, Checkpoint(key="a", language="en", language_probability=1))
    assert checkpoint.load(files, "b") is None


def test_there_need_be_none(files: FolderJob) -> None:
    assert checkpoint.load(files, "a") is None
    checkpoint.clear(files)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\0",
        b"[]",
        b'{"version": 1, "key": "a"',
        b'{"version": 2, "key": "a", "language": "en", "language_probability": 1}',
        b'{"version": 1, "key": "a", "language": "en", "language_probability": 1, "more": 1}',
        b'{"version": 1, "key": "a", "language": "en", "language_probability": 1, "groups": [[{"start": -1}]]}',
    ],
)
def test_a_broken_file_is_left_aside_with_a_warning(
    files: FolderJob, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with files.writing(checkpoint.NAME) as path:
        path.write_bytes(content)
    assert checkpoint.load(files, "a") is None
    assert "checkpoint can't be read" in caplog.text


def test_a_cleared_checkpoint_is_gone(files: FolderJob) -> None:
    checkpoint.save(files, Checkpoint(key="a", language="en", language_probability=1))
    checkpoint.clear(files)
    assert checkpoint.load(files, "a") is None
    assert list(files.path.iterdir()) == []


def test_a_key_depends_on_every_part_and_not_on_their_order() -> None:
    key = key_of(sound="s", settings={"batch_size": 8, "prompt": None})
    assert key == key_of(settings={"prompt": None, "batch_size": 8}, sound="s")
    assert len({key, key_of(sound="t", settings={"batch_size": 8, "prompt": None}),
                key_of(sound="s", settings={"batch_size": 4, "prompt": None}),
                key_of(sound="s", settings={"batch_size": 8, "prompt": ""})}) == 4  # fmt: skip
