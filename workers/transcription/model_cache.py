"""The shared model cache: a Whisper model is downloaded once, verified, and only read from then on.

``<models>/<name>/`` holds the files that CTranslate2 reads and ``thoth-model.json``, which lists them with their
checksums. A folder without that list is no model.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from workers.common.errors import Busy, PoisonError, RetryableError
from workers.common.folder import locked
from workers.common.manifest import Artefact, measured

_log = logging.getLogger(__name__)

LISTING = "thoth-model.json"
# tokenizer.json among them: without it faster-whisper would look for one on the network at every start.
# preprocessor_config.json is not: the models before large-v3 have none, and the engine looks whether it is needed.
REQUIRED = ("config.json", "model.bin", "tokenizer.json")
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
_PAUSE_SECONDS = 2.0

Download = Callable[[str, Path], Path]
"""Fetch a model by name into a folder; return where in it the model's files are."""


class _Listing(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    model: str
    files: dict[str, Artefact]


def locate(model: str, models: Path, download: Download, alive: Callable[[], None]) -> Path:
    """Return the folder of ``model``, which is a name or a local folder.

    Of several workers that start together one downloads and the others wait; ``alive`` is called meanwhile.

    Raises:
        PoisonError: ``model_incomplete`` or ``model_unknown``.
        RetryableError: ``model_unavailable``, when the download fails.
    """
    if os.sep in model and Path(model).is_absolute():
        return _complete(Path(model))
    target = models / re.sub(r"[^A-Za-z0-9._-]+", "--", model)
    while not _is_filled(target):
        try:
            with _only_one(target):
                if not _is_filled(target):
                    _fill(model, target, download)
        except Busy:
            # Another worker downloads; a model of 3 GB takes minutes.
            alive()
            time.sleep(_PAUSE_SECONDS)
    return target


def verify(folder: Path) -> None:
    """Compare every file with its checksum. Minutes for a large model on EFS: done when loading has failed.

    Raises:
        RetryableError: ``model_damaged``; the folder is given up, so that the next start downloads it anew.
    """
    try:
        listing = _Listing.model_validate_json((folder / LISTING).read_bytes())
    except FileNotFoundError:
        return  # a folder of the user's own
    wrong = sorted(name for name, known in listing.files.items() if _differs(folder / name, known))
    if wrong:
        (folder / LISTING).unlink()
        raise RetryableError(
            "model_damaged",
            f"{', '.join(wrong)} of {listing.model} in {folder} differ from what was downloaded",
            "the worker downloads the model again when it is started the next time",
        )


def hub(model: str, folder: Path) -> Path:
    """Download from the model hub, by the names that faster-whisper knows, or ``owner/name``."""
    from faster_whisper.utils import download_model
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return Path(download_model(model, cache_dir=str(folder)))
    except RepositoryNotFoundError:
        raise ValueError(f"the model hub has no {model}, or does not show it to everybody") from None


def _is_filled(target: Path) -> bool:
    try:
        listing = _Listing.model_validate_json((target / LISTING).read_bytes())
        return all((target / name).stat().st_size == known.size for name, known in listing.files.items())
    except (FileNotFoundError, ValidationError):
        return False


@contextmanager
def _only_one(target: Path) -> Iterator[None]:
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_name(f".{target.name}.lock"), patience_seconds=0):
        yield


def _fill(model: str, target: Path, download: Download) -> None:
    # A download that was killed has left this behind; the lock is ours, so nobody uses it.
    for left in target.parent.glob(f".{target.name}.part-*"):
        shutil.rmtree(left, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.part-", dir=target.parent))
    try:
        _log.info("downloading the model", extra={"model": model})
        whole = scratch / "model"
        _take(_fetched(model, scratch / "download", download), whole)
        _complete(whole)
        _write_listing(model, whole)
        if target.exists():
            shutil.rmtree(target)
        whole.rename(target)
        _log.info("the model is in the cache", extra={"model": model, "folder": str(target)})
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _fetched(model: str, folder: Path, download: Download) -> Path:
    folder.mkdir()
    try:
        return download(model, folder)
    except ValueError as error:
        raise PoisonError("model_unknown", str(error), "name a model of faster-whisper, or a folder") from None
    except Exception as error:
        raise RetryableError(
            "model_unavailable",
            f"{model} could not be downloaded: {type(error).__name__}: {error}",
            "let the task reach the model hub (NAT gateway),"
            " or mount the model's folder and set whisper.model to its path",
        ) from error


def _take(source: Path, target: Path) -> None:
    """Move the files themselves: the hub's cache holds links, to one and the same file where two are alike."""
    target.mkdir()
    moved: dict[Path, Path] = {}
    for path in sorted(source.iterdir()):
        real = path.resolve()
        if real in moved:
            shutil.copyfile(moved[real], target / path.name)
        elif real.is_file():
            moved[real] = Path(shutil.move(real, target / path.name))


def _write_listing(model: str, folder: Path) -> None:
    files = {path.name: measured(path) for path in sorted(folder.iterdir())}
    (folder / LISTING).write_text(_Listing(model=model, files=files).model_dump_json(indent=2), encoding="utf-8")
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
        path.chmod(0o444)


def _complete(folder: Path) -> Path:
    """Return ``folder`` when it has what faster-whisper reads."""
    if not folder.is_dir():
        raise PoisonError("model_unknown", f"{folder} is no folder", "set whisper.model to a name, or mount the folder")
    missing = [name for name in REQUIRED if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        missing.append(_VOCABULARIES[0])
    if missing:
        raise PoisonError(
            "model_incomplete",
            f"{folder} lacks {', '.join(missing)}",
            "convert the model with ct2-transformers-converter --copy_files tokenizer.json preprocessor_config.json",
        )
    return folder


def _differs(path: Path, known: Artefact) -> bool:
    try:
        return measured(path) != known
    except FileNotFoundError:
        return True
