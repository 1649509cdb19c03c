"""The glossary is followed while the worker runs, and a broken file never stops it."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from tests.workers.music_terms.lessons import glossary
from workers.music_terms.glossary import Glossary
from workers.music_terms.source import NAME, Current, GlossarySource


def write(folder: Path, content: Glossary | bytes) -> None:
    """Replace the file as the API does: in one step."""
    temporary = folder / "new"
    temporary.write_bytes(content if isinstance(content, bytes) else content.model_dump_json().encode())
    temporary.replace(folder / NAME)


def finds(current: Current, text: str) -> bool:
    return bool(current.matcher.find([text]))


@pytest.fixture
def source(tmp_path: Path) -> GlossarySource:
    return GlossarySource(tmp_path, lambda: glossary("riff"))


def test_the_packaged_glossary_holds_until_a_file_is_written_and_after_it_is_gone(
    tmp_path: Path, source: GlossarySource
) -> None:
    assert finds(source.current(), "riff")
    write(tmp_path, glossary("lick", version=2))
    current = source.current()
    assert (finds(current, "lick"), finds(current, "riff"), current.glossary.version) == (True, False, 2)
    write(tmp_path, glossary("vamp", version=3))
    assert finds(source.current(), "vamp")
    (tmp_path / NAME).unlink()
    assert finds(source.current(), "riff")


def test_the_real_packaged_glossary_is_the_default(tmp_path: Path) -> None:
    assert GlossarySource(tmp_path).current().glossary.name == "Thoth's music glossary"


def test_an_unchanged_file_is_not_compiled_again(tmp_path: Path, source: GlossarySource) -> None:
    write(tmp_path, glossary("lick"))
    first = source.current()
    assert source.current().matcher is first.matcher
    # Another inode and another time, the same content.
    write(tmp_path, glossary("lick"))
    assert source.current().matcher is first.matcher


def test_a_change_that_size_and_time_do_not_show_is_seen(tmp_path: Path, source: GlossarySource) -> None:
    write(tmp_path, glossary("lick"))
    source.current()
    before = (tmp_path / NAME).stat()
    write(tmp_path, glossary("vamp"))
    os.utime(tmp_path / NAME, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (tmp_path / NAME).stat().st_size == before.st_size
    assert finds(source.current(), "vamp")


def test_a_broken_file_leaves_the_old_glossary_and_is_logged_once(
    tmp_path: Path, source: GlossarySource, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, glossary("lick"))
    source.current()
    write(tmp_path, b'{"name": "half')
    with caplog.at_level(logging.ERROR):
        broken = [source.current() for _ in range(3)]
    assert all(finds(current, "lick") for current in broken)
    assert all(current.problem and "glossary.json" in current.problem for current in broken)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    write(tmp_path, glossary("vamp"))
    mended = source.current()
    assert finds(mended, "vamp")
    assert mended.problem is None


def test_the_old_content_written_again_is_good_again(tmp_path: Path, source: GlossarySource) -> None:
    write(tmp_path, glossary("lick"))
    source.current()
    write(tmp_path, b"{}")
    assert source.current().problem
    write(tmp_path, glossary("lick"))
    assert source.current().problem is None


def test_a_broken_file_at_the_start_leaves_the_packaged_glossary(tmp_path: Path, source: GlossarySource) -> None:
    write(tmp_path, b"[]")
    current = source.current()
    assert finds(current, "riff")
    assert current.problem
    (tmp_path / NAME).unlink()
    assert source.current().problem is None


def test_a_file_that_cannot_be_opened_for_a_while_is_used_again_later(
    tmp_path: Path, source: GlossarySource, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, glossary("lick"))
    source.current()
    kept = tmp_path / "kept"
    (tmp_path / NAME).rename(kept)
    (tmp_path / NAME).mkdir()
    with caplog.at_level(logging.ERROR):
        assert source.current().problem
        assert finds(source.current(), "lick")
    assert len(caplog.records) == 1
    (tmp_path / NAME).rmdir()
    kept.rename(tmp_path / NAME)
    assert source.current().problem is None
