"""Small systems to simulate."""

from __future__ import annotations

from thoth_infra.contract.scaling import Span
from thoth_infra.simulate.estate import Estate, Fargate, HostType, OnPool, Pool, Sleep, Stage, Track, Wake
from thoth_infra.simulate.workload import Audio, Rates, Trace, Work, Workload

AT_ONCE = Span(0, 0)
FARGATE = Fargate(vcpus=1, memory_gib=2, hourly=0.05, spot_hourly=0.02)
GPU = HostType("g4dn.xlarge", "T4", 1, 0.5, 0.2)


def fixed(tasks: int, name: str = "work") -> Stage:
    """Return a stage that always has so many tasks, at once."""
    return Stage(name, tasks, tasks, FARGATE, kind="fixed", start=AT_ONCE, job_seconds=1e9)


def queueing(*stages: Stage) -> Estate:
    """Return an estate as queueing theory has it: nobody is taken away, nothing expires."""
    return Estate("theory", stages, retention_seconds=1e12)


def scaled(name: str, least: int, most: int, **changed: object) -> Stage:
    """Return a stage on Fargate that follows its backlog."""
    policies: dict[str, object] = {"wake": Wake(300), "track": Track(4), "sleep": Sleep(15)}
    return Stage(name, least, most, FARGATE, **(policies | changed))  # type: ignore[arg-type]


def on_gpu(least: int, most: int, **changed: object) -> Stage:
    """Return a stage on the pool ``main``, scaled as transcription is."""
    stage: dict[str, object] = {"wake": Wake(900), "track": Track(4), "sleep": Sleep(15), "start": Span(120, 180)}
    return Stage("transcription", least, most, OnPool("main", 1), **(stage | changed))  # type: ignore[arg-type]


def pool(on_demand: int, spot: int, **changed: object) -> Pool:
    """Return a pool of one type."""
    return Pool("main", (GPU,), on_demand, spot, **changed)  # type: ignore[arg-type]


def work(*stages: Stage, pace: float = 1.0, **changed: float) -> tuple[Work, ...]:
    """Return work of ``pace`` seconds per second of audio, wherever it is done."""
    return tuple(Work(stage.name, (("fargate", pace), (GPU.name, pace)), **changed) for stage in stages)


def poisson(per_hour: float, hours: int, stages: tuple[Stage, ...], audio: Audio, **changed: float) -> Workload:
    """Return steady arrivals."""
    return Workload(Rates((per_hour,) * hours), work(*stages, **changed), hours, audio)


def at(times: list[float], stages: tuple[Stage, ...], audio: float = 60.0, **changed: float) -> Workload:
    """Return jobs at certain seconds, each with as much audio."""
    hours = max(times) // 3600 + 1
    return Workload(Trace(tuple(times), (audio,) * len(times)), work(*stages, **changed), hours)
