"""A worker that is told to stop in the middle of a lesson hands it back; another one goes on where it was."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.marks import slow
from tests.tiny_whisper.corpus import Voices
from tests.tiny_whisper.speech import Lesson, lesson
from tests.workers.conftest import MakeRig
from tests.workers.rig import Rig, wait_until
from thoth_infra.contract.queues import Stage
from thoth_infra.contract.services import TRANSCRIPTION
from workers.common.messages import Result, Status

pytestmark = [pytest.mark.usefixtures("media_tools"), pytest.mark.xdist_group("workers")]

_TIMES = {"CHECKPOINT_SECONDS": "30", "WHISPER_BATCH_SIZE": "4"}


def _long(minutes: float) -> Lesson:
    """Return a lesson of that length: three minutes of speech, again and again, each time a little louder."""
    part = lesson(min(minutes, 3) * 60, 11, voices=Voices.SEEN).samples
    times = max(round(minutes * 60 * 16_000 / len(part)), 1)
    return Lesson(np.concatenate([part * (1 + 0.01 * n) for n in range(times)]), (), ())


def _prepare(rig: Rig, job_id: str, sound: Lesson) -> None:
    folder = rig.jobs / job_id
    folder.mkdir()
    sound.write(folder / "audio.wav")
    rig.send(rig.request(job_id, Stage.TRANSCRIPTION, {"language": "en"}))


def _lines(path: Path, message: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("message") == message]


def _completed(rig: Rig, found: list[Result]) -> bool:
    found += rig.results()
    return any(result.status is Status.COMPLETED for result in found)


def _text(rig: Rig, job_id: str) -> dict[str, Any]:
    transcript = json.loads((rig.jobs / job_id / "transcript.json").read_text())
    assert transcript.pop("job_id") == job_id
    assert isinstance(transcript, dict)
    return transcript


@pytest.mark.parametrize("minutes", slow(2, 30))
def test_an_interrupted_transcription_is_resumed_and_comes_out_the_same(make_rig: MakeRig, minutes: float) -> None:
    rig, sound = make_rig(overrides=_TIMES), _long(minutes)
    first, second = rig.folder / "first.log", rig.folder / "second.log"
    _prepare(rig, "interrupted", sound)
    stopped = rig.start(TRANSCRIPTION, log=first)
    wait_until(lambda: len(_lines(first, "group done")) >= 2, 240, "the second checkpoint", rig)

    stopped.send_signal(signal.SIGTERM)
    told = time.monotonic()
    wait_until(lambda: rig.waiting(Stage.TRANSCRIPTION) == (1, 0), 30, "the hand-back", rig)
    handed_back = time.monotonic() - told
    print(f"handed back after {handed_back:.1f} s")  # noqa: T201 - the figures of the drill
    assert stopped.wait(30) == 0
    assert rig.results() == [] or not _lines(first, "completed")

    found: list[Result] = []
    rig.start(TRANSCRIPTION, log=second)
    wait_until(lambda: _completed(rig, found), 600, "the end of the resumed job", rig)
    (resumed,) = _lines(second, "resumed")
    done = len(_lines(first, "group done"))
    assert resumed["groups"] == done
    # What was under way when the signal came is the only work that is done twice: less than one group.
    assert len(_lines(second, "group done")) == resumed["of"] - done
    print(f"{done} of {resumed['of']} groups were kept; less than {1 / resumed['of']:.1%} of the work was repeated")  # noqa: T201 - the figures of the drill
    assert minutes < 30 or (1 / resumed["of"] <= 0.10 and handed_back <= 5)
    assert {p.name for p in (rig.jobs / "interrupted").iterdir()} == {
        "audio.wav", "manifest.json", *(f"transcript.{suffix}" for suffix in ("json", "txt", "srt", "vtt"))
    }  # fmt: skip

    _prepare(rig, "whole", sound)
    found.clear()
    wait_until(lambda: _completed(rig, found), 600, "the end of the uninterrupted job", rig)
    assert _text(rig, "interrupted") == _text(rig, "whole")


def test_a_killed_worker_loses_nothing_but_its_last_group(make_rig: MakeRig) -> None:
    rig, sound = make_rig(overrides={**_TIMES, "VISIBILITY_TIMEOUT_SECONDS": "6"}), _long(2)
    first, second = rig.folder / "first.log", rig.folder / "second.log"
    _prepare(rig, "killed", sound)
    killed = rig.start(TRANSCRIPTION, log=first)
    wait_until(lambda: _lines(first, "group done"), 120, "the first checkpoint", rig)
    killed.kill()
    killed.wait()
    rig.start(TRANSCRIPTION, log=second)
    found: list[Result] = []
    wait_until(lambda: _completed(rig, found), 240, "the end of the resumed job", rig)
    assert _lines(second, "resumed")
    assert not list((rig.jobs / "killed").glob(".*"))
