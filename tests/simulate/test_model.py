"""Against an independent model of the same small system, written with SimPy and nothing of ours but the values."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean
from typing import Any

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulate.support import FARGATE, at, fixed, queueing
from thoth_infra.simulate import run
from thoth_infra.simulate.workload import Trace, Work, Workload

arrivals = st.lists(
    st.tuples(st.floats(0, 20_000), st.floats(1, 3000)), min_size=1, max_size=120
)  # when, and how much audio
servers = st.lists(st.integers(1, 4), min_size=1, max_size=3)
paces = st.floats(0.01, 2)
startups = st.floats(0, 300)


def modelled(jobs: list[tuple[float, float]], tasks: list[int], pace: float, startup: float) -> list[float]:
    """Return each job's whole waiting time: three resources in a row, first come, first served."""
    environment = simpy.Environment()
    stages = [simpy.Resource(environment, capacity) for capacity in tasks]
    waits: list[float] = []

    def job(when: float, audio: float) -> Iterator[Any]:
        yield environment.timeout(when)
        waited = 0.0
        for stage in stages:
            with stage.request() as request:
                asked = environment.now
                yield request
                waited += environment.now - asked
                yield environment.timeout(startup + pace * audio)
        waits.append(waited)

    for when, audio in jobs:
        environment.process(job(when, audio))
    environment.run()
    return waits


@settings(max_examples=60, deadline=None)
@given(arrivals, servers, paces, startups)
def test_jobs_wait_as_in_an_independent_model(
    found: list[tuple[float, float]], tasks: list[int], pace: float, startup: float
) -> None:
    # Audio is kept in single precision, and equal times would let chance decide who is first.
    jobs = sorted(
        {round(when, 1) + index * 1e-3: float(round(audio)) for index, (when, audio) in enumerate(found)}.items()
    )
    stages = tuple(fixed(count, f"stage{number}") for number, count in enumerate(tasks))
    work = tuple(Work(stage.name, (("fargate", pace),), startup) for stage in stages)
    trace = Trace(tuple(when for when, _ in jobs), tuple(audio for _, audio in jobs))
    expected = modelled(jobs, tasks, pace, startup)

    result = run(queueing(*stages), Workload(trace, work, 6, drain_hours=1000), seed=1)

    assert result.finished == len(jobs)
    assert result.wait.mean == pytest.approx(fmean(expected), rel=1e-6, abs=1e-6)
    assert result.wait.max == pytest.approx(max(expected), rel=1e-6, abs=1e-6)
    busy = sum(startup + pace * audio for _, audio in jobs) / 3600
    for stage in result.stages:
        assert stage.busy_hours == pytest.approx(busy, rel=1e-6)


def test_percentiles_are_those_of_the_waits_themselves() -> None:
    times = [10.0 * number for number in range(500)]
    stages = (fixed(1),)
    waits = sorted(modelled([(when, 60.0) for when in times], [1], 1.0, 0.0))

    result = run(queueing(*stages), at(times, stages, 60.0), seed=1)

    for share, found in ((0.5, result.wait.p50), (0.95, result.wait.p95), (0.99, result.wait.p99)):
        assert found == pytest.approx(waits[int(share * len(waits))], rel=0.01)  # half a per cent, and a rank's step
    assert FARGATE.hourly * result.stages[0].task_hours == pytest.approx(result.usd)
