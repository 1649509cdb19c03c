"""Faults for the drill: a small disk that can be filled."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[bool]:
    """Mount a file system of ``mib`` MiB at ``folder``; yields False where that is not permitted."""
    mount = ("/bin/mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0755", "tmpfs", str(folder))
    mounted = subprocess.run(mount, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(("/bin/umount", "--lazy", str(folder)), check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Leave no byte free in the file system of ``folder`` for the length of the block."""
    ballast = folder.parent / folder.name / ".ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65536)
        except OSError:
            os.fsync(file.fileno())
    try:
        yield
    finally:
        ballast.unlink()
