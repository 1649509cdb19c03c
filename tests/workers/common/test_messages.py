"""Messages: what is written is read again, and whatever else comes is refused as poison, never as a crash."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from thoth_infra.contract.queues import Stage
from workers.common.errors import PoisonError, RetryableError
from workers.common.messages import Failure, Request, Result, Status, legible, read_request

STAGE = Stage.TRANSCRIPTION

_characters = st.characters(codec="utf-8")
# Python's strings also hold lone surrogates: what a file name is that is not UTF-8.
_anything = st.text(st.characters(exclude_categories=()))
_numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_json = st.recursive(
    st.none() | st.booleans() | _numbers | st.text(_characters),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(_characters), inner, max_size=4),
    max_leaves=12,
)
_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True)
_requests = st.builds(
    Request,
    job_id=_ids,
    stage=st.just(STAGE),
    attempt=st.integers(1, 2**31 - 1),
    trace_id=st.from_regex(r"[\x21-\x7e]{1,128}", fullmatch=True),
    requested_at=st.datetimes(timezones=st.just(UTC)),
    params=st.dictionaries(st.text(_characters), _json, max_size=4),
)
_errors = st.sampled_from([PoisonError, RetryableError]).flatmap(
    lambda kind: st.builds(kind, st.text(_characters), _anything, _anything)
)
_failures = _errors.map(Failure.of)
_results = st.builds(
    Result.of,
    _requests,
    st.sampled_from(Status),
    artefacts=st.lists(st.text(_characters), max_size=4).map(tuple),
    metrics=st.dictionaries(st.text(_characters), st.floats(allow_nan=False, allow_infinity=False), max_size=4),
    error=st.none() | _failures,
)


@given(_requests)
def test_a_request_arrives_as_it_was_sent(request: Request) -> None:
    assert read_request(request.model_dump_json(), STAGE) == request


@given(_results)
def test_a_result_arrives_as_it_was_sent(result: Result) -> None:
    assert Result.model_validate_json(result.model_dump_json()) == result


@given(_anything | st.just("x\udcff" * 2000))
def test_any_error_can_be_told(message: str) -> None:
    failure = Failure.of(RetryableError("unexpected", message))
    said = Failure.model_validate_json(failure.model_dump_json()).message
    assert said == "".join(a if a == b else " " for a, b in zip(message, said, strict=False))
    assert len(said) == min(len(message), 2000)


# What stands in the place of a field, or of the whole message.
_odd = (
    _json
    | st.floats()
    | st.integers(-(10**4000), 10**4000)
    | st.sampled_from(["1", "", "\0", "../..", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "x" * 10_000])
)


@st.composite
def _mutated(draw: st.DrawFn) -> str:
    """A request with fields exchanged, left out, added; now and then with bytes of its text changed."""
    fields: dict[str, Any] = json.loads(draw(_requests).model_dump_json())
    for _ in range(draw(st.integers(1, 3))):
        match draw(st.integers(0, 3)):
            case 0:
                fields[draw(st.sampled_from(sorted(fields) or ["x"]))] = draw(_odd)
            case 1:
                fields.pop(draw(st.sampled_from(sorted(fields) or ["x"])), None)
            case 2:
                fields[draw(st.text(_characters))] = draw(_odd)
            case _:
                fields["params"] = {"deep": draw(_odd)}
    text = json.dumps(fields, ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(_anything)[:3] + text[place + draw(st.integers(0, 3)) :]
    return text


@settings(max_examples=500)
@given(_mutated() | _anything | _json.map(json.dumps))
def test_whatever_comes_is_a_request_or_poison(body: str) -> None:
    try:
        request = read_request(body, STAGE)
    except PoisonError as error:
        assert error.code in {"unknown_version", "bad_message", "wrong_stage"}
        assert error.message and error.hint
        return
    # What was understood can be sent on, and nothing of it was left out.
    assert read_request(request.model_dump_json(), STAGE) == request
    assert set(json.loads(body)) <= set(Request.model_fields)
    assert json.loads(body).get("params", {}) == request.params


def _body(**fields: Any) -> str:
    whole = {
        "version": 1,
        "job_id": "lesson",
        "stage": "transcription",
        "attempt": 1,
        "trace_id": "t",
        "requested_at": "2026-01-02T03:04:05Z",
        "params": {},
    }
    return json.dumps({**whole, **fields})


def test_the_format_that_others_send() -> None:
    assert read_request(_body(params={"language": "de"}), STAGE) == Request(
        job_id="lesson",
        stage=STAGE,
        trace_id="t",
        requested_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        params={"language": "de"},
    )


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ("", "bad_message", "Invalid JSON"),
        ("null", "bad_message", "object"),
        ("[]", "bad_message", "object"),
        ("{}", "bad_message", "version: Field required"),
        (_body()[:-1], "bad_message", "EOF"),
        (_body(version=2), "unknown_version", "version 2"),
        (_body(version=0), "unknown_version", "version 0"),
        (_body(version=10**4000), "unknown_version", "version 1000"),
        (_body(version="one"), "bad_message", "version"),
        (_body(job_id="a/b"), "bad_message", "job_id"),
        (_body(job_id="a\n"), "bad_message", "job_id"),
        (_body(job_id="x" * 65), "bad_message", "job_id"),
        (_body(attempt=0), "bad_message", "attempt"),
        (_body(attempt=2**31), "bad_message", "attempt"),
        (_body(requested_at="2026-01-02T03:04:05"), "bad_message", "timezone"),
        (_body(surprise=1), "bad_message", "surprise: Extra"),
        (_body(stage="music-terms"), "wrong_stage", "music-terms"),
        (_body(stage="dance"), "bad_message", "stage"),
        (_body(params={"x": float("nan")}), "bad_message", "params"),
        (_body().replace('"params": {}', '"params": {"x": 1e999}'), "bad_message", "params"),
        (
            _body().replace('"params": {}', '"params": ' + '{"x":' * 50_000 + "1" + "}" * 50_000),
            "bad_message",
            "recurs",
        ),
        (_body().replace('"params": {}', '"params": {"x": ' + "9" * 500_000 + "}"), "bad_message", "number"),
        (_body(**{"k" * 900_000: 1}), "bad_message", "kkk"),
        (_body(params={"x": "\ud800"}), "bad_message", "JSON"),
    ],
)
def test_poison_says_what_is_wrong(body: str, code: str, words: str) -> None:
    with pytest.raises(PoisonError) as refused:
        read_request(body, STAGE)
    assert refused.value.code == code
    assert words in refused.value.message
    assert len(refused.value.message) < 2500


def test_a_huge_body_is_read() -> None:
    words = "x" * 1_000_000
    assert read_request(_body(params={"glossary": words}), STAGE).params == {"glossary": words}


def test_a_result_does_not_take_what_json_has_no_word_for() -> None:
    with pytest.raises(ValidationError):
        Result(job_id="a", stage=STAGE, status=Status.COMPLETED, metrics={"loudness": float("-inf")})


@given(_anything)
def test_legible_text_keeps_its_length_and_what_people_read(text: str) -> None:
    assert len(legible(text)) == len(text)
    assert legible(legible(text)) == legible(text)
    assert legible("über\n谱\t🎸") == "über\n谱\t🎸"
