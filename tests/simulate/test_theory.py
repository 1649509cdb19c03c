"""Against queueing theory: M/M/c by Erlang C, M/D/1 by Pollaczek and Khinchine; within 2 % at three loads."""

from __future__ import annotations

import math

import pytest

from tests.simulate.support import fixed, poisson, queueing
from thoth_infra.simulate import run
from thoth_infra.simulate.result import Result
from thoth_infra.simulate.workload import Audio

LOADS = (0.5, 0.8, 0.9)
# So many that chance moves a mean by well under 1 %: the busier, the longer a queue remembers.
JOBS = {0.5: 4_000_000, 0.8: 8_000_000, 0.9: 25_000_000}
SERVICE = 10.0
WITHIN = 0.02


def erlang_c(servers: int, load: float) -> float:
    """Return the probability that an arrival must wait."""
    offered = load * servers
    blocked = 1.0
    for busy in range(1, servers + 1):
        blocked = offered * blocked / (busy + offered * blocked)
    return blocked / (1 - load * (1 - blocked))


def simulated(servers: int, load: float, audio: Audio, times: int = 1) -> Result:
    per_hour = load * servers / SERVICE * 3600
    stages = (fixed(servers),)
    return run(queueing(*stages), poisson(per_hour, int(times * JOBS[load] / per_hour), stages, audio), seed=7)


@pytest.mark.parametrize("load", LOADS)
def test_several_servers_wait_as_erlang_says(load: float) -> None:
    as_erlang_says(4, load)


@pytest.mark.slow
@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("servers", [1, 30])
def test_few_and_many_servers_wait_as_erlang_says(servers: int, load: float) -> None:
    as_erlang_says(servers, load, 5)


def as_erlang_says(servers: int, load: float, times: int = 1) -> None:
    wait = simulated(servers, load, Audio(SERVICE, 1, "exponential"), times).wait
    # P(W > t) = waiting * exp(-rate * t)
    waiting, rate = erlang_c(servers, load), servers * (1 - load) / SERVICE

    if waiting > 0.01:  # else too few wait to tell
        assert wait.mean == pytest.approx(waiting / rate, rel=WITHIN)
    for share, found in ((0.5, wait.p50), (0.95, wait.p95), (0.99, wait.p99)):
        if waiting > 1.5 * (1 - share):
            assert found == pytest.approx(math.log(waiting / (1 - share)) / rate, rel=WITHIN)
        elif waiting < 0.9 * (1 - share):
            assert found == 0


@pytest.mark.parametrize("load", LOADS)
def test_one_server_with_equal_jobs_waits_as_pollaczek_and_khinchine_say(load: float) -> None:
    found = simulated(1, load, Audio(SERVICE, 0, "fixed"))

    assert found.wait.mean == pytest.approx(load * SERVICE / (2 * (1 - load)), rel=WITHIN)
    assert found.stages[0].utilisation == pytest.approx(load, rel=WITHIN)
    # Who meets nobody does not wait: as many as the server is idle.
    assert found.wait.p50 == 0 or load >= 0.5
    assert found.histogram.counts[0] / found.arrived == pytest.approx(1 - load, rel=WITHIN)


@pytest.mark.parametrize("load", LOADS)
def test_jobs_of_varied_length_wait_as_their_variance_says(load: float) -> None:
    spread = 0.6
    found = simulated(1, load, Audio(SERVICE, spread, "lognormal"))

    assert found.wait.mean == pytest.approx(load * SERVICE * (1 + spread**2) / (2 * (1 - load)), rel=WITHIN)
