"""The drill: hundreds of jobs while all that can fail does, and in the end nothing is lost, doubled or half done.

Two minutes of a random SIGKILL or SIGTERM every second, doubled and shuffled messages, a full disk for ten seconds, SQS
answering 500 for ten seconds. `make drill` runs it.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.aws_proxy import Failing, proxy
from tests.tiny_whisper.corpus import Voices
from tests.tiny_whisper.speech import lesson
from tests.workers.conftest import MakeRig
from tests.workers.faults import filled, small_disk
from tests.workers.lessons import video
from tests.workers.rig import BY_STAGE, ORDER, Conductor, Rig, wait_until
from thoth_infra.contract.queues import Stage
from thoth_infra.emulator import Emulator
from workers.common import manifest
from workers.common.messages import Status

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("media_tools")]

JOBS, POISONED, LESSONS, COPIES, SECONDS = 200, 8, 6, 3, 120
_ARTEFACTS = {
    "source.mp4", "audio.wav", "audio.json", "transcript.json", "transcript.txt", "transcript.srt", "transcript.vtt",
    "terms.json", "manifest.json",
}  # fmt: skip


class Fleet:
    """Three workers of each kind; whoever dies is started again."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.workers: dict[tuple[Stage, int], subprocess.Popen[bytes]] = {}
        for stage in ORDER:
            for number in range(COPIES):
                self._start(stage, number)

    def hurt(self, rng: random.Random) -> signal.Signals:
        """Kill one, kindly or not."""
        which = rng.choice(sorted(self.workers))
        how = rng.choice((signal.SIGKILL, signal.SIGTERM))
        self.workers[which].send_signal(how)
        return how

    def mend(self) -> None:
        """Start again what has ended."""
        for (stage, number), process in list(self.workers.items()):
            if process.poll() is not None:
                self._start(stage, number)

    def _start(self, stage: Stage, number: int) -> None:
        log = self.rig.folder / f"{stage}-{number}.log"
        self.workers[stage, number] = self.rig.start(BY_STAGE[stage], log=log)


def test_nothing_is_lost_doubled_or_half_done(aws: Emulator, make_rig: MakeRig, tmp_path: Path) -> None:
    rng = random.Random(20261123)  # noqa: S311 - no secret
    sources = [video(lesson(3, seed, voices=Voices.SEEN), tmp_path / f"{seed}.mp4") for seed in range(LESSONS)]
    outage = Failing()
    with proxy(aws.url, outage) as between:
        # A kill every second is a thousand times what spot does: the limit of deliveries, which tells broken messages
        # from unlucky ones, has to be as much higher.
        rig = make_rig(endpoint=between.url, max_receives=40, overrides={"VISIBILITY_TIMEOUT_SECONDS": "12"})
        with small_disk(rig.jobs, 600) as small:
            if not small:
                pytest.skip("a small file system can't be mounted here (needs root)")
            _drill(rig, outage, sources, rng)
            _judge(rig, sources)


def _drill(rig: Rig, outage: Failing, sources: list[Path], rng: random.Random) -> None:
    jobs = [f"job-{n:03}" for n in range(JOBS)]
    poisoned = [f"poison-{n}" for n in range(POISONED)]
    for number, job_id in enumerate(jobs):
        rig.add(job_id, sources[number % LESSONS])
    for job_id in poisoned:
        (rig.jobs / job_id).mkdir()
        (rig.jobs / job_id / "source.mp4").write_text("no film\n" * rng.randint(1, 500))
    fleet = Fleet(rig)
    with Conductor(rig, lambda _, stage: {"source": "source.mp4"} if stage is ORDER[0] else {}) as conductor:
        order = [*jobs, *jobs[::3], *poisoned]
        rng.shuffle(order)
        for job_id in order:
            conductor.begin(job_id)
        _send_nonsense(rig)
        hurt = _chaos(rig, outage, fleet, conductor, rng)
        _settle(fleet, lambda: all(conductor.finished(job_id) for job_id in (*jobs, *poisoned)), rig)
        _settle(fleet, lambda: all(rig.waiting(stage) == (0, 0) for stage in ORDER), rig)
        for process in fleet.workers.values():
            process.send_signal(signal.SIGTERM)
        assert [process.wait(60) for process in fleet.workers.values()] == [0] * len(fleet.workers)
        ended = {job: [r.status for r in conductor.ended[job, ORDER[-1]]] for job in jobs}
        assert all(set(states) == {Status.COMPLETED} for states in ended.values())
        codes = {
            job: {r.error.code for r in conductor.ended[job, ORDER[0]] if r.error and r.status is Status.FAILED}
            for job in poisoned
        }
        assert all(len(found) == 1 for found in codes.values()), codes
    print(f"{len(jobs)} jobs complete, {len(poisoned) + 2} dead letters; {dict(hurt)}; {outage.failed} answers of 500")  # noqa: T201


