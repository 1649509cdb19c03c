"""A lesson video goes through the three workers, each a process of its own, and comes out as words and terms."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pysubs2
import pytest

from tests.tiny_whisper.corpus import Voices
from tests.tiny_whisper.error_rate import edits, normalised
from tests.tiny_whisper.speech import Lesson, lesson
from tests.workers.conftest import MakeRig
from tests.workers.lessons import terms_in, video
from tests.workers.rig import BY_STAGE, ORDER, Conductor, Rig, wait_until
from thoth_infra.contract.metrics import NAMESPACE
from workers.common import manifest
from workers.common.messages import Result, Status
from workers.common.transcript import Transcript
from workers.music_terms.terms import Terms

pytestmark = [pytest.mark.usefixtures("media_tools"), pytest.mark.xdist_group("workers")]

# Chosen among the first lessons: the tiny model hears each of its terms right. Its error rates over many lessons stand
# in tests/tiny_whisper/README.md.
SEED, SECONDS = 15, 60


@dataclass(frozen=True)
class Finished:
    """A job that has gone through."""

    lesson: Lesson
    folder: Path
    rig: Rig
    results: list[Result]
    percents: list[float]

    def transcript(self) -> Transcript:
        return Transcript.model_validate_json((self.folder / "transcript.json").read_bytes())

    def terms(self) -> Terms:
        return Terms.model_validate_json((self.folder / "terms.json").read_bytes())


@pytest.fixture(scope="module")
def spoken() -> Lesson:
    return lesson(SECONDS, SEED, voices=Voices.SEEN)


@pytest.fixture
def finished(make_rig: MakeRig, spoken: Lesson, tmp_path: Path) -> Finished:
    made = make_rig(overrides={"CHECKPOINT_SECONDS": "30", "WHISPER_BATCH_SIZE": "2"})
    made.add("lesson-1", video(spoken, tmp_path / "source.mp4"))
    for stage in ORDER:
        made.start(BY_STAGE[stage])
    with Conductor(made, lambda _, stage: {"source": "source.mp4"} if stage is ORDER[0] else {}) as conductor:
        conductor.begin("lesson-1")
        wait_until(lambda: conductor.finished("lesson-1"), 120, "the end of the job", made)
        # The result comes before the message is deleted and the figures are counted.
        wait_until(lambda: made.logs().count('"stage_completed"') == len(ORDER), 30, "the end of the last stage", made)
    results = [result for stage in ORDER for result in conductor.ended["lesson-1", stage]]
    return Finished(spoken, made.jobs / "lesson-1", made, results, conductor.percents)


def test_a_video_becomes_words_and_terms(finished: Finished) -> None:
    assert [(r.stage, r.status) for r in finished.results] == [(stage, Status.COMPLETED) for stage in ORDER]
    _words_are_right(finished)
    _terms_are_found_in_time(finished)
    _subtitles_hold_the_same_words(finished)
    _manifest_describes_the_folder(finished)
    _metrics_are_said(finished)
    for stage in ORDER:
        assert finished.rig.waiting(stage) == (0, 0)


def _words_are_right(finished: Finished) -> None:
    transcript = finished.transcript()
    heard = [word for segment in transcript.segments for word in segment.words]
    truth = [word.text for word in finished.lesson.words]
    assert edits(truth, normalised(" ".join(word.text for word in heard))) <= 0.15 * len(truth)
    assert (transcript.language, transcript.job_id) == ("en", "lesson-1")
    assert transcript.duration == pytest.approx(finished.lesson.seconds, abs=0.2)
    assert [w.start for w in heard] == sorted(w.start for w in heard)
    assert all(w.start <= w.end <= transcript.duration + 0.1 for w in heard)
    text = (finished.folder / "transcript.txt").read_text()
    assert text.split() == [word.text for word in heard]


def _terms_are_found_in_time(finished: Finished) -> None:
    found = {(term.canonical.lower().replace("-", " "), term.start) for term in finished.terms().terms}
    said = terms_in(finished.lesson.words)
    assert len(said) >= 10
    missed = [t for t in said if not any(name == t.text and abs(at - t.start) <= 0.5 for name, at in found)]
    assert not missed, sorted(found, key=lambda pair: pair[1])


def _subtitles_hold_the_same_words(finished: Finished) -> None:
    segments = finished.transcript().segments
    for suffix in ("srt", "vtt"):
        cues = pysubs2.load(str(finished.folder / f"transcript.{suffix}"))
        assert [" ".join(cue.plaintext.split()) for cue in cues] == [segment.text for segment in segments]
        times = [(cue.start / 1000, cue.end / 1000) for cue in cues]
        assert times == [pytest.approx((s.start, s.end), abs=0.002) for s in segments]


def _manifest_describes_the_folder(finished: Finished) -> None:
    folder = finished.rig.jobs / "lesson-1"
    found = manifest.Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    assert set(found.stages) == set(ORDER)
    assert {name for record in found.stages.values() for name in record.artefacts} == set(found.artefacts)
    assert {path.name for path in folder.iterdir()} == {"source.mp4", "manifest.json", *found.artefacts}
    assert all(manifest.measured(folder / name) == known for name, known in found.artefacts.items())
    assert found.stages[ORDER[1]].cost is not None


def _metrics_are_said(finished: Finished) -> None:
    lines = [json.loads(line) for line in finished.rig.logs().splitlines() if line.startswith('{"_aws"')]
    assert {line["Service"] for line in lines} == {BY_STAGE[stage].name for stage in ORDER}
    for line in lines:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert (directive["Namespace"], directive["Dimensions"]) == (NAMESPACE, [["Environment", "Service"]])
        assert line["job_id"] == "lesson-1"
