"""docs/messages.schema.json: current, valid, and of one mind with what workers read and write."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.common.rig import Rig, Scribe, until
from tests.workers.common.test_messages import _mutated, _requests, _results
from thoth_infra.contract.queues import Stage
from workers.common import manifest, schemas
from workers.common.errors import PoisonError
from workers.common.messages import Request, Result, read_request

jsonschema: Any = pytest.importorskip("jsonschema")

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = schemas.schema()


def validator(name: str) -> Any:
    """Return the validator of one document, which knows the formats too."""
    wanted = {"$schema": SCHEMA["$schema"], "$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{name}"}
    return jsonschema.Draft202012Validator(wanted, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


REQUEST, RESULT = validator("Request"), validator("Result")


def test_the_document_is_current() -> None:
    assert (ROOT / schemas.DOCUMENT).read_text() == schemas.text(), f"run: {schemas.AGAIN}"


def test_write_makes_it(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    assert schemas.write(tmp_path).read_text() == schemas.text()


def test_it_is_a_schema_with_every_document() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    named = {each["$ref"].rpartition("/")[2] for each in SCHEMA["anyOf"]}
    assert named == {
        "Request", "AudioExtractionParams", "TranscriptionParams", "Result", "Manifest", "Audio", "Transcript", "Terms",
    }  # fmt: skip
    assert named <= set(SCHEMA["$defs"])
    for name in named:
        assert SCHEMA["$defs"][name]["additionalProperties"] is False


@given(_requests)
def test_requests_satisfy_it(request: Request) -> None:
    assert list(REQUEST.iter_errors(json.loads(request.model_dump_json()))) == []


@given(_results)
def test_results_satisfy_it(result: Result) -> None:
    assert list(RESULT.iter_errors(json.loads(result.model_dump_json()))) == []


@settings(max_examples=300)
@given(_mutated())
def test_what_it_refuses_a_worker_takes_only_where_pydantic_is_lenient(body: str) -> None:
    """And what a worker refuses, the schema refuses too, but for what JSON Schema can't say."""
    try:
        fields = json.loads(body)
    except ValueError:
        return
    try:
        request = read_request(body, Stage.TRANSCRIPTION)
    except PoisonError:
        return
    if list(REQUEST.iter_errors(fields)):
        # "1" and true for 1, seconds for a time: understood, and sent on in the right form.
        again = json.loads(request.model_dump_json())
        assert list(REQUEST.iter_errors(again)) == []
        assert {name for name in fields if fields[name] != again[name]} | {"version"} <= {
            "version", "attempt", "requested_at",
        }  # fmt: skip


@pytest.mark.parametrize("missing", ["version", "job_id", "stage", "trace_id", "requested_at"])
def test_what_a_request_must_have(missing: str) -> None:
    whole = Request(
        job_id="lesson", stage=Stage.TRANSCRIPTION, trace_id="t", requested_at=datetime(2026, 1, 1, tzinfo=UTC)
    ).model_dump(mode="json")
    assert list(REQUEST.iter_errors(whole)) == []
    del whole[missing]
    assert [error.validator for error in REQUEST.iter_errors(whole)] == ["required"]
    with pytest.raises(PoisonError):
        read_request(json.dumps(whole), Stage.TRANSCRIPTION)


@given(st.sampled_from([("attempt", 0), ("job_id", "a/b"), ("stage", "dance"), ("version", 2), ("surprise", 1)]))
def test_what_a_request_must_not_be(change: tuple[str, Any]) -> None:
    name, value = change
    whole = {"version": 1, "job_id": "a", "stage": "transcription", "trace_id": "t",
             "requested_at": "2026-01-01T00:00:00Z", name: value}  # fmt: skip
    assert list(REQUEST.iter_errors(whole))
    with pytest.raises(PoisonError):
        read_request(json.dumps(whole), Stage.TRANSCRIPTION)


def test_the_manifest_of_a_real_job_satisfies_it(rig: Rig) -> None:
    with rig.working(Scribe(metrics={"words": 3}), hourly_cost=1.0):
        rig.send("lesson")
        until(rig.empty)
    written = json.loads(rig.files.job("lesson").local(manifest.NAME).read_text())
    assert list(validator("Manifest").iter_errors(written)) == []
    for body in (json.loads(body) for body in rig._results.bodies()):
        assert list(RESULT.iter_errors(body)) == []
