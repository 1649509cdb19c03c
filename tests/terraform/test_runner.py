"""Processes are run to their end: output as it comes, and an interrupt passed on once and waited for."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from tests.terraform.conftest import InterruptWhen, Script
from thoth_infra.errors import EngineError, Interrupted
from thoth_infra.terraform.launch import Completed, Launch
from thoth_infra.terraform.pump import Pump
from thoth_infra.terraform.runner import RecordingRunner, SubprocessRunner


def launch(program: Path, *arguments: str, **settings: object) -> Launch:
    made = Launch((str(program), *arguments), {"PATH": os.environ["PATH"]}, program.parent)
    for name, value in settings.items():
        object.__setattr__(made, name, value)
    return made


@pytest.fixture
def talker(script: Script) -> Path:
    return script("talker", 'echo "said $1"; echo "complained" >&2; pwd >&2; exit 3')


def test_output_is_shown_where_it_belongs_and_kept(talker: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    completed = SubprocessRunner().run(launch(talker, "a b"))
    out, err = capfdbinary.readouterr()
    assert completed == Completed(3, "said a b\n", f"complained\n{talker.parent}\n")
    assert (out.decode(), err.decode()) == (completed.stdout, completed.stderr)


def test_output_can_go_to_stderr_or_nowhere(talker: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert SubprocessRunner().run(launch(talker, "x"), "stderr").stdout == "said x\n"
    out, err = capfdbinary.readouterr()
    assert out == b""
    assert b"said x\n" in err
    assert SubprocessRunner().run(launch(talker, "x"), "capture").stdout == "said x\n"
    out, err = capfdbinary.readouterr()
    assert out == b""
    assert b"said x" not in err


def test_captured_output_is_whole_and_shown_output_keeps_its_end(script: Script) -> None:
    big = script("big", "head -c 200000 /dev/zero | tr '\\0' x; echo end")
    assert len(SubprocessRunner().run(launch(big), "capture").stdout) == 200_004
    shown = SubprocessRunner().run(launch(big)).stdout
    assert len(shown) == 65_536
    assert shown.endswith("xend\n")


def test_the_command_line_is_echoed_quoted(talker: Path) -> None:
    echoed: list[str] = []
    SubprocessRunner(echo=echoed.append).run(launch(talker, "a b"), "capture")
    assert echoed == [f"{talker} 'a b'"]


def test_only_what_is_given_is_inherited(script: Script) -> None:
    printer = script("printer", "env")
    printed = SubprocessRunner().run(launch(printer), "capture").stdout
    assert not [name for name in ("HOME=", "USER=") if name in printed]


def test_a_command_does_not_read_our_input_unless_it_may(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = script("reader", "cat")
    (tmp_path / "input").write_text("1 + 1\n")
    saved = os.dup(0)
    with (tmp_path / "input").open() as file:
        os.dup2(file.fileno(), 0)
        try:
            assert SubprocessRunner().run(launch(reader), "capture").stdout == ""
            assert SubprocessRunner().run(launch(reader, stdin=True), "capture").stdout == "1 + 1\n"
        finally:
            os.dup2(saved, 0)
            os.close(saved)


@pytest.mark.parametrize("interactive", [False, True])
def test_a_program_that_does_not_start_is_an_engine_error(tmp_path: Path, interactive: bool) -> None:
    with pytest.raises(EngineError, match="does not start"):
        SubprocessRunner().run(launch(tmp_path / "missing", interactive=interactive))


def test_a_reader_that_goes_away_does_not_disturb_terraform() -> None:
    """`thoth-infra apply | head` must not kill an apply: its state would stay locked."""
    read, write = os.pipe()
    gone, pipe = os.pipe()
    os.close(gone)
    with os.fdopen(write, "wb") as source, os.fdopen(pipe, "wb", buffering=0) as sink:
        pump = Pump(os.fdopen(read, "rb"), sink)
        source.write(b"first\n" * 10_000)
        source.write(b"last\n")
        source.close()
        assert pump.finish().endswith("first\nlast\n")


def test_what_was_printed_before_comes_first(talker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw))
    sys.stdout.write("before\n")
    SubprocessRunner().run(launch(talker, "x"))
    assert raw.getvalue() == b"before\nsaid x\n"


# --- interrupts ---------------------------------------------------------------------------------------

#: Stands for Terraform: notes every signal, and takes a moment for its clean-up after the first.
_TERRAFORM = """
trap 'echo INT >> "$1.signals"' INT
trap 'echo TERM >> "$1.signals"' TERM
touch "$1.started"
until [ -e "$1.signals" ]; do sleep 0.02; done
touch "$1.cleaning"
until [ -e "$1.finish" ]; do sleep 0.02; done
echo released > "$1.lock"
exit 1
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_is_passed_on_once_and_waited_for(
    script: Script, tmp_path: Path, interrupt_when: InterruptWhen, number: signal.Signals
) -> None:
    told: list[str] = []
    state = tmp_path / "state"

    def tell(message: str) -> None:
        told.append(message)
        if len(told) == 2:  # only now may the clean-up end
            (tmp_path / "state.finish").touch()

    interrupt_when(
        ((tmp_path / "state.started").exists, number),
        ((tmp_path / "state.cleaning").exists, signal.SIGINT),
    )
    with pytest.raises(Interrupted, match=r"let finish its clean-up \(exit code 1\)") as interrupted:
        SubprocessRunner(notify=tell).run(launch(script("terraform", _TERRAFORM), str(state)))
    assert interrupted.value.exit_code == 130
    assert (tmp_path / "state.signals").read_text().split() == ["INT"]
    assert (tmp_path / "state.lock").read_text() == "released\n"
    assert told == [
        "Interrupt passed on; waiting for Terraform to finish its clean-up.",
        "Still waiting for Terraform to release its state lock.",
    ]


