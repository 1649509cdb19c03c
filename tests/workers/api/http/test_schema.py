"""Requests made up from the OpenAPI document: no answer is an error of ours, none is undocumented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.generation.modes import GenerationMode

from tests.workers.api.http.rig import Api, running
from workers.api.http.throttle import Throttle
from workers.api.store.engine import Database
from workers.common.folder import FolderFiles

WIDE_OPEN = Throttle(requests=10**9, refusals=10**9, streams=10**6)
# What fits the schema may be refused for reasons that it can't tell (a host that is not public); what does not may be
# taken, since parameters that nobody knows are ignored.
LOOSE = [positive_data_acceptance, negative_data_rejection]


@pytest.fixture
def busy(database: Database, jobs_dir: Any) -> Iterator[Api]:
    """An API that takes requests as quickly as they come."""
    with running(database, jobs_dir, throttle=WIDE_OPEN, stream_seconds=0.0) as found:
        yield found


@pytest.mark.parametrize("examples", [12, pytest.param(150, marks=pytest.mark.slow)], ids=["few", "many"])
def test_no_answer_is_an_error_or_undocumented(busy: Api, examples: int) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", busy.client.app)
    answers: Counter[int] = Counter()
    operations = [operation.ok() for operation in schema.get_all_operations()]
    assert len(operations) == len([m for path in busy.client.get("/openapi.json").json()["paths"].values() for m in path])
    for operation in operations:
        _probe(busy, operation, examples, answers)
    print(sum(answers.values()), dict(answers))
    assert sum(answers.values()) >= len(operations) * examples
    assert {200, 201, 401, 404, 422} <= set(answers)


def _probe(api: Api, operation: Any, examples: int, answers: Counter[int]) -> None:
    key = api.key()

    @settings(
        max_examples=examples,
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
        real=st.integers(0, 3),
        known=st.booleans(),
    )
    def probe(case: Any, real: int, known: bool) -> None:
        if real and case.path_parameters:
            _name_real_things(api, case, key)
        response = case.call(headers=key if known or real else {})
        answers[response.status_code] += 1
        case.validate_response(response, excluded_checks=LOOSE)

    probe()


def _name_real_things(api: Api, case: Any, key: dict[str, str]) -> None:
    if "job_id" in case.path_parameters:
        case.path_parameters["job_id"] = api.completed()
    if "upload_id" in case.path_parameters:
        begun = api.client.post("/api/uploads", headers=key, json={"name": "a.mp3", "size": 4})
        case.path_parameters["upload_id"] = begun.json()["id"]