def _send_nonsense(rig: Rig) -> None:
    queue = BY_STAGE[ORDER[2]].consumes
    assert queue
    for body in ("{", json.dumps({"version": 99, "job_id": "x", "stage": "music-terms"})):
        rig.sqs.send_message(QueueUrl=rig.url(queue), MessageBody=body)


def _chaos(rig: Rig, outage: Failing, fleet: Fleet, conductor: Conductor, rng: random.Random) -> Counter[str]:
    hurt: Counter[str] = Counter()
    begun = time.monotonic()
    plans: list[tuple[float, Any]] = [(30, _no_queue(outage)), (70, _no_disk(rig))]
    while (now := time.monotonic() - begun) < SECONDS:
        if plans and now >= plans[0][0]:
            plans.pop(0)[1].start()
        hurt[fleet.hurt(rng).name] += 1
        # A queue that delivers at least once delivers some twice.
        job_id, stage = rng.choice([*conductor.ended]) if conductor.ended else ("", ORDER[0])
        if job_id:
            conductor.ask(job_id, stage)
        time.sleep(1)
        fleet.mend()
    return hurt


def _no_queue(outage: Failing) -> threading.Thread:
    def fail() -> None:
        outage.now.set()
        time.sleep(10)
        outage.now.clear()

    return threading.Thread(target=fail)


def _no_disk(rig: Rig) -> threading.Thread:
    def fill() -> None:
        with filled(rig.jobs):
            time.sleep(10)

    return threading.Thread(target=fill)


def _settle(fleet: Fleet, condition: Any, rig: Rig) -> None:
    def holds() -> bool:
        fleet.mend()
        return bool(condition())

    wait_until(holds, 600, "the end of all jobs", rig)


def _judge(rig: Rig, sources: list[Path]) -> None:
    transcripts: dict[int, set[str]] = {}
    for number in range(JOBS):
        folder = rig.jobs / f"job-{number:03}"
        assert {path.name for path in folder.iterdir()} == _ARTEFACTS, folder.name
        found = manifest.Manifest.model_validate_json((folder / "manifest.json").read_bytes())
        assert set(found.stages) == set(ORDER)
        assert all(manifest.measured(folder / name) == known for name, known in found.artefacts.items()), folder.name
        transcripts.setdefault(number % len(sources), set()).add((folder / "transcript.txt").read_text())
    assert [len(texts) for texts in transcripts.values()] == [1] * len(sources), "jobs of one lesson differ"
    dead = {stage: rig.dead_letters(stage) for stage in ORDER}
    assert {json.loads(letter["body"])["job_id"] for letter in dead[ORDER[0]]} == {
        f"poison-{n}" for n in range(POISONED)
    }
    assert dead[ORDER[1]] == []
    assert sorted(letter["code"] for letter in dead[ORDER[2]]) == ["bad_message", "unknown_version"]
    assert all(letter["reason"] and letter["service"] for letters in dead.values() for letter in letters)
    for number in range(POISONED):
        assert {path.name for path in (rig.jobs / f"poison-{number}").iterdir()} == {"source.mp4"}
