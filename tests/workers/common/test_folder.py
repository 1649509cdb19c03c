"""Job folders: no half file is ever seen, nothing is left behind, and a lock is one worker's alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.workers.common.rig import DEADLINE_SECONDS, until
from workers.common.errors import Busy
from workers.common.folder import FolderFiles, FolderJob, locked


@pytest.fixture
def job(tmp_path: Path) -> FolderJob:
    return FolderFiles(tmp_path).job("lesson")


def _listing(job: FolderJob) -> list[str]:
    return sorted(path.name for path in job.path.iterdir())


def test_a_reader_never_sees_half_a_file(job: FolderJob) -> None:
    """Each version is one letter, many times, so that a mixture of two would show."""
    size, done, seen = 300_000, threading.Event(), set()
    wrong: list[str] = []

    def read() -> None:
        while not done.is_set():
            if "text" in job.names():
                text = job.local("text").read_text()
                seen.add(text[:1])
                if len(text) != size or len(set(text)) != 1:
                    wrong.append(f"{len(text)} characters, {sorted(set(text))}")

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    letters = iter("abcdefghijklmnopqrstuvwxyz" * 20)

    def write() -> bool:
        letter = next(letters)
        with job.writing("text") as path, path.open("w") as file:
            for _ in range(10):
                file.write(letter * (size // 10))
                file.flush()
        return len(seen) > 5

    until(write)
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_an_exception_leaves_nothing_and_what_was_there_stays(job: FolderJob) -> None:
    with job.writing("text") as path:
        path.write_text("old")
    for error in (OSError("disk full"), KeyboardInterrupt(), SystemExit(1)):
        with pytest.raises(type(error)), job.writing("text") as path:
            path.write_text("new, but only h")
            raise error

    assert job.local("text").read_text() == "old"
    assert _listing(job) == ["text"]


def test_a_writer_that_wrote_nothing_is_an_error(job: FolderJob) -> None:
    with pytest.raises(FileNotFoundError), job.writing("text"):
        pass
    assert _listing(job) == []


def test_the_temporary_file_is_beside_the_target_and_ends_like_it(job: FolderJob) -> None:
    with job.writing("audio.wav") as path:
        assert path.parent == job.path
        assert path.suffix == ".wav"
        path.touch()
        assert job.names() == frozenset()
    assert job.names() == {"audio.wav"}


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc/passwd", "a\0b", ".lock", ".part-0123-audio.wav", "..//"], ids=repr
)
def test_names_that_lead_elsewhere_are_refused(job: FolderJob, name: str) -> None:
    job.path.mkdir()
    before = _listing(job)
    for attempt in (job.local, job.remove, lambda name: job.writing(name).__enter__()):
        with pytest.raises(ValueError, match="not a file name"):
            attempt(name)
    with pytest.raises(ValueError, match="not a file name"):
        FolderFiles(job.path).job(name)
    assert _listing(job) == before


@pytest.mark.parametrize("name", ["über 谱 🎸.txt", "a b\nc", "-rf", "..a", ".transcript-checkpoint.json", "x" * 200])
def test_other_names_are_taken_as_they_are(job: FolderJob, name: str) -> None:
    with job.writing(name) as path:
        path.write_text("x")
    assert job.local(name).read_text() == "x"
    assert _listing(job) == [name]
    job.remove(name)
    job.remove(name)
    with pytest.raises(FileNotFoundError):
        job.local(name)


def test_a_job_without_a_folder_is_empty(tmp_path: Path) -> None:
    files = FolderFiles(tmp_path / "jobs")
    assert list(files.jobs()) == []
    job = files.job("lesson")
    assert job.names() == frozenset()
    with pytest.raises(FileNotFoundError):
        job.local("audio.wav")
    job.remove("audio.wav")
    job.sweep()
    with job.writing("audio.wav") as path:
        path.touch()
    (tmp_path / "jobs" / "glossary.json").touch()
    assert list(files.jobs()) == ["lesson"]


def test_sweep_removes_what_killed_writers_left_and_nothing_else(job: FolderJob) -> None:
    job.path.mkdir()
    for name in ("audio.wav", ".part-0123456789abcdef-audio.wav", ".part-0123-louder.wav", ".checkpoint", "part-1"):
        (job.path / name).touch()
    job.sweep()
    assert _listing(job) == [".checkpoint", "audio.wav", "part-1"]


def test_a_lock_is_held_by_one_and_leaves_nothing(job: FolderJob) -> None:
    with job.lock(0), pytest.raises(Busy, match="lesson"), job.lock(0):
        pass
    assert _listing(job) == []
    with job.lock(0):
        pass


def test_whoever_waits_gets_the_lock_when_it_is_free(job: FolderJob) -> None:
    got = threading.Event()

    def wait() -> None:
        with job.lock(DEADLINE_SECONDS):
            got.set()

    with job.lock(0):
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not got.is_set()
    assert got.wait(DEADLINE_SECONDS)
    waiting.join()


def test_an_exception_frees_the_lock(job: FolderJob) -> None:
    with pytest.raises(ZeroDivisionError), job.lock(0):
        _ = 1 / 0
    with job.lock(0):
        pass


def test_a_lock_of_an_erased_folder_does_not_take_away_the_next_one(job: FolderJob) -> None:
    """A job may be erased while a worker holds it; what comes after is another's."""
    with job.lock(0):
        (job.path / ".lock").unlink()
        after = job.lock(0)
        after.__enter__()
    try:
        with pytest.raises(Busy), job.lock(0):
            pass
    finally:
        after.__exit__(None, None, None)


@contextmanager
def _holder(job: FolderJob) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the job and writes half a file."""
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from workers.common.folder import FolderJob\n"
        "job = FolderJob('lesson', Path(sys.argv[1]))\n"
        "with job.lock(0), job.writing('audio.wav') as path:\n"
        "    path.write_text('half')\n"
        "    print('held', flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(job.path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


def test_a_killed_process_frees_its_lock_and_its_half_file_is_swept(job: FolderJob) -> None:
    with _holder(job) as holder:
        with pytest.raises(Busy), job.lock(0):
            pass
        assert job.names() == frozenset()

        os.kill(holder.pid, signal.SIGKILL)
        with job.lock(DEADLINE_SECONDS):
            assert len(_listing(job)) == 2
            job.sweep()
            assert _listing(job) == [".lock"]


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(threads=st.integers(2, 12), rounds=st.integers(1, 15))
def test_the_lock_file_comes_and_goes_and_no_turn_is_lost(tmp_path: Path, threads: int, rounds: int) -> None:
    """Each holder removes the file that others already wait for: the count tells whether two ever were inside."""
    counter, path = tmp_path / "counter", tmp_path / "shared.lock"
    counter.write_text("0")

    def count() -> None:
        for _ in range(rounds):
            while True:
                try:
                    with locked(path, 0):
                        value = int(counter.read_text())
                        counter.write_text(str(value + 1))
                        break
                except Busy:
                    continue

    workers = [threading.Thread(target=count) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert counter.read_text() == str(threads * rounds)
    assert not path.exists()