@pytest.mark.parametrize("interactive", [False, True])
def test_only_an_interactive_command_is_in_reach_of_the_terminals_own_interrupt(
    script: Script, tmp_path: Path, interactive: bool
) -> None:
    """A terminal signals its whole foreground group: Terraform must not hear that and ours."""
    where = tmp_path / "group"
    code = f"import os; open('{where}', 'w').write(str(os.getpgrp()))"
    member = script("member", f'exec {sys.executable} -c "{code}"')
    SubprocessRunner().run(launch(member, interactive=interactive))
    assert (int(where.read_text()) == os.getpgrp()) is interactive


def test_an_interrupt_after_the_end_is_not_lost(script: Script, interrupt_when: InterruptWhen) -> None:
    """It comes while the last output is still carried over: what would follow must not start."""
    quick = script("quick", "kill -INT $PPID; exit 0")
    with pytest.raises(Interrupted):
        SubprocessRunner().run(launch(quick), "capture")


def test_our_own_handlers_come_back(talker: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    SubprocessRunner().run(launch(talker, "x"), "capture")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_nohup_is_kept(script: Script) -> None:
    """A signal that is ignored around us is left ignored, for us and for what we start."""
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        hangup = script("hangup", "kill -HUP $PPID; echo survived")
        assert SubprocessRunner().run(launch(hangup), "capture").stdout == "survived\n"
    finally:
        signal.signal(signal.SIGHUP, previous)


def test_runs_outside_the_main_thread(talker: Path) -> None:
    results: list[Completed] = []
    thread = threading.Thread(target=lambda: results.append(SubprocessRunner().run(launch(talker, "x"), "capture")))
    thread.start()
    thread.join(30)
    assert [completed.code for completed in results] == [3]


def test_where_a_client_stands_between_the_interrupt_goes_by_its_own_command(
    script: Script, tmp_path: Path, interrupt_when: InterruptWhen
) -> None:
    """A container may not be there yet: the interrupt is tried until it arrives, and arrives once."""
    client = script(
        "docker",
        f'if [ "$1" = kill ]; then echo try >> "{tmp_path}/tries"; '
        f'[ "$(wc -l < "{tmp_path}/tries")" -ge 3 ] || exit 1; touch "{tmp_path}/stop"; exit 0; fi\n'
        f'trap "echo reached >> {tmp_path}/client" INT TERM\n'
        f'touch "{tmp_path}/started"; until [ -e "{tmp_path}/stop" ]; do sleep 0.02; done; exit 1',
    )
    interrupt_when(((tmp_path / "started").exists, signal.SIGINT))
    with pytest.raises(Interrupted):
        SubprocessRunner().run(launch(client, "run", interrupt=(str(client), "kill", "name")))
    assert (tmp_path / "tries").read_text().split() == ["try"] * 3
    assert not (tmp_path / "client").exists()


def test_an_interrupt_that_can_never_arrive_ends_with_the_client(
    script: Script, tmp_path: Path, interrupt_when: InterruptWhen
) -> None:
    client = script(
        "docker",
        f'if [ "$1" = kill ]; then touch "{tmp_path}/tried"; exit 1; fi\n'
        f'touch "{tmp_path}/started"; until [ -e "{tmp_path}/tried" ]; do sleep 0.02; done; exit 125',
    )
    interrupt_when(((tmp_path / "started").exists, signal.SIGINT))
    with pytest.raises(Interrupted, match="exit code 125"):
        SubprocessRunner().run(launch(client, "run", interrupt=(str(client), "kill", "name")))


def test_an_interactive_command_owns_the_terminals_interrupt(
    script: Script, tmp_path: Path, interrupt_when: InterruptWhen
) -> None:
    """The terminal sends Ctrl-C to the whole foreground group: passing it on would make it two."""
    console = script(
        "console",
        f'trap "echo INT >> {tmp_path}/signals; exit 0" INT\n'
        f'touch "{tmp_path}/started"; for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 0.02; done; exit 7',
    )
    interrupt_when(((tmp_path / "started").exists, signal.SIGINT))
    assert SubprocessRunner().run(launch(console, interactive=True)) == Completed(7)
    assert not (tmp_path / "signals").exists()


def test_an_interactive_command_is_interrupted_when_we_are_told_to_end(
    script: Script, tmp_path: Path, interrupt_when: InterruptWhen
) -> None:
    console = script(
        "console",
        f'trap "exit 5" INT\ntouch "{tmp_path}/started"; while :; do sleep 0.02; done',
    )
    interrupt_when(((tmp_path / "started").exists, signal.SIGTERM))
    assert SubprocessRunner().run(launch(console, interactive=True)) == Completed(5)


def test_the_recording_runner_starts_nothing(tmp_path: Path) -> None:
    recorder = RecordingRunner(lambda started: Completed(2, stdout=started.argv[1]))
    assert recorder.run(launch(tmp_path / "missing", "plan")) == Completed(2, "plan")
    assert [started.argv[1] for started in recorder.launches] == ["plan"]
    assert RecordingRunner().run(launch(tmp_path / "missing")) == Completed(0)
