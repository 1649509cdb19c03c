"""Transcripts in every form, corrections as new versions, and music terms."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.api.http.rig import Api, transcript
from thoth_infra.contract.queues import Stage
from workers.api.http.corrections import corrected
from workers.api.http.problems import Problem
from workers.api.http.schemas import Correction
from workers.api.orchestrator.layout import lay_out
from workers.common.transcript import Transcript

Key = dict[str, str]
FIRST = [{"start": 0.5, "end": 0.9, "text": "Play"}, {"start": 1.5, "end": 2.4, "text": "Barré-Akkord."}]


def put(api: Api, key: Key, job_id: str, version: object, segments: Any) -> Any:
    """Send a correction of a version."""
    headers = {**key, **({} if version is None else {"If-Match": str(version)})}
    return api.client.put(f"/api/jobs/{job_id}/transcript", headers=headers, json={"segments": segments})


def read(api: Api, key: Key, job_id: str, form: str = "json", **params: Any) -> Any:
    """Read a transcript."""
    return api.client.get(f"/api/jobs/{job_id}/transcript.{form}", headers=key, params=params)


def test_a_transcript_is_read_in_every_form(api: Api, key: Key) -> None:
    job_id = api.completed(name="Übung <1>.mp3")
    whole = read(api, key, job_id)
    assert Transcript.model_validate_json(whole.text) == transcript(job_id)
    assert (whole.headers["ETag"], whole.headers["Content-Type"]) == ('"1"', "application/json")
    assert read(api, key, job_id, "txt").text == "Play a barre chord.\nThen a hammer-on <b>&\n"
    assert "00:00:00,500 --> 00:00:02,400\nPlay a barre chord." in read(api, key, job_id, "srt").text
    cues = read(api, key, job_id, "vtt")
    assert cues.text.startswith("WEBVTT\n") and "&lt;b&gt;&amp;" in cues.text
    assert cues.headers["Content-Type"].startswith("text/vtt")
    for form in ("json", "txt", "srt", "vtt"):
        answer = read(api, key, job_id, form)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].endswith(f"''%C3%9Cbung%20%3C1%3E.{form}")
    assert read(api, key, job_id, "exe").status_code == 422


def test_a_job_without_a_transcript_says_so(api: Api, key: Key) -> None:
    job_id = api.job()
    for answer in (read(api, key, job_id), read(api, key, job_id, "srt")):
        assert (answer.status_code, answer.json()["code"]) == (404, "no_transcript")
    terms = api.client.get(f"/api/jobs/{job_id}/terms", headers=key)
    assert (terms.status_code, terms.json()["code"]) == (404, "not_there_yet")
    assert put(api, key, job_id, 1, [{"id": 0, "words": FIRST}]).status_code == 404


def test_terms_are_read(api: Api, key: Key) -> None:
    terms = api.client.get(f"/api/jobs/{api.completed()}/terms", headers=key).json()
    (term,) = terms["terms"]
    assert (term["surface"], term["start"], term["end"]) == ("barre chord", 1.5, 2.4)


def test_a_correction_is_a_new_version_and_the_old_ones_stay(api: Api, key: Key) -> None:
    job_id = api.completed()
    saved = put(api, key, job_id, '"1"', [{"id": 0, "words": FIRST}])
    assert (saved.status_code, saved.json(), saved.headers["ETag"]) == (200, {"version": 2}, '"2"')
    newest = read(api, key, job_id)
    segment = newest.json()["segments"][0]
    assert (newest.headers["ETag"], segment["text"]) == ('"2"', "Play Barré-Akkord.")
    # What nobody changed keeps the model's probability, what somebody wrote is certain.
    assert [word["probability"] for word in segment["words"]] == [0.8, 1.0]
    assert newest.json()["segments"][1] == transcript(job_id).model_dump(mode="json")["segments"][1]
    assert read(api, key, job_id, version=1).json() == transcript(job_id).model_dump(mode="json")
    assert "Barré-Akkord." in read(api, key, job_id, "srt").text
    assert "barre chord" in read(api, key, job_id, "srt", version=1).text
    assert put(api, key, job_id, "2", [{"id": 1, "words": []}]).json() == {"version": 3}
    assert [segment["id"] for segment in read(api, key, job_id).json()["segments"]] == [0]
    assert len(read(api, key, job_id, version=2).json()["segments"]) == 2
    missing = read(api, key, job_id, version=4)
    assert (missing.status_code, missing.json()["code"]) == (404, "no_such_version")


def test_a_correction_has_the_terms_looked_for_in_the_new_words(api: Api, key: Key) -> None:
    job_id = api.completed()
    put(api, key, job_id, 1, [{"id": 0, "words": FIRST}])
    stages = api.client.get(f"/api/jobs/{job_id}/stages", headers=key).json()["stages"]
    assert [(s["stage"], s["attempt"], s["state"]) for s in stages][-1] == ("music-terms", 2, "requested")
    assert api.client.get(f"/api/jobs/{job_id}", headers=key).json()["state"] == "running"
    lay_out(api.services.database, api.services.files, job_id)
    laid = api.services.files.job(job_id).local("transcript.json").read_text(encoding="utf-8")
    assert Transcript.model_validate_json(laid).segments[0].text == "Play Barré-Akkord."
    api.result(job_id, Stage.MUSIC_TERMS, metrics={"seconds": 0.1})
    job = api.client.get(f"/api/jobs/{job_id}", headers=key).json()
    assert (job["state"], job["transcript_version"]) == ("completed", 2)


def test_a_whole_transcript_is_a_correction_too(api: Api, key: Key) -> None:
    job_id = api.completed()
    whole = read(api, key, job_id).json()
    whole["segments"][1]["words"][0]["text"] = "Now"
    answer = api.client.put(f"/api/jobs/{job_id}/transcript", headers={**key, "If-Match": '"1"'}, json=whole)
    assert answer.status_code == 200
    segments = read(api, key, job_id).json()["segments"]
    assert [segment["text"] for segment in segments] == ["Play a barre chord.", "Now a hammer-on <b>&"]
    assert segments[0] == whole["segments"][0]


def test_the_second_of_two_corrections_of_one_version_is_refused(api: Api, key: Key) -> None:
    job_id = api.completed()
    assert put(api, key, job_id, 1, [{"id": 0, "words": FIRST}]).status_code == 200
    late = put(api, key, job_id, 1, [{"id": 1, "words": FIRST}])
    assert (late.status_code, late.json()["code"], late.headers["ETag"]) == (412, "version_mismatch", '"2"')
    none = put(api, key, job_id, None, [{"id": 0, "words": FIRST}])
    assert (none.status_code, none.json()["code"]) == (428, "version_required")
    for bad in ("x", "*", "-1", '""', "1" * 20):
        answer = put(api, key, job_id, bad, [{"id": 0, "words": FIRST}])
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_version"), bad


@pytest.mark.parametrize(
    ("segments", "problem"),
    [
        ([{"id": 7, "words": FIRST}], "segment 7: there is no such segment"),
        ([{"id": 0, "words": FIRST}, {"id": 0, "words": FIRST}], "segment 0: it is there twice"),
        ([{"id": 0, "words": [{"start": 2, "end": 1, "text": "a"}]}], "it ends at 1 s, before it starts at 2 s"),
        ([{"id": 0, "words": [{"start": 1, "end": 99, "text": "a"}]}], "after the lesson's 12 s"),
        ([{"id": 0, "words": [{"start": 1, "end": 2, "text": " \u0007 "}]}], "it has no letter"),
        ([{"id": 0, "words": FIRST[::-1]}], "before the word in front of it"),
        ([{"id": 0, "words": [{"start": -1, "end": 2, "text": "a"}]}], "greater than or equal to 0"),
        ([{"id": 0, "words": [{"start": 0, "end": 1, "text": ""}]}], "at least 1 character"),
        ([{"id": "x", "words": []}], "valid integer"),
        ([], "at least 1 item"),
        ("x", "valid list"),
    ],
)
def test_a_correction_that_does_not_fit_is_refused(api: Api, key: Key, segments: Any, problem: str) -> None:
    job_id = api.completed()
    answer = put(api, key, job_id, 1, segments)
    assert answer.status_code == 422
    assert any(problem in each for each in answer.json()["problems"]), answer.text
    assert api.client.get(f"/api/jobs/{job_id}", headers=key).json()["transcript_version"] == 1


def test_markup_is_kept_as_the_text_that_it_is(api: Api, key: Key) -> None:
    job_id, evil = api.completed(), "<img src=x onerror=alert(1)>"
    put(api, key, job_id, 1, [{"id": 0, "words": [{"start": 0, "end": 1, "text": evil}]}])
    answer = read(api, key, job_id)
    assert answer.json()["segments"][0]["text"] == evil and answer.headers["Content-Type"] == "application/json"
    assert evil not in read(api, key, job_id, "vtt").text


WORDS = st.lists(
    st.tuples(st.floats(0, 12, allow_nan=False), st.text(min_size=1, max_size=8)).map(
        lambda pair: {"start": pair[0], "end": min(pair[0] + 0.1, 12.0), "text": pair[1]}
    ),
    max_size=6,
).map(lambda words: sorted(words, key=lambda word: float(str(word["start"]))))


@given(st.dictionaries(st.integers(0, 3), WORDS, min_size=1, max_size=4))
def test_a_corrected_transcript_is_a_transcript_or_refused(words: dict[int, Any]) -> None:
    before = transcript("j")
    wanted = Correction.model_validate({"segments": [{"id": number, "words": each} for number, each in words.items()]})
    try:
        after = corrected(before, wanted)
    except Problem as error:
        assert error.status == 422 and error.problems
        return
    assert Transcript.model_validate_json(after.model_dump_json()) == after
    for segment in before.segments:
        if segment.id not in words:
            assert segment in after.segments
        elif not words[segment.id]:
            assert segment.id not in {each.id for each in after.segments}


def test_the_same_words_change_nothing() -> None:
    before = transcript("j")
    assert corrected(before, Correction.model_validate(before.model_dump(mode="json"))) == before
