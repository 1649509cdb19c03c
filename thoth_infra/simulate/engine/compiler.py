"""Numba, its cache, and the two ways in which the core's functions are compiled."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from thoth_infra.errors import ThothError

try:
    import numba
except ImportError as error:
    raise ThothError(
        f"simulate needs numba and numpy, which are not there ({error})",
        "install them with the extra: pip install 'thoth-infra[simulate]'",
    ) from error

F = TypeVar("F", bound=Callable[..., Any])


@cache
def cache_folder() -> Path:
    """Return where compiled code is kept: a folder per state of the core's sources, writable by this user.

    Numba looks only at the file that a function stands in, so it would go on using a caller that has an older version
    of another file's function compiled in; and an installed package's own folder may be read-only.
    """
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    name = f"simulate-{digest.hexdigest()[:16]}"
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    for base in (Path(home, "thoth-infra"), Path(tempfile.gettempdir(), f"thoth-infra-{os.getuid()}")):
        try:
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            (base / name).mkdir(exist_ok=True)
        except OSError:
            continue
        # Compiled code is run: nobody else may have put it there.
        if os.access(base / name, os.W_OK) and (base / name).stat().st_uid == os.getuid():
            return base / name
    return Path(tempfile.mkdtemp(prefix="thoth-infra-"))


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = str(cache_folder())


def is_compiled() -> bool:
    """Whether an earlier run has left its machine code: without, the first run takes some seconds longer."""
    return next(Path(numba.config.CACHE_DIR).rglob("*.nbi"), None) is not None


# Without wrappers for Python, which most functions don't need and which take longer to compile than they do.
_INTERNAL = {"cache": True, "error_model": "numpy", "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def entry(function: F) -> F:
    """Compile ``function`` to be called from Python; its machine code is kept for the next process."""
    return cast(F, numba.njit(cache=True, error_model="numpy", _nrt=False, no_cfunc_wrapper=True)(function))


def compiled(function: F) -> F:
    """Compile ``function`` to be called from other compiled ones."""
    return cast(F, numba.njit(**_INTERNAL)(function))


def inlined(function: F) -> F:
    """Compile ``function`` into each of its callers: what happens several times for each job."""
    return cast(F, numba.njit(**_INTERNAL, forceinline=True)(function))
