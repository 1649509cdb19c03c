"""``python -m tests.workers.transcription.downloading MODE FOLDER``: a worker at its start, over a fake model hub.

The folder is the model cache; beside it, ``calls`` counts the downloads and ``waiting`` tells that a worker waits.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from workers.transcription import model_cache

FILES = {
    "config.json": b"{}",
    "model.bin": b"weights",
    "tokenizer.json": b"{}",
    "vocabulary.json": b"[]",
}
_PATIENCE_SECONDS = 60


def put(folder: Path, files: dict[str, bytes] | None = None) -> Path:
    """Write a model's files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (FILES if files is None else files).items():
        (folder / name).write_bytes(content)
    return folder


def _shared(model: str, folder: Path) -> Path:
    """Download once the other worker waits."""
    beside = folder.parents[2]
    with (beside / "calls").open("a") as calls:
        calls.write(f"{model}\n")
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (beside / "waiting").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return put(folder)


def _hanging(model: str, folder: Path) -> Path:
    """Download half of it, say so, and go no further."""
    put(folder, {"config.json": b"{}", "model.bin": b"wei"})
    sys.stdout.write("halfway\n")
    sys.stdout.flush()
    time.sleep(_PATIENCE_SECONDS)
    raise AssertionError("was to be killed")


if __name__ == "__main__":
    mode, cache = sys.argv[1], Path(sys.argv[2])
    model_cache._PAUSE_SECONDS = 0.05
    download = {"shared": _shared, "hanging": _hanging, "hub": model_cache.hub}[mode]
    name = sys.argv[3] if len(sys.argv) > 3 else "tiny"
    found = model_cache.locate(name, cache, download, (cache.parent / "waiting").touch)
    sys.stdout.write(f"{found}\n")
