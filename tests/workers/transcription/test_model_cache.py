"""Workers share one download, and never load half of a model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.workers.rig import PROJECT
from tests.workers.transcription.downloading import FILES, put
from tests.workers.transcription.hub import Hub
from tests.workers.transcription.rig import no_download
from workers.common.errors import PoisonError, RetryableError
from workers.transcription.model_cache import LISTING, locate, verify


def alone() -> None:
    raise AssertionError("nobody else downloads")


def found(model: str, cache: Path, download: Callable[[str, Path], Path] = no_download) -> Path:
    return locate(model, cache, download, alone)


def good(model: str, folder: Path) -> Path:
    return put(folder)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != LISTING}


@contextmanager
def worker(*arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run a worker's start as a process, which ends with the block."""
    command = [sys.executable, "-m", "tests.workers.transcription.downloading", *arguments]
    environment = {**os.environ, **variables}
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_two_workers_that_start_together_download_once(tmp_path: Path) -> None:
    cache = tmp_path / "models"
    with worker("shared", str(cache)) as one, worker("shared", str(cache)) as other:
        outputs = [process.communicate(timeout=60) for process in (one, other)]
    assert outputs == [(f"{cache / 'tiny'}\n", "")] * 2
    assert (tmp_path / "calls").read_text() == "tiny\n"
    # The other one said meanwhile that it lives.
    assert (tmp_path / "waiting").exists()
    assert files(cache / "tiny") == FILES
    assert [path.name for path in cache.iterdir()] == ["tiny"]


def test_a_killed_download_leaves_nothing_that_is_used(tmp_path: Path) -> None:
    with worker("hanging", str(tmp_path)) as process:
        assert process.stdout
        assert process.stdout.readline() == "halfway\n"
        process.kill()
        process.wait()
    assert list(tmp_path.glob(".tiny.part-*"))
    folder = found("tiny", tmp_path, good)
    assert files(folder) == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_a_model_in_the_cache_is_not_downloaded_again_and_only_read(tmp_path: Path) -> None:
    folder = found("owner/a model", tmp_path, good)
    assert folder == tmp_path / "owner--a--model"
    assert found("owner/a model", tmp_path) == folder
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}
    verify(folder)


def test_links_of_the_hubs_cache_become_files(tmp_path: Path) -> None:
    def linked(model: str, folder: Path) -> Path:
        blobs, snapshot = folder / "models--o--n" / "blobs", folder / "models--o--n" / "snapshots" / "c0ffee"
        blobs.mkdir(parents=True)
        snapshot.mkdir(parents=True)
        for number, (name, content) in enumerate(FILES.items()):
            (blobs / f"{number}").write_bytes(content)
            (snapshot / name).symlink_to(Path("../../blobs") / f"{number}")
        return snapshot

    folder = found("o/n", tmp_path, linked)
    assert files(folder) == FILES
    assert not any(path.is_symlink() for path in folder.iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["o--n"]


@pytest.mark.parametrize("name", ["config.json", "model.bin", "tokenizer.json", "vocabulary.json"])
def test_an_incomplete_model_is_refused_by_what_it_lacks(tmp_path: Path, name: str) -> None:
    rest = {known: content for known, content in FILES.items() if known != name}
    for model, download in ((str(put(tmp_path / "own", rest)), no_download), ("tiny", lambda _, at: put(at, rest))):
        with pytest.raises(PoisonError) as caught:
            found(model, tmp_path / "models", download)
        assert caught.value.code == "model_incomplete"
        assert caught.value.message.endswith(f"lacks {name}")
        assert "ct2-transformers-converter" in caught.value.hint
    assert list((tmp_path / "models").iterdir()) == []


def test_an_older_model_has_a_vocabulary_of_text_and_no_preprocessor_config(tmp_path: Path) -> None:
    older = {"config.json": b"{}", "model.bin": b"w", "tokenizer.json": b"{}", "vocabulary.txt": b"a"}
    assert files(found("small", tmp_path, lambda _, at: put(at, older))) == older


def test_a_local_folder_is_used_as_it_is(tmp_path: Path) -> None:
    own = put(tmp_path / "own")
    assert found(str(own), tmp_path / "models") == own
    verify(own)
    assert files(own) == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


def test_a_local_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PoisonError, match=r"model_unknown: .*nowhere is no folder"):
        found(str(tmp_path / "nowhere"), tmp_path)


def failing(error: Exception) -> Callable[[str, Path], Path]:
    def download(model: str, folder: Path) -> Path:
        put(folder, {"model.bin": b"half"})
        raise error

    return download


def test_a_name_that_nobody_knows_is_an_error_for_good(tmp_path: Path) -> None:
    with pytest.raises(PoisonError, match="model_unknown: Invalid model size 'grande'"):
        found("grande", tmp_path, failing(ValueError("Invalid model size 'grande', expected one of: tiny")))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(101, "Network is unreachable"), TimeoutError("slow"), RuntimeError("5xx")])
def test_a_failing_download_is_an_error_for_now(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(RetryableError, match=f"model_unavailable: tiny .*{type(error).__name__}") as caught:
        found("tiny", tmp_path, failing(error))
    assert "whisper.model" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
    assert files(found("tiny", tmp_path, good)) == FILES


def same_size(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def test_a_damaged_file_is_found_and_the_next_start_downloads_again(tmp_path: Path) -> None:
    folder = found("tiny", tmp_path, good)
    (folder / "model.bin").chmod(0o644)
    same_size(folder / "model.bin")
    with pytest.raises(RetryableError, match=r"model_damaged: model\.bin of tiny") as caught:
        verify(folder)
    assert "downloads the model again" in caught.value.hint
    assert files(found("tiny", tmp_path, good)) == FILES
    verify(folder)


def shorter(path: Path) -> None:
    path.write_bytes(b"")


def broken(path: Path) -> None:
    (path.parent / LISTING).chmod(0o644)
    (path.parent / LISTING).write_bytes(b'{"version": 1')


@pytest.mark.parametrize("damage", [Path.unlink, shorter, broken])
def test_what_shows_without_reading_the_whole_model_is_mended_at_once(
    tmp_path: Path, damage: Callable[[Path], Any]
) -> None:
    folder = found("tiny", tmp_path, good)
    (folder / "model.bin").chmod(0o644)
    damage(folder / "model.bin")
    assert files(found("tiny", tmp_path, good)) == FILES


def test_the_hub_is_asked_for_what_the_model_needs_and_no_more(tmp_path: Path) -> None:
    cache = tmp_path / "models"
    with Hub({"owner/name": {**FILES, "README.md": b"# A model", "pytorch_model.bin": b"other"}}) as hub:
        variables = {**hub.variables, "HF_HOME": str(tmp_path / "home")}
        with worker("hub", str(cache), "owner/name", **variables) as process:
            output, errors = process.communicate(timeout=60)
        assert output == f"{cache / 'owner--name'}\n", errors
        assert files(cache / "owner--name") == FILES
        with worker("hub", str(cache), "owner/missing", **variables) as process:
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "PoisonError: model_unknown: the model hub has no owner/missing" in errors
