"""Starting, sharing, stopping and losing the emulator's process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.conftest import REGION
from thoth_infra.emulator import Emulator, process, running, snapshot, stop
from thoth_infra.emulator.__main__ import main
from thoth_infra.emulator.lock import StateLock
from thoth_infra.errors import EngineError

ACCOUNT = "111122223333"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / ".thoth" / "emulator"
    yield folder
    if folder.exists():
        stop(folder)


def _topics(emulator: Emulator) -> list[str]:
    found = emulator.client("sns", account_id=ACCOUNT, region=REGION).list_topics()["Topics"]
    return [topic["TopicArn"].rsplit(":")[-1] for topic in found]


def _make_topic(emulator: Emulator, name: str) -> None:
    emulator.client("sns", account_id=ACCOUNT, region=REGION).create_topic(Name=name)


def _gone(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def _wait_for(condition: Any) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within 30 seconds")


def test_what_one_command_made_the_next_one_finds_until_it_is_reset(state: Path) -> None:
    with running(state) as emulator:
        _make_topic(emulator, "alerts")
    assert _gone(emulator.pid)
    assert sorted(path.name for path in state.iterdir()) == ["emulator.lock", "emulator.log", "emulator.snapshot"]

    with running(state) as emulator:
        assert emulator.url.startswith("http://127.0.0.1:")
        assert _topics(emulator) == ["alerts"]
        emulator.reset()
        assert _topics(emulator) == []


def test_a_kept_emulator_is_shared_and_stopped_by_name(state: Path) -> None:
    with running(state, keep=True) as kept:
        _make_topic(kept, "alerts")
    with running(state) as shared:
        assert shared == kept
    assert _topics(kept) == ["alerts"]

    assert stop(state) is True

    _wait_for(lambda: _gone(kept.pid))
    assert stop(state) is False
    assert snapshot.check(state) is True


def test_a_forgotten_emulator_leaves_no_file_and_no_process(state: Path) -> None:
    assert process.forget(state) == ()
    with running(state, keep=True) as kept:
        _make_topic(kept, "alerts")

    gone = process.forget(state)

    _wait_for(lambda: _gone(kept.pid))
    assert state / snapshot.NAME in gone
    assert list(state.iterdir()) == []


def test_the_work_is_saved_when_the_command_fails(state: Path) -> None:
    with pytest.raises(ZeroDivisionError), running(state) as emulator:
        _make_topic(emulator, "alerts")
        _ = 1 / 0

    with running(state) as emulator:
        assert _topics(emulator) == ["alerts"]


def test_a_second_command_on_the_same_state_is_refused(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_LOCK_S", 0.1)
    with running(state) as emulator:
        with pytest.raises(EngineError, match="in use by another command") as refused, running(state):
            pass
        assert _topics(emulator) == []

    assert refused.value.hint is not None


def test_the_emulator_outlives_ctrl_c_and_dies_with_its_command(state: Path) -> None:
    """Ctrl-C goes to the terminal's process group; SIGKILL leaves the command no time to stop anything."""
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: print('interrupted', flush=True))\n"
        "from pathlib import Path\n"
        "from thoth_infra.emulator import running\n"
        "with running(Path(sys.argv[1])) as emulator:\n"
        "    print(emulator.pid, emulator.url, flush=True)\n"
        "    time.sleep(600)\n"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", code, str(state)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert command.stdout is not None
    pid, url = command.stdout.readline().split()
    emulator = Emulator(url, int(pid))
    os.killpg(command.pid, signal.SIGINT)
    assert command.stdout.readline() == "interrupted\n"
    _make_topic(emulator, "made-after-ctrl-c")

    command.kill()
    command.wait()
    command.stdout.close()

    with running(state) as after:  # waits for the other one to have saved
        assert _topics(after) == ["made-after-ctrl-c"]
        assert after.pid != emulator.pid


def test_a_stale_record_is_not_believed(state: Path) -> None:
    state.mkdir(parents=True)
    record = {"pid": os.getpid(), "state": str(state), "kept": True, "url": "http://127.0.0.1:9"}
    for text in (json.dumps(record), "not json", "[]"):
        (state / "emulator.json").write_text(text)
        assert stop(state) is False


def test_a_stranger_on_the_recorded_port_is_not_stopped(state: Path, emulator: Emulator) -> None:
    state.mkdir(parents=True)
    record = {"pid": os.getpid(), "state": str(state), "kept": True, "url": emulator.url}
    (state / "emulator.json").write_text(json.dumps(record))

    assert stop(state) is False


def test_without_moto_the_error_says_what_to_install(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "find_spec", lambda name: None)

    with pytest.raises(EngineError) as refused, running(state):
        pass

    assert "thoth-infra[emulator]" in str(refused.value.hint)


def test_a_child_that_dies_at_start_shows_its_last_words(state: Path) -> None:
    state.mkdir(parents=True)
    (state / snapshot.NAME).write_text(json.dumps(snapshot.fingerprint()) + "\nnot a pickle")
    (state / snapshot.NAME).chmod(0o600)

    with pytest.raises(EngineError, match=r"did not start:(?s:.*)Unpickling") as refused, running(state):
        pass

    assert str(state / "emulator.log") in str(refused.value.hint)
    assert not (state / "emulator.json").exists()


def test_an_emulator_that_never_answers_is_given_up(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_START_S", 0.0)

    with pytest.raises(EngineError, match="does not answer"), running(state):
        pass


def test_an_emulator_that_does_not_stop_is_killed(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineError, match="did not stop and was killed"), running(state) as emulator:
        monkeypatch.setattr(process, "_STOP_S", 0.0)

    assert _gone(emulator.pid)


def test_a_failure_to_save_is_an_error(state: Path) -> None:
    with pytest.raises(EngineError, match="could not save"), running(state):
        state.chmod(0o500)
        if os.getuid() == 0:  # whom permissions don't stop
            (state / snapshot.NAME).mkdir()
    state.chmod(0o700)


def test_the_lock_is_free_again_after_its_holder(tmp_path: Path) -> None:
    with StateLock(tmp_path), pytest.raises(EngineError), StateLock(tmp_path):
        pass
    with StateLock(tmp_path):
        pass


def test_the_process_says_why_it_can_not_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with StateLock(tmp_path):
        code = main(["--state", str(tmp_path), "--ready", str(tmp_path / "ready"), "--wait", "0"])

    assert code == 1
    assert "in use by another command\nhint: wait" in capsys.readouterr().err


def test_sigterm_saves_and_ends_with_zero(tmp_path: Path) -> None:
    ready, journal = tmp_path / "ready", tmp_path / "journal"
    command = [sys.executable, "-m", "thoth_infra.emulator", "--state", str(tmp_path), "--ready", str(ready)]
    emulator = subprocess.Popen([*command, "--journal", str(journal)])
    _wait_for(ready.exists)
    record = json.loads(ready.read_text())
    assert record["pid"] == emulator.pid
    _topics(Emulator(record["url"], emulator.pid))

    emulator.terminate()

    assert emulator.wait(30) == 0
    assert (snapshot.check(tmp_path), ready.exists()) == (True, False)
    assert json.loads(journal.read_text())["action"] == "ListTopics"
