"""The scanner's own Python environment.

checkov pins boto3 to a release older than the one that this project needs, so it can't share the project's environment.
It gets one of its own below ``.thoth/``, made on first use from the hashed lock, and made anew when that changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from thoth_infra.errors import EngineError
from thoth_infra.terraform.launch import Completed

FOLDER: Final = Path(".thoth/tools/checkov")
LOCK: Final = Path("requirements/policy.lock")
_STAMP: Final = "installed.lock-digest"
# What pip and a program need of the user's environment. No AWS and no platform key: the scanner is to ask nobody.
_PASSED: Final = ("HOME", "PATH", "LANG", "LC_ALL", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR")
_PASSED_PREFIXES: Final = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


# It would ask the package index for a newer release of itself, and explain its parser's doubts at length.
_QUIET: Final = {"CKV_SKIP_PACKAGE_UPDATE_CHECK": "true", "LOG_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore"}
# It gives up following references after a few rounds that bring little, which a large tree has before all is known.
_THOROUGH: Final = {"RENDER_EDGES_DUPLICATE_ITER_COUNT": "100"}


class Run(Protocol):
    """Something that starts a process and waits for its end."""

    def __call__(self, argv: tuple[str, ...], env: Mapping[str, str]) -> Completed:
        """Return the exit code and both streams in full. Raises OSError when it does not start."""


def run_process(argv: tuple[str, ...], env: Mapping[str, str]) -> Completed:
    """Run a process to its end, without a terminal."""
    done = subprocess.run(argv, env=dict(env), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return Completed(done.returncode, done.stdout, done.stderr)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock file: two commands at once must not install into one folder. The kernel frees it at our end."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Checkov:
    """checkov in its environment below ``root``; ``notify`` is told when that has to be made first."""

    def __init__(
        self,
        root: Path,
        notify: Callable[[str], None],
        run: Run = run_process,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = root / FOLDER
        self._lock = root / LOCK
        self._notify = notify
        self._start = run
        self._variables = os.environ if variables is None else variables

    def run(self, arguments: tuple[str, ...]) -> Completed:
        """Run checkov. Raises EngineError when it can't be installed or does not start."""
        self.ensure()
        # Its module is run by the environment's Python: the script's first line breaks when the project is moved.
        argv = (str(self._python), "-m", "checkov.main", *arguments)
        return self._start(argv, {**self._passed(), **_QUIET, **_THOROUGH})

    def ensure(self) -> None:
        """Make the environment unless it is the lock's."""
        if not self._lock.is_file():
            raise EngineError(
                f"there is no {LOCK}, which says what the scanner is", "restore it from Git, or run `make lock`"
            )
        digest = hashlib.sha256(self._lock.read_bytes()).hexdigest()
        with _alone(self._folder.with_suffix(".lock")):
            if not self._is_current(digest):
                self._install()
                (self._folder / _STAMP).write_text(digest, encoding="ascii")

    def _is_current(self, digest: str) -> bool:
        stamp = self._folder / _STAMP
        return stamp.is_file() and stamp.read_text(encoding="ascii") == digest and self._python.exists()

    def _install(self) -> None:
        self._notify(f"installing the scanner into {FOLDER} from {LOCK}; this happens once …")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._step((sys.executable, "-m", "venv", str(self._folder)))
        self._step(
            (
                str(self._python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                "--require-hashes", "--requirement", str(self._lock),
            )
        )  # fmt: skip

    @property
    def _python(self) -> Path:
        return self._folder / "bin" / "python"

    def _step(self, argv: tuple[str, ...]) -> None:
        try:
            completed = self._start(argv, self._passed())
        except OSError as error:
            raise self._not_installed(str(error)) from error
        if completed.code:
            raise self._not_installed(completed.stderr.strip() or f"exit code {completed.code}")

    def _not_installed(self, why: str) -> EngineError:
        return EngineError(
            f"the scanner can't be installed into {FOLDER}: {why.splitlines()[-1]}",
            f"let pip reach a package index that has what {LOCK} names (PIP_INDEX_URL, or pip's configuration);"
            f" by hand: python -m venv {FOLDER} && {FOLDER}/bin/pip install --require-hashes -r {LOCK}",
        )

    def _passed(self) -> dict[str, str]:
        return {k: v for k, v in self._variables.items() if k in _PASSED or k.startswith(_PASSED_PREFIXES)}
