"""Starting, sharing and stopping the emulator's process.

The process has a session of its own, so that the terminal's Ctrl-C doesn't reach it: Terraform, which does get it,
releases its state lock through the emulator. It ends with its parent all the same: it watches a pipe of which the
parent holds the other end, and the kernel closes that however the parent dies.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from thoth_infra.emulator import snapshot
from thoth_infra.emulator.access import Emulator
from thoth_infra.emulator.lock import StateLock
from thoth_infra.emulator.wire import direct
from thoth_infra.errors import EngineError

RECORD = "emulator.json"
LOG = "emulator.log"
HEALTH = "/_thoth/health"

_START_S = 60.0
_STOP_S = 60.0
_LOCK_S = 5.0  # a command that was killed leaves an emulator that still saves
_POLL_S = 0.02


@contextmanager
def running(state: Path, *, keep: bool = False) -> Iterator[Emulator]:
    """An emulator whose AWS is kept in ``state``: the one that is kept running there, or else a new one.

    A new one is stopped at the end, and its snapshot waited for; with ``keep`` it goes on running (see :func:`stop`).
    Raises ``EngineError`` when moto is missing, the snapshot is another version's, another command uses ``state``, or
    the emulator does not start or can't save.
    """
    if kept := _kept(state):
        yield kept
        return
    process = _start(state, keep)
    try:
        emulator = _wait_until_healthy(process, state)
    except BaseException:
        process.terminate()
        process.wait()
        _close(process.stdin)
        raise
    if keep:
        process.returncode = 0  # it is meant to outlive us: no warning about a child left running
        yield emulator
        return
    try:
        yield emulator
    except BaseException:
        # the first error matters more than a failure to save after it
        with suppress(EngineError):
            _end(process, state)
        raise
    _end(process, state)


def stop(state: Path) -> bool:
    """Stop the emulator that is kept running on ``state``, once it has saved. False: there was none."""
    kept = _kept(state)
    if kept is None:
        return False
    os.kill(kept.pid, signal.SIGTERM)
    with StateLock(state, wait_s=_STOP_S):  # it holds the lock until it has saved; its pid may be another's by then
        return True


def forget(state: Path) -> tuple[Path, ...]:
    """Stop a kept emulator and remove all that it remembers, Terraform's state in its S3 included; return what went."""
    stop(state)
    found = tuple(sorted(state.glob("emulator.*")))
    if found:
        with StateLock(state):
            for path in found:
                path.unlink()
    return found


def _kept(state: Path) -> Emulator | None:
    record = _record(state)
    if not record or not record.get("kept"):
        return None
    return _answering(record)


def _record(state: Path) -> dict[str, object] | None:
    try:
        record = json.loads((state / RECORD).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _answering(record: dict[str, object]) -> Emulator | None:
    """The recorded emulator if it is that one which answers there, not a stranger on the same port."""
    try:
        with direct.open(f"{record['url']}{HEALTH}", timeout=5) as answer:
            identity = json.load(answer)
    except (OSError, ValueError, KeyError):
        return None
    if identity != {key: record.get(key) for key in ("pid", "state")}:
        return None
    return Emulator(str(record["url"]), int(str(record["pid"])))


def _start(state: Path, keep: bool) -> subprocess.Popen[bytes]:
    if find_spec("moto") is None:
        raise EngineError("the emulator needs moto", "install it: pip install 'thoth-infra[emulator]'")
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The child checks both again. Here they give an error at once, and in full.
    with StateLock(state, wait_s=_LOCK_S):
        snapshot.check(state)
    command = [
        sys.executable,
        "-m",
        "thoth_infra.emulator",
        "--state",
        str(state),
        "--ready",
        str(state / RECORD),
    ]
    with (state / LOG).open("wb") as log:
        return subprocess.Popen(
            command if keep else [*command, "--until-eof"],
            stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_until_healthy(process: subprocess.Popen[bytes], state: Path) -> Emulator:
    deadline = time.monotonic() + _START_S
    while process.poll() is None:
        record = _record(state)
        if record and record.get("pid") == process.pid and (emulator := _answering(record)):
            return emulator
        if time.monotonic() > deadline:
            raise _failure("the emulator does not answer", state)
        time.sleep(_POLL_S)
    raise _failure("the emulator did not start", state)


def _end(process: subprocess.Popen[bytes], state: Path) -> None:
    _close(process.stdin)
    try:
        code = process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise _failure("the emulator did not stop and was killed: what this command did is lost", state) from None
    if code != 0:
        raise _failure("the emulator could not save its state: what this command did is lost", state)


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        pipe.close()


def _failure(what: str, state: Path) -> EngineError:
    log = state / LOG
    lines = log.read_text(errors="replace").splitlines()[-8:] if log.exists() else []
    last = "".join(f"\n  {line}" for line in lines)
    return EngineError(f"{what}{':' if last else ''}{last}", f"the whole log is {log}")
