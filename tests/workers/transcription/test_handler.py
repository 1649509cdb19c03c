"""The whole stage, from a job folder with sound to one with a transcript."""

from __future__ import annotations

import json
import wave
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_whisper import MODEL
from tests.tiny_whisper.error_rate import edits, normalised
from tests.tiny_whisper.speech import Lesson
from tests.workers.transcription.rig import ARTEFACTS, CPU_HOST, handler, job, no_download, run, silence, transcript
from workers.common.errors import PoisonError, RetryableError, Stopped
from workers.common.held import Quiet
from workers.common.ports import Job
from workers.transcription import audio, checkpoint
from workers.transcription.handler import Choices, Params, Transcription


@dataclass
class Stopping(Quiet):
    """A worker that is told to stop after some groups."""

    after: int = 1

    def progress(self, percent: float) -> None:
        """Count; the next checkpoint raises ``Stopped``."""
        super().progress(percent)
        if len(self.percents) >= self.after:
            self.stopping.set()


@pytest.fixture(scope="module")
def whole(model: Any, spoken: Lesson, tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, Quiet]:
    """The lesson's job, done without an interruption."""
    made, work = job(tmp_path_factory.mktemp("whole"), spoken), Quiet()
    run(handler(model), made, work)
    return made, work


def refused(model: Any, made: Job) -> PoisonError:
    with pytest.raises(PoisonError) as caught:
        run(handler(model), made)
    assert caught.value.hint
    return caught.value


def test_a_lesson_becomes_a_transcript_in_four_formats(whole: tuple[Job, Quiet], spoken: Lesson) -> None:
    made, _ = whole
    found = transcript(made)
    said = [word.text for word in spoken.words]
    text = made.files.local("transcript.txt").read_text()
    assert edits(said, normalised(text)) <= 0.15 * len(said)
    assert (found.job_id, found.language, found.model) == ("lesson-1", "en", str(MODEL))
    assert found.language_probability > 0.5
    assert found.duration == pytest.approx(spoken.seconds, abs=0.001)
    assert made.files.names() == {audio.NAME, *ARTEFACTS}
    assert not list(made.files.local(audio.NAME).parent.glob(".*"))


def test_progress_ascends_to_a_hundred(whole: tuple[Job, Quiet]) -> None:
    _, work = whole
    assert len(work.percents) >= 3
    assert work.percents == sorted(set(work.percents))
    assert work.percents[-1] == 100


def test_the_outcome_tells_the_figures_and_the_transcript_the_settings(
    model: Any, spoken: Lesson, tmp_path: Path
) -> None:
    short = Lesson(spoken.samples[: 6 * audio.RATE], (), ())
    made = job(tmp_path, short, language="en", initial_prompt="Barre chords.", glossary=["capo"])
    outcome = run(handler(model), made)
    found = transcript(made)
    assert (found.settings["prompt"], found.settings["language"]) == ("Barre chords. Glossary: capo.", "en")
    assert outcome.artefacts == ARTEFACTS
    assert outcome.audio_seconds == pytest.approx(6)
    assert outcome.metrics == {
        "words": sum(len(segment.words) for segment in found.segments),
        "confidence": found.confidence,
        "language_probability": 1.0,
    }


@pytest.mark.parametrize("seconds", [0, 0.01, 5])
def test_silence_makes_an_empty_transcript(model: Any, tmp_path: Path, seconds: float) -> None:
    made = job(tmp_path, silence(seconds))
    assert run(handler(model), made).artefacts == ARTEFACTS
    found = transcript(made)
    assert (found.segments, found.confidence, found.language_probability) == ((), 0, 0)
    assert [made.files.local(name).read_text() for name in ARTEFACTS[1:]] == ["", "", "WEBVTT\n"]


def test_no_sound_is_an_error_for_good(model: Any, tmp_path: Path) -> None:
    assert refused(model, job(tmp_path)).code == "no_audio"


def test_sound_of_another_format_is_an_error_for_good(model: Any, tmp_path: Path) -> None:
    made = job(tmp_path, silence(1))
    with made.files.writing(audio.NAME) as path, wave.open(str(path), "wb") as file:
        file.setframerate(44_100)
        file.setnchannels(2)
        file.setsampwidth(2)
        file.writeframes(bytes(400))
    assert refused(model, made).code == "bad_audio"


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"language": "xx"}, "'xx'"),
        ({"language": "English"}, "params.language"),
        ({"lenguage": "en"}, "params.lenguage"),
        ({"initial_prompt": "x" * 801}, "params.initial_prompt"),
        ({"glossary": ["capo", "y" * 81]}, "params.glossary.1"),
    ],
)
def test_wrong_params_are_refused_by_name(model: Any, tmp_path: Path, params: dict[str, Any], named: str) -> None:
    error = refused(model, job(tmp_path, silence(1), **params))
    assert error.code == "bad_params"
    assert named in error.message


