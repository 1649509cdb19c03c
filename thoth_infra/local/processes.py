"""A few processes that belong together: started, watched, started again when they fall, stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

# A process that falls at once is not started again at once.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _STEADY_S = 1.0, 30.0, 60.0


@dataclass(frozen=True)
class Program:
    """One process: its name, its argv, all of its environment, and where its output goes."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)  # holds secrets
    cwd: Path
    log: Path

    @property
    def command(self) -> str:
        """What tells its process from others."""
        return " ".join(self.argv[1:])


@dataclass
class _Running:
    program: Program
    process: subprocess.Popen[bytes]
    since: float
    falls: int = 0


class Supervisor:
    """Runs programs; ``watch`` has to be called now and then."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self._running = [_Running(program, _start(program), time.monotonic()) for program in programs]

    def watch(self) -> Iterator[str]:
        """Start again what has fallen, after a pause that grows; yield a line about each."""
        for each in self._running:
            code = each.process.poll()
            pause = min(_FIRST_PAUSE_S * 2**each.falls, _LONGEST_PAUSE_S)
            if code is None or time.monotonic() - each.since < pause:
                continue
            each.falls = 0 if time.monotonic() - each.since > _STEADY_S else each.falls + 1
            yield f"{each.program.name} ended with {code} and is started again; its log is {each.program.log}"
            each.process, each.since = _start(each.program), time.monotonic()

    def pids(self) -> dict[str, int]:
        """Return the process ids by command."""
        return {each.program.command: each.process.pid for each in self._running}

    def stop(self, seconds: float) -> None:
        """Ask all to end, and end those by force that have not after ``seconds``."""
        for each in self._running:
            with suppress(ProcessLookupError):
                each.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        for each in self._running:
            try:
                each.process.wait(max(deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(each.process.pid, signal.SIGKILL)
                each.process.wait()


@contextmanager
def supervised(programs: Sequence[Program], stop_seconds: float = 25.0) -> Iterator[Supervisor]:
    """Run programs for the length of the block."""
    supervisor = Supervisor(programs)
    try:
        yield supervisor
    finally:
        supervisor.stop(stop_seconds)


def end_orphans(commands: Mapping[str, int], seconds: float = 20.0) -> tuple[str, ...]:
    """End what a killed supervisor has left running; ``commands`` are process ids by ``Program.command``.

    Only processes whose command line is still that one: the numbers may be others' by now. Returns the commands ended.
    """
    found = {command: pid for command, pid in commands.items() if command in _command_line(pid)}
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for pid in found.values():
            with suppress(ProcessLookupError):
                os.killpg(pid, sign)
        deadline = time.monotonic() + seconds
        while any(command in _command_line(pid) for command, pid in found.items()) and time.monotonic() < deadline:
            time.sleep(0.1)
    return tuple(found)


def _command_line(pid: int) -> str:
    """Return a process's command line; empty when there is no such process, or it has ended."""
    command = ("/bin/ps", "-o", "stat=,command=", "-p", str(pid))
    line = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return "" if line.startswith("Z") else line


def _start(program: Program) -> subprocess.Popen[bytes]:
    program.log.parent.mkdir(parents=True, exist_ok=True)
    with program.log.open("ab") as log:
        # A group of its own: the terminal's Ctrl-C is ours, and we tell the others in order.
        return subprocess.Popen(
            program.argv,
            env=dict(program.env),
            cwd=program.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
