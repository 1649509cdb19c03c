"""What AWS and the workers do to a job, one thing at a time: each time worked out by hand from the rendered figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.simulate.support import AT_ONCE, at, fixed, on_gpu, poisson, pool, queueing, scaled
from thoth_infra.contract import scaling
from thoth_infra.contract.scaling import Span
from thoth_infra.errors import ThothError
from thoth_infra.simulate import run
from thoth_infra.simulate.estate import Estate, Schedule
from thoth_infra.simulate.workload import Audio, Rates, Workload

QUEUE_SEEN = scaling.QUEUE_METRIC_LAG_SECONDS
SURE = {"start": Span(100, 100)}


def test_from_zero_the_first_job_waits_for_alarm_host_and_model() -> None:
    stages = (on_gpu(0, 1, **SURE),)
    estate = Estate("cold", stages, (pool(1, 0, boot=Span(400, 400)),))
    wait = run(estate, at([90.0], stages), seed=1).wait.max

    # Sampled at 120 s, known a period later, and the alarm looks at full minutes.
    assert wait == pytest.approx(120 + QUEUE_SEEN - 90 + 400 + 100)


def test_one_task_is_woken_while_it_boots_not_one_each_minute() -> None:
    stages = (on_gpu(0, 5, track=None, start=Span(180, 180)),)
    estate = Estate("cold", stages, (pool(5, 0, boot=Span(600, 600)),))
    assert run(estate, at([0.0] * 10, stages), seed=1).stages[0].most_tasks == 1

    impatient = (replace(stages[0], wake=replace(stages[0].wake, cooldown_seconds=60)),)  # type: ignore[type-var]
    assert run(replace(estate, stages=impatient), at([0.0] * 10, stages), seed=1).stages[0].most_tasks == 5


def test_a_backlog_brings_as_many_tasks_as_bring_it_down_to_its_target() -> None:
    stages = (scaled("work", 1, 50),)
    found = run(Estate("busy", stages), at([100.0] * 81, stages, audio=3600.0), seed=1)

    assert max(found.series.desired[0]) == 20  # 80 visible, 4 a task


def test_the_minimum_is_restored_only_after_minutes_without_an_open_message() -> None:
    stages = (scaled("work", 0, 1),)
    found = run(Estate("once", stages), at([0.0, 7200.0], stages, audio=1200.0), seed=1)
    series = found.series
    ready = [hour * 60 for hour, tasks in zip(series.hours, series.running[0], strict=True) if tasks]

    # Woken at 1 min + lag, ready within 90 s, twenty minutes of work, fifteen of nothing.
    gone = next(minute for minute in range(int(ready[0]), 120) if minute not in [round(at) for at in ready])
    assert ready[0] + 20 + 15 <= gone <= ready[0] + 20 + 15 + 4


def test_off_hours_nobody_works_and_daylight_saving_time_is_followed() -> None:
    nights = Schedule("America/New_York", "20:00", "07:00", ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"))
    stages = (scaled("work", 1, 2, follows_schedule=True),)
    # In 2026 New York's clocks go forward on 8 March: 07:00 is at 12:00 UTC before, at 11:00 after.
    begin = datetime(2026, 3, 7, tzinfo=UTC)
    workload = replace(poisson(1, 72, stages, Audio(60, 0, "fixed")), start=begin, drain_hours=0.0)
    series = run(Estate("nights", stages, schedule=nights), workload, seed=1).series
    off = {round(hour, 2): closed for hour, closed in zip(series.hours, series.off_hours, strict=True)}

    assert [off[11.0], off[11.9], off[12.1]] == [True, True, False]
    assert [off[24 + 10.9], off[24 + 11.1]] == [True, False]
    for hour, closed, tasks in zip(series.hours, series.off_hours, series.running[0], strict=True):
        if closed and off.get(round(hour - 0.2, 2)):
            assert tasks == 0, hour


def test_an_interrupted_job_goes_on_from_its_checkpoint() -> None:
    def busy(checkpoint: float) -> float:
        hosts = pool(0, 1, boot=AT_ONCE)
        hosts = replace(hosts, types=(replace(hosts.types[0], interruptions_per_hour=1.0),))
        stages = (on_gpu(1, 1, checkpoint_seconds=checkpoint, spot_weight=100, on_demand_weight=0, job_seconds=1e6),)
        estate = Estate("spot", stages, (hosts,), max_receives=1000)
        found = run(estate, replace(at([0.0] * 20, stages, audio=3000.0), drain_hours=500), seed=3)
        assert found.finished == 20
        assert found.stages[0].interruptions > 5
        assert found.retries == found.stages[0].interruptions
        return found.stages[0].busy_hours

    whole = 20 * 3000 / 3600
    assert whole < busy(180) < whole * 1.1
    assert busy(0) > whole * 1.3


def test_a_host_that_is_taken_away_is_paid_for_until_its_end() -> None:
    hosts = pool(0, 1, boot=AT_ONCE)
    hosts = replace(hosts, types=(replace(hosts.types[0], interruptions_per_hour=0.5),))
    stages = (on_gpu(1, 1, spot_weight=100, on_demand_weight=0, start=AT_ONCE),)
    found = run(Estate("spot", stages, (hosts,)), poisson(1, 1000, stages, Audio(60, 0, "fixed")), seed=1)

    assert found.interruptions == pytest.approx(500, rel=0.15)
    # Two minutes of notice each, in which the next one comes up, and up to a minute until it is asked for.
    assert found.hours - found.interruptions / 60 <= found.gpu_hours
    assert found.gpu_hours <= found.hours + found.interruptions * scaling.SPOT_NOTICE_SECONDS / 3600


@pytest.mark.parametrize("receives", [1, 4])
def test_what_always_fails_is_a_dead_letter_after_its_last_delivery(receives: int) -> None:
    stages = (fixed(2),)
    estate = replace(queueing(*stages), max_receives=receives)
    found = run(estate, at([0.0], stages, failing=1.0), seed=1)

    assert (found.dead_letters, found.finished, found.retries) == (1, 0, receives - 1)
    # The pauses between the deliveries, doubled each time, are the whole time but the work's.
    pauses = sum(scaling.FIRST_BACKOFF_SECONDS * 2**number for number in range(receives - 1))
    assert found.stages[0].busy_hours * 3600 == pytest.approx(60 * receives)
    assert found.hours * 3600 >= 60 * receives + pauses


def test_a_worker_that_dies_leaves_its_job_to_the_visibility_time_out() -> None:
    stages = (replace(fixed(1), visibility_seconds=600),)
    found = run(replace(queueing(*stages), max_receives=2), at([0.0], stages, crashing=1.0), seed=1)

    assert (found.dead_letters, found.retries) == (1, 1)


def test_a_message_does_not_outlive_its_retention() -> None:
    stages = (fixed(1),)
    found = run(replace(queueing(*stages), retention_seconds=5400), at([0.0] * 5, stages, audio=3600.0), seed=1)

    assert (found.finished, found.expired) == (2, 3)


def test_a_job_longer_than_its_time_out_never_ends() -> None:
    stages = (replace(fixed(1), job_seconds=50),)
    assert run(queueing(*stages), at([0.0], stages, audio=60.0), seed=1).dead_letters == 1

    resuming = (replace(stages[0], checkpoint_seconds=10),)
    assert run(queueing(*resuming), at([0.0], resuming, audio=60.0), seed=1).finished == 1


def test_a_market_without_hosts_leaves_its_share_of_tasks_waiting() -> None:
    stages = (on_gpu(4, 4, spot_weight=50, on_demand_weight=50, kind="fixed"),)
    found = run(Estate("half", stages, (pool(4, 1),)), at([0.0] * 30, stages, audio=600.0), seed=1)

    assert (found.stages[0].most_tasks, max(found.series.desired[0])) == (3, 4)


def test_a_message_read_ahead_waits_for_its_worker_though_another_is_idle() -> None:
    def longest(prefetch: int) -> float:
        stages = (replace(fixed(2), prefetch=prefetch),)
        waits = (run(queueing(*stages), at([0.0, 10.0], stages, audio=600.0), seed=seed).wait.max for seed in range(20))
        return max(waits)

    assert longest(0) == 0
    assert longest(1) == pytest.approx(590)


def test_an_estate_that_does_not_keep_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thoth_infra.simulate.simulation.MOST_JOBS", 50_000)
    stages = (fixed(1),)
    with pytest.raises(ThothError, match="does not keep up"):
        run(queueing(*stages), poisson(1000, 1000, stages, Audio(3600)), seed=1)


def test_a_trace_by_the_hour_brings_exactly_as_many() -> None:
    stages = (fixed(5),)
    workload = replace(poisson(1, 3, stages, Audio(60)), arrivals=Rates((7.0, 0.0, 12.0), exact=True))
    found = run(queueing(*stages), workload, seed=1)
    assert isinstance(workload, Workload)
    assert found.arrived == 19
    by_hour = [0, 0, 0]
    for hour, count in zip(found.series.hours, found.series.finished, strict=True):
        by_hour[min(int(hour), 2)] += count
    assert by_hour[0] in (6, 7)
