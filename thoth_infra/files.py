"""Writing files so that a reader never meets half of one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomic(path: Path, data: str | bytes, mode: int = 0o644) -> None:
    """Replace ``path`` by ``data`` in one step, with exactly the permissions ``mode``.

    Readers see the old content or the new, never a mixture, and an interrupted write leaves the old
    file. It is not flushed to the disk first: what is written here can be made again.
    The folder must exist. Text is written as UTF-8 with its line endings as they are.
    """
    content = data.encode() if isinstance(data, str) else data
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def private_folder(path: Path) -> Path:
    """Make ``path`` (and its parents) and keep others out of it: plans hold secrets in clear."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path
