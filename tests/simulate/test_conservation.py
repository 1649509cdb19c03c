"""What holds for every estate, with autoscaling, spot, schedules and failures: nothing is lost, nothing made up."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulate.support import on_gpu, poisson, pool, scaled
from thoth_infra.contract.scaling import Span
from thoth_infra.simulate import run
from thoth_infra.simulate.estate import Estate, Schedule
from thoth_infra.simulate.result import Result
from thoth_infra.simulate.workload import Audio, Workload

NIGHTS = Schedule("America/New_York", "20:00", "07:00", ("MON", "TUE", "WED", "THU", "FRI"))


@st.composite
def systems(draw: st.DrawFn) -> tuple[Estate, Workload]:
    least, most = draw(st.integers(0, 2)), draw(st.integers(2, 5))
    on_demand, spot = draw(st.integers(0, 3)), draw(st.integers(1, 3))
    weight = draw(st.sampled_from([0, 50, 100])) if on_demand else 100
    taken = draw(st.sampled_from([0.0, 0.2, 2.0]))
    schedule = draw(st.sampled_from([None, NIGHTS]))
    shared = {"follows_schedule": schedule is not None, "spot_weight": weight, "on_demand_weight": 100 - weight}
    hosts = pool(on_demand, spot)
    hosts = replace(hosts, types=tuple(replace(kind, interruptions_per_hour=taken) for kind in hosts.types))
    gpu = on_gpu(least, most, checkpoint_seconds=180, prefetch=draw(st.integers(0, 1)), **shared)
    stages = (scaled("extract", 0, 3, **shared), gpu, scaled("terms", 1, 2))
    estate = Estate("any", stages, (hosts,), schedule, max_receives=draw(st.integers(1, 4)))
    estate = replace(estate, retention_seconds=draw(st.sampled_from([3600.0, 4 * 86400.0])))
    failing = {"failing": draw(st.sampled_from([0.0, 0.1])), "crashing": draw(st.sampled_from([0.0, 0.05]))}
    workload = poisson(draw(st.floats(0.5, 60)), 72, stages, Audio(600, 0.6), pace=0.3, **failing)
    return estate, replace(workload, drain_hours=draw(st.sampled_from([0.0, 24.0])))


@settings(max_examples=60, deadline=None)
@given(systems(), st.integers(0, 2**32))
def test_every_job_is_somewhere(system: tuple[Estate, Workload], seed: int) -> None:
    estate, workload = system
    result = run(estate, workload, seed)

    assert result.arrived == result.finished + result.dead_letters + result.expired + result.unfinished
    for before, after in zip(result.stages, result.stages[1:], strict=False):
        assert before.finished >= after.finished + after.dead_letters + after.expired
    assert result.stages[-1].finished == result.finished == sum(result.series.finished)
    assert result.wait.count == result.arrived - result.dead_letters - result.expired
    _bounded(estate, result)
    _paid(estate, result)


def _bounded(estate: Estate, result: Result) -> None:
    hosts = estate.pools[0]
    # A spot host that is told to go may for some minutes stand beside the one that follows it.
    assert max(result.series.on_demand) <= hosts.on_demand_max
    assert max(result.series.spot) <= hosts.spot_max
    for stage, found, desired in zip(estate.stages, result.stages, result.series.desired, strict=True):
        assert max(desired) <= stage.maximum
        assert found.busy_hours <= found.task_hours + 1e-9
        assert 0 <= found.utilisation <= 1 + 1e-9
    assert result.wait.p50 <= result.wait.p95 <= result.wait.p99 <= result.wait.max
    assert result.wait.mean <= result.turnaround.mean + 1e-9


def _paid(estate: Estate, result: Result) -> None:
    assert sum(part.usd for part in result.cost) == pytest.approx(result.usd)
    assert result.gpu_hours == pytest.approx(sum(hours + spot for _, hours, spot in result.instance_hours))
    transcription = result.stage("transcription")
    assert transcription.task_hours <= result.gpu_hours + 1e-6
    covered = len(result.series.hours) * result.series.point_hours
    # The series sees each minute once, the bill each second; a taken host is paid for two minutes more.
    seen = sum(result.series.usd_per_hour) * result.series.point_hours
    assert seen == pytest.approx(result.usd, rel=0.05, abs=0.6 + 0.1 * (covered - result.hours))


@settings(max_examples=15, deadline=None)
@given(systems(), st.integers(0, 2**32))
def test_littles_law(system: tuple[Estate, Workload], seed: int) -> None:
    """The mean number in the system is the arrival rate times the mean time in it, from empty to empty."""
    estate, workload = system
    calm = replace(estate, retention_seconds=1e9, max_receives=1000)
    result = run(calm, replace(workload, drain_hours=2000.0), seed)
    series = result.series
    if result.unfinished or result.dead_letters:
        return
    inside = sum(sum(row) for row in (*series.queue, *series.in_flight)) * series.point_hours
    spent = result.turnaround.mean * result.finished / 3600

    # Minutes are looked at once: a few per cent where few are there, by chance.
    assert inside == pytest.approx(spent, rel=0.05, abs=2)


SAME = """
import json
from dataclasses import asdict
from tests.simulate.test_conservation import spotty
from thoth_infra.simulate import run
print(json.dumps(asdict(run(*spotty(), seed=5))))
"""


def spotty() -> tuple[Estate, Workload]:
    """Return a system in which all that is left to chance happens."""
    hosts = pool(1, 3, boot=Span(300, 600))
    hosts = replace(hosts, types=tuple(replace(kind, interruptions_per_hour=1.0) for kind in hosts.types))
    stages = (scaled("extract", 0, 3), on_gpu(0, 4, prefetch=1, spot_weight=80, on_demand_weight=20))
    workload = poisson(20, 72, stages, Audio(600), pace=0.3, failing=0.1)
    return Estate("spotty", stages, (hosts,)), workload


def test_the_same_seed_gives_the_same_bytes_in_every_process() -> None:
    here = json.dumps(asdict(run(*spotty(), seed=5)))
    there = subprocess.run([sys.executable, "-c", SAME], capture_output=True, text=True, check=True).stdout

    assert there.strip() == here
    assert json.loads(here)["interruptions"] > 0
    assert json.dumps(asdict(run(*spotty(), seed=6))) != here
