"""The pieces of the system on one machine: variables, home, supervised processes, what is printed of a lesson."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from thoth_infra.cli.local import marked
from thoth_infra.config.load import load
from thoth_infra.contract.queues import QUEUES
from thoth_infra.contract.services import API, SECRETS, WITHOUT_RDS, Service
from thoth_infra.contract.storage import JOBS, MODELS
from thoth_infra.errors import ThothError
from thoth_infra.local.home import Home, Record
from thoth_infra.local.processes import Program, end_orphans, supervised
from thoth_infra.local.system import Choices
from thoth_infra.local.variables import Places, variables

PROJECT = Path(__file__).resolve().parents[2]


def _places(folder: Path) -> Places:
    return Places(
        queue_urls={(q.name, dead): f"http://sqs/{q.name}/{dead}" for q in QUEUES for dead in (False, True)},
        folders={volume.name: folder / volume.name for volume in (JOBS, MODELS)},
        buckets={"media": "m", "archive": "a"},
        secrets={(secret.name, name): f"{name}-value" for secret in SECRETS for name in secret.fields},
    )


@pytest.mark.parametrize("service", WITHOUT_RDS, ids=lambda service: service.name)
def test_a_process_gets_every_variable_of_its_container(service: Service, tmp_path: Path) -> None:
    env = load(PROJECT, "dev", settings=("database.engine=sqlite",), personal=False).environment
    found = variables(env, service, _places(tmp_path), {"LOG_LEVEL": "ERROR", "NOBODYS": "x"})
    assert set(found) == {variable.name for variable in service.variables}
    assert found["LOG_LEVEL"] == "ERROR"
    assert found["JOBS_DIR"] == str(tmp_path / "jobs")


def test_a_service_that_needs_rds_is_told_so(tmp_path: Path) -> None:
    env = load(PROJECT, "dev", personal=False).environment
    with pytest.raises(ValueError, match="there is no RDS on one machine"):
        variables(env, API, _places(tmp_path), {})


def test_secrets_are_made_once_for_their_owner_only(tmp_path: Path) -> None:
    home = Home(tmp_path / "local")
    secret = home.secret("APP_KEY")
    assert len(secret) >= 32
    assert (Home(home.folder).secret("APP_KEY"), home.secret("WEBHOOK_KEY") == secret) == (secret, False)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in home.folder.glob("*.secret")}
    assert modes == {0o600}


def test_only_one_runs_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    home, record = Home(tmp_path / "local"), Record(os.getpid(), "http://127.0.0.1:1", "small")
    holding = "\n".join(
        (
            "import sys, time, pathlib",
            "from thoth_infra.local.home import Home, Record",
            f"with Home(pathlib.Path({str(home.folder)!r})).held(Record(1, 'http://there', 'small')):",
            "    print('held', flush=True); time.sleep(600)",
        )
    )
    with subprocess.Popen([sys.executable, "-c", holding], stdout=subprocess.PIPE, cwd=PROJECT) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(ThothError, match="it runs already at http://there"), home.held(record):
            pass
        other.kill()
    assert home.record() is None
    with home.held(record):
        assert home.record() == record
    assert home.record() is None


def _program(tmp_path: Path, name: str, code: str) -> Program:
    return Program(name, (sys.executable, "-c", code), dict(os.environ), tmp_path, tmp_path / f"{name}.log")


def test_what_falls_is_started_again_and_all_are_stopped(tmp_path: Path) -> None:
    count = tmp_path / "count"
    falling = (
        f"import pathlib; p = pathlib.Path({str(count)!r}); p.write_text(p.read_text() + 'x' if p.exists() else 'x')"
    )
    programs = [
        _program(tmp_path, "falls", falling),
        _program(tmp_path, "stubborn", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"),
    ]
    lines: list[str] = []
    with supervised(programs, stop_seconds=1) as supervisor:
        deadline = time.monotonic() + 30
        while (not count.exists() or len(count.read_text()) < 2) and time.monotonic() < deadline:
            lines += supervisor.watch()
            time.sleep(0.05)
        pids = supervisor.pids()
    assert "falls ended with 0 and is started again" in lines[0]
    assert len(count.read_text()) >= 2
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_a_killed_supervisor_left_is_ended_and_strangers_are_not(tmp_path: Path) -> None:
    ours = _program(tmp_path, "ours", "import time; time.sleep(601)")
    with supervised([ours]) as supervisor:
        (pid,) = supervisor.pids().values()
        assert end_orphans({"-c another command": pid, ours.command: os.getpid()}) == ()
        assert end_orphans({ours.command: pid}) == (ours.command,)


def test_terms_are_marked_in_the_lines_of_a_lesson() -> None:
    words = [{"text": text} for text in ("Play", "a", "barre", "chord,", "then", "a", "riff.")]
    segments = [{"id": 0, "start": 61.25, "words": words[:3]}, {"id": 1, "start": 63.0, "words": words[3:]}]
    terms = [
        {"segment_id": 0, "first_word": 2, "last_segment_id": 1, "last_word": 0},
        {"segment_id": 1, "first_word": 3, "last_segment_id": 1, "last_word": 3},
    ]
    assert list(marked(segments, terms)) == ["01:01.2  Play a [barre", "01:03.0  chord], then a [riff]."]


def test_the_address_follows_the_port() -> None:
    assert Choices(8123).url == "http://127.0.0.1:8123"
