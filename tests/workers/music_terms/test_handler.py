"""The whole stage, from a job folder with a transcript to one with terms."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.music_terms.lessons import glossary, job, transcript
from thoth_infra.contract.queues import Stage
from workers.common import manifest
from workers.common.errors import PoisonError, Stopped
from workers.common.folder import FolderFiles
from workers.common.held import Quiet
from workers.common.stage import Done, perform
from workers.common.transcript import Transcript
from workers.music_terms.annotate import Spoken, found_terms
from workers.music_terms.handler import MusicTerms
from workers.music_terms.matcher import Matcher
from workers.music_terms.source import NAME, GlossarySource
from workers.music_terms.terms import FoundTerm, Terms

SMALL = glossary("hammer on", "minor pentatonic scale", "scale", "barre chord", "C sharp minor", "étude")
MATCHER = Matcher(SMALL)


def run(root: Path, spoken: Transcript | None, attempt: int = 1) -> Done:
    handler = MusicTerms(GlossarySource(root, lambda: SMALL))
    handler.start(Quiet())
    return perform(handler, job(root, spoken, attempt), None, Quiet(), None)


def terms(root: Path) -> Terms:
    return Terms.model_validate_json(FolderFiles(root).job("lesson").local("terms.json").read_bytes())


def test_terms_have_their_places_and_seconds(tmp_path: Path) -> None:
    done = run(tmp_path, transcript("Now play the Minor-Pentatonic scale,", "then a hammer-on. And a C♯ minor étude!"))
    found = terms(tmp_path)
    assert found.terms[0] == FoundTerm(
        id="t1",
        term="minor-pentatonic-scale",
        category="music",
        surface="Minor-Pentatonic scale",
        canonical="minor pentatonic scale",
        segment_id=0,
        first_word=3,
        last_segment_id=0,
        last_word=4,
        start=1.5,
        end=2.4,
        context="Now play the Minor-Pentatonic scale, then a hammer-on. And a C♯",
    )
    assert [
        (term.id, term.surface, term.segment_id, term.first_word, term.start, term.end) for term in found.terms[1:]
    ] == [
        ("t2", "hammer-on", 1, 2, 3.5, 3.9),
        ("t3", "C♯ minor", 1, 5, 5.0, 5.9),
        ("t4", "étude", 1, 7, 6.0, 6.4),
    ]
    assert found.counts == {"music": 4}
    assert (found.job_id, found.language, found.glossary.name, found.glossary.problem) == (
        "lesson",
        "en",
        "small",
        None,
    )
    assert done.record.artefacts == ("terms.json",)
    assert done.record.audio_seconds == 6.5
    assert done.record.metrics == {"words": 13, "terms": 4, "distinct_terms": 4}


def test_a_term_across_segments_has_both_its_ends(tmp_path: Path) -> None:
    run(tmp_path, transcript("this is a barre", "chord here"))
    (found,) = terms(tmp_path).terms
    assert (found.segment_id, found.first_word, found.last_segment_id, found.last_word) == (0, 3, 1, 0)
    assert (found.start, found.end, found.surface) == (1.5, 2.4, "barre chord")


def test_a_transcript_without_words_has_no_terms(tmp_path: Path) -> None:
    for lines in ((), ("",), ("hello there",)):
        root = tmp_path / str(len(lines)) / "_".join(lines).replace(" ", "-")
        run(root, transcript(*lines))
        assert (terms(root).terms, terms(root).counts) == ((), {"music": 0})


def test_a_long_lesson_is_found_whole_with_progress(tmp_path: Path) -> None:
    work = Quiet()
    handler = MusicTerms(GlossarySource(tmp_path, lambda: SMALL))
    spoken = transcript(*["play the scale and a barre chord now"] * 3000)
    perform(handler, job(tmp_path, spoken), None, work, None)
    found = terms(tmp_path).terms
    assert len(found) == 6000
    assert [term.start for term in found[:4]] == [1.0, 2.5, 5.0, 6.5]
    assert found[-1].segment_id == 2999
    assert work.percents == sorted(work.percents)
    assert len(work.percents) == 6
    assert 99 < work.percents[-1] <= 100


def test_a_worker_that_shall_stop_leaves_nothing_behind(tmp_path: Path) -> None:
    stopping = threading.Event()
    stopping.set()
    handler = MusicTerms(GlossarySource(tmp_path, lambda: SMALL))
    with pytest.raises(Stopped):
        perform(handler, job(tmp_path, transcript("a scale")), None, Quiet(stopping), None)
    assert [path.name for path in (tmp_path / "lesson").iterdir()] == ["transcript.json"]


def test_no_transcript_is_poison(tmp_path: Path) -> None:
    with pytest.raises(PoisonError) as refused:
        run(tmp_path, None)
    assert refused.value.code == "no_transcript"
    assert refused.value.hint


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "bad_transcript"),
        (b"{}", "bad_transcript"),
        (b"[1]", "bad_transcript"),
        (b'{"version": 1, "segments"', "bad_transcript"),
        (b'{"version": 1, "segments": []}', "bad_transcript"),
        (b'{"version": 2, "segments": []}', "unknown_transcript_version"),
        (b"\xff\x00\xfe", "bad_transcript"),
    ],
)
def test_what_is_no_transcript_is_poison_and_leaves_no_terms(tmp_path: Path, content: bytes, code: str) -> None:
    asked = job(tmp_path, transcript("a scale"))
    asked.files.local("transcript.json").write_bytes(content)
    with pytest.raises(PoisonError) as refused:
        perform(MusicTerms(GlossarySource(tmp_path, lambda: SMALL)), asked, None, Quiet(), None)
    assert refused.value.code == code
    assert asked.files.names() == {"transcript.json"}
    assert "transcript.json" in refused.value.message


def test_the_same_transcript_gives_the_same_bytes_and_a_repeat_does_no_work(tmp_path: Path) -> None:
    spoken = transcript("a scale and a hammer on", "and a barre chord")
    run(tmp_path / "one", spoken)
    run(tmp_path / "two", spoken)
    path = "lesson/terms.json"
    assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()
    assert run(tmp_path / "one", None).repeated


def test_a_new_attempt_uses_the_glossary_written_meanwhile(tmp_path: Path) -> None:
    spoken = transcript("a lick on the scale")
    run(tmp_path, spoken)
    assert [term.term for term in terms(tmp_path).terms] == ["scale"]
    (tmp_path / NAME).write_text(glossary("lick", version=7).model_dump_json(), encoding="utf-8")
    run(tmp_path, spoken, attempt=2)
    assert [term.term for term in terms(tmp_path).terms] == ["lick"]
    assert terms(tmp_path).glossary.version == 7
    known = manifest.read(FolderFiles(tmp_path).job("lesson"))
    assert known.stages[Stage.MUSIC_TERMS].attempt == 2


def test_a_broken_glossary_is_told_in_the_terms(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"terms": []}', encoding="utf-8")
    run(tmp_path, transcript("a scale"))
    found = terms(tmp_path)
    assert [term.term for term in found.terms] == ["scale"]
    assert found.glossary.problem
    assert "glossary.json is not a glossary" in found.glossary.problem


def test_a_word_whose_end_was_put_before_its_start_has_no_negative_length(tmp_path: Path) -> None:
    spoken = transcript("an étude")
    segment = spoken.segments[0]
    words = (segment.words[0], segment.words[1].model_copy(update={"end": 0.1}))
    run(tmp_path, spoken.model_copy(update={"segments": (segment.model_copy(update={"words": words}),)}))
    (found,) = terms(tmp_path).terms
    assert (found.start, found.end) == (0.5, 0.5)


WORD = st.sampled_from(["minor", "pentatonic", "scale,", "hammer", "on.", "barre", "Chord", "the", "hammer-ons", "C♯"])


@settings(max_examples=50)
@given(st.lists(st.lists(WORD, max_size=8).map(" ".join), max_size=6))
def test_times_are_those_of_the_words_at_both_ends(lines: list[str]) -> None:
    spoken = transcript(*lines)
    by_place: dict[Any, Any] = {
        (segment.id, number): word for segment in spoken.segments for number, word in enumerate(segment.words)
    }
    end = -1.0
    for term in found_terms(Spoken.of(spoken), MATCHER):
        assert term.start == by_place[term.segment_id, term.first_word].start
        assert term.end == by_place[term.last_segment_id, term.last_word].end
        assert end < term.start < term.end <= spoken.duration
        assert term.surface in term.context
        end = term.end


def test_the_worker_says_which_variables_it_lacks() -> None:
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "PYTHONPATH"}}
    done = subprocess.run(
        [sys.executable, "-m", "workers.music_terms"],
        env={**environment, "SERVICE_NAME": "music-terms"},
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[3],
    )
    assert done.returncode == 2
    assert "QUEUE_URL" in done.stderr
    assert "JOBS_DIR" in done.stderr
    assert "SERVICE_NAME" not in done.stderr


def test_the_file_is_json_that_anybody_reads(tmp_path: Path) -> None:
    run(tmp_path, transcript("an étude"))
    content = json.loads((tmp_path / "lesson" / "terms.json").read_text(encoding="utf-8"))
    assert content["version"] == 1
    assert content["terms"][0]["canonical"] == "étude"
    assert content["glossary"]["categories"] == [{"id": "music", "name": "Music"}]