def test_the_prompt_names_sixty_terms_after_the_users_own_words() -> None:
    terms = [f"term{number:02}" for number in range(80)]
    prompt = Params(initial_prompt="A guitar lesson.", glossary=tuple(terms)).prompt
    assert prompt == f"A guitar lesson. Glossary: {', '.join(terms[:60])}."
    assert Params(initial_prompt="A guitar lesson.").prompt == "A guitar lesson."
    assert Params(glossary=("capo",)).prompt == "Glossary: capo."
    assert Params(initial_prompt="").prompt is None


def groups_of(made: Job) -> int:
    """Return how many groups an interrupted job's checkpoint holds."""
    return len(json.loads(made.files.local(checkpoint.NAME).read_bytes())["groups"])


@pytest.fixture(scope="module")
def interrupted(model: Any, spoken: Lesson, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The lesson's job, interrupted after two groups."""
    made = job(tmp_path_factory.mktemp("interrupted"), spoken)
    with pytest.raises(Stopped):
        run(handler(model), made, Stopping(after=2))
    assert made.files.names() == {audio.NAME}
    assert groups_of(made) == 2
    return made


@pytest.fixture
def found(interrupted: Job, spoken: Lesson, tmp_path: Path) -> Job:
    """The same job, to a worker that finds it."""
    made = job(tmp_path, spoken)
    with made.files.writing(checkpoint.NAME) as path:
        path.write_bytes(interrupted.files.local(checkpoint.NAME).read_bytes())
    return made


def test_an_interrupted_job_is_resumed_and_comes_out_the_same(model: Any, found: Job, whole: tuple[Job, Quiet]) -> None:
    work = Quiet()
    run(handler(model), found, work)
    assert work.percents == whole[1].percents[2:]
    for name in ARTEFACTS:
        assert found.files.local(name).read_bytes() == whole[0].files.local(name).read_bytes()
    with pytest.raises(FileNotFoundError):
        found.files.local(checkpoint.NAME)


def begins_anew(model: Any, made: Job, /, **changes: Any) -> None:
    """Assert that the two groups of the checkpoint are not used."""
    work = Stopping(after=1)
    with pytest.raises(Stopped):
        run(handler(model, **changes), made, work)
    assert groups_of(made) == 1


@pytest.mark.parametrize("change", [{"batch_size": 2}, {"model": "another"}, {"chunk_seconds": 8}])
def test_other_settings_begin_anew(model: Any, found: Job, change: dict[str, Any]) -> None:
    begins_anew(model, found, **change)


def test_other_params_begin_anew(model: Any, found: Job) -> None:
    begins_anew(model, replace(found, request=found.request.model_copy(update={"params": {"glossary": ["capo"]}})))


def test_other_sound_begins_anew(model: Any, found: Job, spoken: Lesson) -> None:
    with found.files.writing(audio.NAME) as path:
        replace(spoken, samples=spoken.samples * 0.98).write(path)
    begins_anew(model, found)


def starting(tmp_path: Path, **changes: Any) -> Transcription:
    values: dict[str, Any] = {
        "model": str(MODEL), "models": tmp_path, "compute_type": "int8", "batch_size": 1, "allow_cpu": True,
        "checkpoint_seconds": 30,
    }  # fmt: skip
    download = changes.pop("download", no_download)
    return Transcription(Choices(**{**values, **changes}), lambda: CPU_HOST, download)


def test_a_start_loads_the_model(tmp_path: Path) -> None:
    worker = starting(tmp_path)
    worker.start(Quiet())
    assert {"en", "de"} <= worker.engine.languages
    assert list(tmp_path.iterdir()) == []


def test_a_start_without_a_gpu_downloads_nothing(tmp_path: Path) -> None:
    with pytest.raises(PoisonError, match="no_gpu"):
        starting(tmp_path, model="tiny", allow_cpu=False).start(Quiet())


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json"])
def test_a_model_damaged_on_disk_is_downloaded_again_at_the_next_start(tmp_path: Path, name: str) -> None:
    times: list[str] = []

    def download(model: str, folder: Path) -> Path:
        times.append(model)
        for path in MODEL.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        return folder

    starting(tmp_path, model="tiny", download=download).start(Quiet())
    damaged = tmp_path / "tiny" / name
    damaged.chmod(0o644)
    damaged.write_bytes(b"\0" * damaged.stat().st_size)

    with pytest.raises(RetryableError, match=f"model_damaged: {name}"):
        starting(tmp_path, model="tiny", download=download).start(Quiet())
    assert times == ["tiny"]
    starting(tmp_path, model="tiny", download=download).start(Quiet())
    assert times == ["tiny", "tiny"]
