"""Starts what an engine launched, shows its output, and sees an interrupt through to the end.

Terraform releases its state lock when it is interrupted once, and gives up without doing so when it is
interrupted again. A command therefore gets a process group of its own, so that the terminal's Ctrl-C
reaches only us; we pass the first one on, and wait. What talks to a person keeps the terminal instead.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from types import FrameType
from typing import IO, Final, Literal, Protocol

from thoth_infra.errors import EngineError, Interrupted
from thoth_infra.terraform.launch import Completed, Launch
from thoth_infra.terraform.pump import Pump, our_stderr, our_stdout

Stdout = Literal["inherit", "stderr", "capture"]
Notify = Callable[[str], None]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_RETRY_S: Final = 0.1
_Event = int | signal.Signals  # how the process ended, or a signal that reached us


class Runner(Protocol):
    """Something that runs launches."""

    def run(self, launch: Launch, stdout: Stdout = "inherit") -> Completed:
        """Run to the end. ``stdout``: shown on our stdout, or on our stderr, or only returned.

        Raises Interrupted when we were interrupted meanwhile; the process has ended by then.
        """


def silent(_message: str) -> None:
    """Tell nobody."""


class SubprocessRunner:
    """Runs processes. ``notify`` is told what a person should know; ``echo`` is shown each command line.

    With ``log``, what would be shown goes there instead; what is captured does not, since it may hold secrets.
    """

    def __init__(self, notify: Notify = silent, echo: Notify = silent, log: IO[bytes] | None = None) -> None:
        self._notify = notify
        self._echo = echo
        self._log = log

    def run(self, launch: Launch, stdout: Stdout = "inherit") -> Completed:
        self._echo(shlex.join(launch.argv))
        return self._foreground(launch) if launch.interactive else self._background(launch, stdout)

    def _foreground(self, launch: Launch) -> Completed:
        """Let the process own the terminal, whose Ctrl-C it gets by itself."""
        events: SimpleQueue[_Event] = SimpleQueue()
        with _signals_to(events):
            with _start_errors(launch):
                child = subprocess.Popen(launch.argv, env=launch.env, cwd=launch.cwd)
            ended = _report_end(child, events)
            while not isinstance(event := events.get(), int) or isinstance(event, signal.Signals):
                if event is not signal.SIGINT:
                    _interrupt(launch, child, ended)
        return Completed(int(event))

    def _background(self, launch: Launch, stdout: Stdout) -> Completed:
        """Keep the terminal from the process, and pass on the first interrupt only."""
        events: SimpleQueue[_Event] = SimpleQueue()
        with _signals_to(events):
            with _start_errors(launch):
                child = subprocess.Popen(
                    launch.argv,
                    env=launch.env,
                    cwd=launch.cwd,
                    stdin=None if launch.stdin else subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    process_group=0,
                )
            sink = self._log if self._log and stdout != "capture" else _sink(stdout)
            out = Pump(_pipe(child.stdout), sink, keep_all=stdout == "capture")
            err = Pump(_pipe(child.stderr), self._log or our_stderr())
            interrupted = self._wait(launch, child, events)
            completed = Completed(child.returncode, out.finish(), err.finish())
        if interrupted or not events.empty():  # one may have come after the end
            raise Interrupted(
                f"Interrupted: Terraform was let finish its clean-up (exit code {completed.code}).",
                "Plan again before you go on: part of the work may be done.",
            )
        return completed

    def _wait(self, launch: Launch, child: subprocess.Popen[bytes], events: SimpleQueue[_Event]) -> bool:
        """Wait for the end; return whether an interrupt was passed on."""
        ended = _report_end(child, events)
        interrupted = False
        while isinstance(events.get(), signal.Signals):
            if interrupted:
                self._notify("Still waiting for Terraform to release its state lock.")
                continue
            interrupted = True
            self._notify("Interrupt passed on; waiting for Terraform to finish its clean-up.")
            _interrupt(launch, child, ended)
        return interrupted


class RecordingRunner:
    """Starts nothing: remembers every launch, and answers with ``answer(launch)``."""

    def __init__(self, answer: Callable[[Launch], Completed] | None = None) -> None:
        self.launches: list[Launch] = []
        self.stdouts: list[Stdout] = []
        self._answer = answer or (lambda _launch: Completed(0))

    def run(self, launch: Launch, stdout: Stdout = "inherit") -> Completed:
        self.launches.append(launch)
        self.stdouts.append(stdout)
        return self._answer(launch)


def _interrupt(launch: Launch, child: subprocess.Popen[bytes], ended: threading.Event) -> None:
    """Deliver one interrupt to Terraform.

    A container may not have started yet: its interrupt is tried until it arrives or the end comes.
    """
    if launch.interrupt is None:
        # As a terminal would: to the group, in which a wrapper script may have started Terraform.
        with suppress(ProcessLookupError):
            send = os.kill if launch.interactive else os.killpg
            send(child.pid, signal.SIGINT)
        return
    while not ended.is_set():
        delivery = subprocess.run(
            launch.interrupt,
            env=launch.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            process_group=0,
        )
        if delivery.returncode == 0:
            return
        ended.wait(_RETRY_S)


def _report_end(child: subprocess.Popen[bytes], events: SimpleQueue[_Event]) -> threading.Event:
    ended = threading.Event()

    def report() -> None:
        code = child.wait()
        ended.set()
        events.put(code)

    threading.Thread(target=report, daemon=True).start()
    return ended


@contextmanager
def _start_errors(launch: Launch) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EngineError(
            f"{launch.argv[0]} does not start in {launch.cwd}: {error.strerror}",
            "Try `--engine docker` or `--engine local`, whichever this was not.",
        ) from error


@contextmanager
def _signals_to(events: SimpleQueue[_Event]) -> Iterator[None]:
    """Turn signals into events. Only the main thread can; elsewhere signals keep their meaning.

    A signal's handler may only do what is safe at any moment, and putting into this queue is.
    """

    def handle(number: int, _frame: FrameType | None) -> None:
        events.put(signal.Signals(number))

    previous: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}
    if threading.current_thread() is threading.main_thread():
        # nohup's promise is kept: what was ignored stays ignored.
        wanted = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
        previous = {number: signal.signal(number, handle) for number in wanted}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _sink(stdout: Stdout) -> IO[bytes] | None:
    match stdout:
        case "inherit":
            return our_stdout()
        case "stderr":
            return our_stderr()
        case "capture":
            return None


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise AssertionError("both streams were asked for as pipes")
    return stream
