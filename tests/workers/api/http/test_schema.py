"""Requests made up from the OpenAPI document: no answer is an error of ours, none is undocumented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import ignored_auth, negative_data_rejection, positive_data_acceptance
from schemathesis.generation.modes import GenerationMode

from tests.marks import slow
from tests.workers.api.http.rig import Api, running
from workers.api.http.guard import Guard
from workers.api.http.throttle import Throttle
from workers.api.store.engine import Database

WIDE_OPEN = Throttle(requests=10**9, refusals=10**9, streams=10**6)
# What fits the schema may be refused for reasons that it can't tell (a host that is not public); what does not may be
# taken, since parameters that nobody knows are ignored. Authorisation has a test of its own, for every operation.
LOOSE = [positive_data_acceptance, negative_data_rejection, ignored_auth]


@pytest.fixture
def busy(database: Database, jobs_dir: Any) -> Iterator[Api]:
    """An API that takes requests as quickly as they come."""
    guard = Guard(resolve=lambda host, port: ["93.184.216.34"])
    with running(database, jobs_dir, guard=guard, throttle=WIDE_OPEN, stream_seconds=0.0) as found:
        yield found


@pytest.mark.parametrize("examples", [6, *slow(120)], ids=["few", "many"])
def test_no_answer_is_an_error_or_undocumented(busy: Api, examples: int) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", busy.client.app)
    operations: list[Any] = [operation.ok() for operation in schema.get_all_operations()]  # type: ignore[union-attr]
    paths = busy.client.get("/openapi.json").json()["paths"]
    assert len(operations) == sum(map(len, paths.values()))
    answers: Counter[int] = Counter()
    for operation in operations:
        _probe(busy, operation, examples, answers)
    many = examples > 100
    assert sum(answers.values()) >= (2000 if many else 80), answers
    # Whatever can come has come: made, gone, refused for each reason.
    wanted = {200, 401, 404, 422}
    assert (wanted | {201, 202, 204, 409, 415, 428} if many else wanted) <= set(answers), answers
    assert max(answers) < 500


def _probe(api: Api, operation: Any, examples: int, answers: Counter[int]) -> None:
    key = api.key()
    # What the operation may be about; one that is erased or ended is made anew.
    things = {"job_id": api.completed(), "upload_id": _upload(api, key)}

    @settings(
        max_examples=examples,
        # A few requests may by chance miss an answer that is asked for below: those are the same ones in each run.
        derandomize=examples <= 100,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=st.one_of(
            operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
            operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
        ),
        sense=st.integers(0, 9),
    )
    def probe(case: Any, sense: int) -> None:
        if sense > 1:
            for name in things.keys() & (case.path_parameters or {}).keys():
                case.path_parameters[name] = things[name]
        if sense > 4:
            _make_sense(case)
        if sense:
            case.headers = {**(case.headers or {}), **key}
        response = case.call()
        answers[response.status_code] += 1
        case.validate_response(response, excluded_checks=LOOSE)
        if case.method == "DELETE" and response.status_code < 300:
            things.update(job_id=api.completed(), upload_id=_upload(api, key))

    probe()


def _make_sense(case: Any) -> None:
    """Name what can't be guessed from the schema: an extension that is taken, the version that holds."""
    case.headers = {**(case.headers or {}), "If-Match": '"1"'}
    if isinstance(case.body, dict) and "size" in case.body:
        case.body |= {"name": "lesson.mp3", "size": 4, "direct": False}
    if isinstance(case.body, dict) and "source" in case.body:
        case.body["source"] = {"https": "https://example.com/lesson.mp3"}


def _upload(api: Api, key: dict[str, str]) -> str:
    begun = api.client.post("/api/uploads", headers=key, json={"name": "lesson.mp3", "size": 4})
    return str(begun.json()["id"])
