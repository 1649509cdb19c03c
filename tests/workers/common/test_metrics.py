"""Metrics: lines that CloudWatch takes, with the contract's names, units and dimensions and nothing else."""

from __future__ import annotations

import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.common.emf import points
from tests.workers.common.rig import Rig, Scribe, until
from thoth_infra.contract import metrics as m
from thoth_infra.contract.services import MUSIC_TERMS, SERVICES
from workers.common.errors import PoisonError
from workers.common.metrics import Metrics

DIMENSIONS = (("Environment", "staging"), ("Service", "transcription"))


def emitted(values: dict[m.Metric, float], **properties: str) -> list[str]:
    stream = io.StringIO()
    Metrics(m.NAMESPACE, "staging", "transcription", stream).emit(values, **properties)
    return stream.getvalue().splitlines()


@given(
    st.dictionaries(st.sampled_from(m.METRICS), st.floats(0, 1e9, allow_subnormal=False).map(lambda v: round(v, 6))),
    st.text(),
)
def test_every_line_is_what_the_format_demands(values: dict[m.Metric, float], job_id: str) -> None:
    lines = emitted(values, job_id=job_id)
    found = [point for line in lines for point in points(line)]
    assert {point.name: (point.value, point.unit) for point in found} == {
        metric.name: (value, metric.unit) for metric, value in values.items()
    }
    assert all(point.namespace == m.NAMESPACE and point.dimensions == DIMENSIONS for point in found)


def test_the_job_can_be_searched_for_and_is_no_dimension() -> None:
    (line,) = emitted({m.JOBS_COMPLETED: 1}, job_id="lesson", trace_id="t")
    assert json.loads(line)["job_id"] == "lesson"
    assert {name for point in points(line) for name, _ in point.dimensions} == set(m.DIMENSIONS)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_does_not_cost_the_others(value: float) -> None:
    (line,) = emitted({m.REAL_TIME_FACTOR: value, m.STAGE_SECONDS: 2.5})
    assert [(point.name, point.value) for point in points(line)] == [("StageSeconds", 2.5)]
    assert emitted({m.REAL_TIME_FACTOR: value}) == []
    assert emitted({}) == []


def test_a_property_does_not_take_the_place_of_a_metric() -> None:
    (line,) = emitted({m.STAGE_SECONDS: 2.5}, StageSeconds="x")
    assert [point.value for point in points(line)] == [2.5]


def test_what_a_worker_emits_is_what_the_contract_says_of_it(rig: Rig) -> None:
    failures = iter([None, PoisonError("bad_sound", "none")])

    def doing(*_: object) -> None:
        if error := next(failures):
            raise error

    with rig.working(Scribe(doing), hourly_cost=0.526):
        rig.send("good", "bad")
        until(rig.empty)

    good, bad = ({point.name: point.value for point in points(line)} for line in rig.stream.getvalue().splitlines())
    assert set(good) == {metric.name for metric in m.METRICS} - {"GpuUtilization", "GpuMemory"}
    assert (good["JobsCompleted"], good["JobsFailed"]) == (1, 0)
    assert bad == {"JobsCompleted": 0, "JobsFailed": 1}
    (result,) = rig.completed()
    assert good["StageSeconds"] == result.metrics["seconds"]
    assert good["RealTimeFactor"] == pytest.approx(result.metrics["seconds"] / 60, abs=1e-4)
    assert good["CostPerAudioMinute"] == pytest.approx(result.metrics["cost"], abs=1e-6)
    assert good["QueueSeconds"] >= 0


def test_a_service_emits_no_metric_that_the_contract_does_not_give_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.workers.common.rig.SERVICE", MUSIC_TERMS)
    with rig.working(Scribe(), hourly_cost=1.0):
        rig.send("lesson")
        until(rig.empty)
    (line,) = rig.stream.getvalue().splitlines()
    assert {point.name for point in points(line)} == {metric.name for metric in m.STAGE_METRICS}


def test_units_and_names_of_the_contract_are_cloudwatchs() -> None:
    every = {metric: 1.0 for service in SERVICES for metric in service.metrics}
    (line,) = emitted(every)
    assert len(points(line)) == len(every) == len(m.METRICS)
