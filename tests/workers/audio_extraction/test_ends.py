"""However a run ends — told to stop, killed, out of time or space — nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.workers.audio_extraction.jobs import LIMITS, PLAIN, Lesson, children, job_of, lesson
from tests.workers.audio_extraction.media import Media
from workers.audio_extraction import confined
from workers.audio_extraction.confined import Limits
from workers.audio_extraction.handler import AudioExtraction
from workers.common.errors import PoisonError, RetryableError, Stopped
from workers.common.folder import FolderJob
from workers.common.held import Quiet


@pytest.fixture
def half_an_hour(media: Media, tmp_path: Path) -> Lesson:
    """A long lesson."""
    return lesson(tmp_path, media.tone("half_an_hour.flac", "anoisesrc=d=1800:r=16000:a=0.1"))


@dataclass
class Stopping(Quiet):
    """Told to stop as soon as sound comes out."""

    running: list[int] = field(default_factory=list)

    def progress(self, percent: float) -> None:
        """Stop."""
        self.running.extend(children())
        self.stopping.set()
        super().progress(percent)


@dataclass
class Killing(Quiet):
    """Kills FFmpeg as the kernel does when memory runs out."""

    signal: int = signal.SIGKILL

    def progress(self, percent: float) -> None:
        """Kill, once."""
        if not self.percents:
            for process in children():
                os.kill(process, self.signal)
        super().progress(percent)


@dataclass
class KillingTheGain(Quiet):
    """Kills the FFmpeg that sets the loudness."""

    def checkpoint(self) -> None:
        """Kill it when it is there."""
        for process in children():
            if b"volume=" in Path(f"/proc/{process}/cmdline").read_bytes():
                os.kill(process, signal.SIGKILL)
        super().checkpoint()


def test_killed_while_it_sets_the_loudness(media: Media, tmp_path: Path) -> None:
    minute = lesson(tmp_path, media.tone("minute.flac", "anoisesrc=d=60:r=16000:a=0.1"))

    error = minute.refused(AudioExtraction(LIMITS, normalise=True), KillingTheGain())

    assert error.code == "ffmpeg_killed"


def test_told_to_stop_it_leaves_at_once(half_an_hour: Lesson) -> None:
    before, work = half_an_hour.listing(), Stopping()

    with pytest.raises(Stopped):
        half_an_hour.perform(work=work)

    assert work.running, "FFmpeg did not run when the stop came"
    assert not children()
    assert half_an_hour.listing() == before


def test_told_to_stop_it_does_not_wait_for_a_child_that_pays_no_heed(media: Media, tmp_path: Path) -> None:
    work, marker = Quiet(), tmp_path / "went on"
    script = f"trap '' PIPE TERM HUP; echo ready; sleep 2; : > '{marker}'"

    with pytest.raises(Stopped):
        confined.run(["sh", "-c", script], LIMITS, work, lambda _: work.stopping.set())

    assert not marker.exists()


def test_told_to_stop_before_it_began(half_an_hour: Lesson) -> None:
    before, work = half_an_hour.listing(), Quiet()
    work.stopping.set()

    with pytest.raises(Stopped):
        half_an_hour.perform(work=work)

    assert not children()
    assert half_an_hour.listing() == before


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (signal.SIGKILL, "ffmpeg_killed"),
        (signal.SIGTERM, "ffmpeg_killed"),
        (signal.SIGSEGV, "bad_audio"),
    ],
)
def test_ffmpeg_killed_from_outside_may_be_tried_again(half_an_hour: Lesson, sent: int, code: str) -> None:
    error = half_an_hour.refused(work=Killing(signal=sent))

    assert error.code == code
    assert isinstance(error, RetryableError) == (code == "ffmpeg_killed")


def test_time_out(half_an_hour: Lesson) -> None:
    error = half_an_hour.refused(AudioExtraction(Limits(wall_seconds=0.05), normalise=False))

    assert (error.code, type(error)) == ("ffmpeg_timeout", PoisonError)


@dataclass(frozen=True)
class FullDisk(FolderJob):
    """A folder on a disk where not a byte is left."""

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Yield a path that takes no bytes."""
        with super().writing(name) as path:
            path.symlink_to("/dev/full")
            yield path


def test_a_full_disk_may_be_tried_again(media: Media, tmp_path: Path) -> None:
    whole = lesson(tmp_path, media.lesson("mp4"))
    work = replace(whole, job=job_of(FullDisk(whole.job.files.job_id, whole.folder), {"source": "source.mp4"}))

    error = work.refused()

    assert (error.code, error.retryable) == ("disk_full", True)


def test_what_ffmpeg_may_do(media: Media, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for FFmpeg")
    said = bytearray()
    limits_of = "".join(f"ulimit -H{kind}; " for kind in "tvnfc")
    script = f"{limits_of} ls -A | wc -l; grep NoNewPrivs /proc/self/status; env"

    confined.run(["sh", "-c", script], Limits(wall_seconds=30), Quiet(), said.extend)

    *limits, privileges = said.decode().split("\n")[:7]
    assert limits == ["61", str(2 << 20), "64", "0", "0", "0"]
    assert privileges.split() == ["NoNewPrivs:", "1"]
    assert "AWS" not in said.decode()


def test_it_can_write_no_file(media: Media, tmp_path: Path) -> None:
    target = tmp_path / "out.wav"

    with pytest.raises(RetryableError, match="SIGXFSZ"):
        confined.run(["sh", "-c", f"trap - XFSZ; exec cat /dev/zero > {target}"], LIMITS, Quiet(), lambda _: None)

    assert target.stat().st_size == 0


def test_a_worker_that_is_killed_takes_ffmpeg_along(media: Media) -> None:
    program = (
        "from workers.audio_extraction.confined import Limits, run\n"
        "from workers.common.held import Quiet\n"
        "run(['sh', '-c', 'echo $$; exec sleep 600'], Limits(600), Quiet(), lambda d: print(d.decode(), flush=True))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as worker:
        assert worker.stdout
        sleeper = int(worker.stdout.readline())
        assert Path(f"/proc/{sleeper}").exists()
        worker.kill()
    for _ in range(500):
        if not Path(f"/proc/{sleeper}").exists() or "(zombie)" in Path(f"/proc/{sleeper}/status").read_text():
            return
        time.sleep(0.01)
    pytest.fail("FFmpeg has outlived its worker")


def test_the_next_attempt_succeeds_after_a_stop(half_an_hour: Lesson) -> None:
    with pytest.raises(Stopped):
        half_an_hour.perform(work=Stopping())

    done = half_an_hour.perform(PLAIN)

    assert done.record.audio_seconds == pytest.approx(1800, abs=0.1)
