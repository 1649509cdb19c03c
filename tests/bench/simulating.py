"""A year of a million jobs a day through all three stages: seconds, memory, and whether time is linear in jobs.

``python -m tests.bench.simulating DAYS`` simulates so many days and prints seconds (wall and CPU), jobs and MiB.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import Row
from thoth_infra.config.load import load
from thoth_infra.simulate import run
from thoth_infra.simulate.defaults import work_of
from thoth_infra.simulate.rendered import estate_of
from thoth_infra.simulate.workload import Audio, Rates, Workload

PROJECT = Path(__file__).resolve().parents[2]
JOBS_A_DAY = 1_000_000
# Production, with bounds that a million half-hour lessons a day need: some 1,300 GPUs.
SETTINGS = (
    "services.audio_extraction.scaling.max=1000", "services.transcription.scaling.max=2400",
    "services.music_terms.scaling.max=1000", "services.transcription.scaling.min=1200",
    "services.audio_extraction.scaling.min=250", "services.music_terms.scaling.min=120",
    "gpu_pools.main.on_demand.max=2400", "gpu_pools.main.spot.max=2400",
)  # fmt: skip


def year(days: int) -> dict[str, float]:
    """Simulate so many days; return what it took."""
    env = load(PROJECT, "production", personal=False, settings=SETTINGS).environment
    rates = Rates((JOBS_A_DAY / 24,) * (24 * days))
    workload = Workload(rates, work_of(env), 24 * days, Audio(1800))
    run(estate_of(env), Workload(Rates((1.0,)), work_of(env), 1), seed=1)  # compiled, or read from the cache
    began, cpu = time.perf_counter(), time.process_time()
    result = run(estate_of(env), workload, seed=1)
    return {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "jobs": result.arrived,
        "left": result.unfinished + result.dead_letters + result.expired,
        "p95": result.wait.p95,
    }


def _measured(days: int) -> dict[str, float]:
    argv = [sys.executable, "-m", "tests.bench.simulating", str(days)]
    done = subprocess.run(argv, cwd=PROJECT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def simulating(_folder: Path) -> Iterator[Row]:
    """A year, and a quarter of it, each in a process of its own."""
    whole, quarter = _measured(365), _measured(91)
    jobs = f"{whole['jobs'] / 1e6:.1f} million jobs, {whole['left']:.0f} not done, p95 {whole['p95']:.0f} s"
    yield Row("simulate: a year of 1,000,000 jobs a day", whole["seconds"], "s", 60.0, jobs)
    yield Row("its CPU time", whole["cpu"], "s")
    yield Row("its memory", whole["mib"], "MiB", 1024.0)
    ratio = (whole["cpu"] / whole["jobs"]) / (quarter["cpu"] / quarter["jobs"])
    yield Row("CPU time per job, year / quarter", ratio, "×", 1.15, f"quarter: {quarter['cpu']:.1f} s")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(year(int(sys.argv[1]))) + "\n")
