"""FFmpeg as a child process that can read what it is given, write to a pipe, and do nothing else for too long.

The limits are put on by ``setpriv`` and ``prlimit`` of util-linux, which every Debian image has: they exec one another,
so that the limits hold before FFmpeg's first instruction. ``preexec_fn`` is unsafe beside the worker's threads, and
``resource.prlimit`` on the running child would come too late.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

from workers.audio_extraction.refusals import killed, refuse
from workers.common.ports import Work

LAUNCHERS = ("setpriv", "prlimit")

_TICK_SECONDS = 0.1
_BLOCK = 1 << 16
_LONGEST_LINE = 1 << 12
_KEPT_LINES = 100
# A line of an FFmpeg that runs with ``-loglevel level+…``: "[aac @ 0x55…] [error] text".
_COMPLAINT = re.compile(r"^(?:\[(?P<context>[^\]]*) @ 0x[0-9a-f]+\] )*\[(?:error|fatal|panic)\] (?P<text>.*)$")
# FFmpeg's errors name the file with its whole path, which is nothing for the person who uploaded it.
_FOLDER = re.compile(r"file:/.*/")
# What a decoder that meets the wrong bytes dies of, and will die of again.
_CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGSYS}


@dataclass(frozen=True)
class Limits:
    """Of one run. Wall-clock time is kept by this process; the others by the kernel, whatever happens here."""

    wall_seconds: float
    memory_bytes: int = 2 << 30
    """Address space: FFmpeg's libraries map a quarter of it before the first packet is read."""
    open_files: int = 64

    @property
    def cpu_seconds(self) -> int:
        """CPU time, for when this process can't look at the clock: a few threads never use as much by then."""
        return int(2 * self.wall_seconds) + 1


@dataclass
class Log:
    """What FFmpeg says on standard error: its first and last lines, and how often it complained."""

    complaints: int = 0
    _first: list[str] = field(default_factory=list)
    _last: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    _rest: bytes = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[:_LONGEST_LINE]
        for line in lines:
            self._take(line[:_LONGEST_LINE].decode(errors="replace"))

    def _take(self, line: str) -> None:
        complaint = _COMPLAINT.match(line)
        # The muxer of raw samples notices when timestamps start anew; it writes them all the same.
        if complaint and complaint["context"] != "s16le":
            self.complaints += 1
        if len(self._first) < _KEPT_LINES:
            self._first.append(line)
        else:
            self._last.append(line)

    @property
    def lines(self) -> list[str]:
        """The lines that were kept."""
        return [*self._first, *self._last]

    def says(self, text: str) -> bool:
        """Whether a line that was kept holds ``text``."""
        return any(text in line for line in self.lines)

    def reason(self) -> str:
        """Return the first complaint, without FFmpeg's decoration, for people."""
        complaints = (_COMPLAINT.match(line) for line in self.lines)
        texts = (_FOLDER.sub("", found["text"]) for found in complaints if found)
        return next(texts, "FFmpeg gave no reason")


@dataclass(frozen=True)
class Ended:
    """A run that ended by itself."""

    status: int
    log: Log


def command(argv: Sequence[str], limits: Limits) -> list[str]:
    """Return ``argv`` behind the launchers."""
    return [
        # A worker that is killed takes its FFmpeg along, so that none is left behind writing into a pipe.
        *("setpriv", "--no-new-privs", "--pdeathsig", "KILL"),
        "prlimit",
        f"--cpu={limits.cpu_seconds}",
        f"--as={limits.memory_bytes}",
        f"--nofile={limits.open_files}",
        # Not one byte into any file: what is decoded comes out of the pipe, and this process counts it.
        "--fsize=0",
        "--core=0",
        *argv,
    ]


def run(argv: Sequence[str], limits: Limits, work: Work, consume: Callable[[bytes], None]) -> Ended:
    """Run ``argv``, give what it writes on standard output to ``consume``, and leave no process behind.

    Raises:
        PoisonError: ``ffmpeg_timeout``, or ``bad_audio`` when it crashed.
        RetryableError: ``ffmpeg_killed``.
        Stopped: within a tick of the worker being told to stop. What ``consume`` raises passes through too.
    """
    log = Log()
    with _start(command(argv, limits)) as process:
        assert process.stdout and process.stderr  # noqa: S101 - both are pipes
        try:
            _pump(process, {process.stdout: consume, process.stderr: log.feed}, limits, work)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    _judge(process.returncode)
    return Ended(process.returncode, log)


def _start(argv: list[str]) -> subprocess.Popen[bytes]:
    # The folder is gone as soon as the child stands in it: there is nothing to find there, and nothing to clear away.
    with tempfile.TemporaryDirectory(prefix="thoth-ffmpeg-") as scratch:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=scratch,
            # Neither credentials nor FFREPORT and its like; AWS hands a task its role through variables.
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
            start_new_session=True,
        )


def _pump(
    process: subprocess.Popen[bytes],
    sinks: Mapping[IO[bytes], Callable[[bytes], None]],
    limits: Limits,
    work: Work,
) -> None:
    deadline = time.monotonic() + limits.wall_seconds
    with selectors.DefaultSelector() as selector:
        for stream, sink in sinks.items():
            selector.register(stream, selectors.EVENT_READ, sink)
        while process.poll() is None or selector.get_map():
            work.checkpoint()
            if time.monotonic() > deadline:
                raise refuse("ffmpeg_timeout", f"FFmpeg has taken longer than {limits.wall_seconds:g} seconds")
            if selector.get_map():
                _pass_on(selector)
            else:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_TICK_SECONDS)


def _pass_on(selector: selectors.BaseSelector) -> None:
    for key, _ in selector.select(_TICK_SECONDS):
        if data := os.read(key.fd, _BLOCK):
            key.data(data)
        else:
            selector.unregister(key.fileobj)


def _judge(status: int) -> None:
    # What FFmpeg returns after a signal that it caught.
    if status == 255:
        raise killed("it caught a signal")
    if status >= 0:
        return
    name = signal.Signals(-status).name
    if -status in _CRASHES:
        raise refuse("bad_audio", f"FFmpeg crashed on the file ({name})")
    raise killed(name)
