"""From a shipped configuration and a workload to the cheapest one that keeps a wait, or the word that there is none."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from thoth_infra.config import yaml_source
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import DEFAULTS, FOLDER, Loaded, load, lock_file
from thoth_infra.errors import ConfigInvalid, ThothError
from thoth_infra.render.tree import Tree
from thoth_infra.review.scaling.check import prove
from thoth_infra.review.scaling.rules import RULES
from thoth_infra.simulate.estate import Estate, Fargate, OnPool, Stage
from thoth_infra.simulate.optimize import paste, search
from thoth_infra.simulate.optimize.search import LEAST_SAVING, Measured, Outcome, Search
from thoth_infra.simulate.optimize.space import Settings, Space, space
from thoth_infra.simulate.rendered import estate_of
from thoth_infra.simulate.result import Result
from thoth_infra.simulate.simulation import run
from thoth_infra.simulate.workload import Workload

SEEDS: Final = 5
HELD_OUT: Final = 8
# Of the wait wanted: what the search keeps free for the seeds that it does not see.
_MARGIN: Final = 0.95
# Candidates that are tried on the held-out seeds before the search gives up: one that was only lucky fails there.
_CANDIDATES: Final = 12
HOURS_PER_MONTH: Final = 730
# Rules that the space can break. The alarms' expressions are the same for every candidate.
_ASKED: Final = tuple(
    rule for rule in RULES if rule.id.startswith(("pool-", "spot-", "schedule-", "sleep-gap", "backlog-alarm"))
)


@dataclass(frozen=True)
class Proposal:
    """What to change, and what it is worth. US dollars are of the workload's hours; ``seeds`` are disjoint sets.

    ``found`` is None where nothing is cheaper (or keeps the wait); ``promised`` and ``shipped`` are outcomes on the
    held-out seeds, which the search never saw. ``floor_usd``: what no configuration of the space can be cheaper than,
    the work alone at the cheapest price with all that is fixed.
    """

    environment: str
    max_p95_minutes: float
    hours: float
    shipped: Outcome
    promised: Outcome | None
    yaml: str
    tried: tuple[Outcome, ...]
    candidates: int
    refused: int
    runs: int
    grid: int
    settled: bool
    exhaustive: bool
    floor_usd: float
    search_seeds: tuple[int, ...]
    held_out_seeds: tuple[int, ...]

    @property
    def saving(self) -> float:
        """Share of the shipped cost that is saved; 0 without a proposal."""
        return 1 - self.promised.mean_usd / self.shipped.mean_usd if self.promised else 0.0


@dataclass(frozen=True)
class Job:
    """All that a proposal is made from.

    ``render`` makes the tree that a loaded candidate would be rendered to, ``estate`` what is simulated of it.
    """

    root: Path
    loaded: Loaded
    workload: Workload
    max_p95_minutes: float | None
    """None: the wait of the shipped configuration."""
    seed: int
    settings: tuple[str, ...] = ()
    render: Callable[[Loaded], Tree] | None = None
    estate: Callable[[Environment], Estate] = estate_of


def propose(job: Job, say: Callable[[str], None]) -> Proposal:
    """Search, then promise only what holds on seeds that the search has not seen. Deterministic for a seed."""
    env = job.loaded.environment
    seeds = tuple(range(job.seed, job.seed + SEEDS))
    held_out = tuple(range(job.seed + 1_000_000, job.seed + 1_000_000 + HELD_OUT))
    shipped = _outcome(job, (), held_out)
    bound = shipped.worst_p95 if job.max_p95_minutes is None else job.max_p95_minutes * 60
    judged = space(env)
    say(f"{len(judged.dimensions)} things may change, in {judged.size:,} combinations; {SEEDS} seeds each")
    found = Search(judged, _simulate(job), bound * _MARGIN, seeds).run(say)
    promised, text = _promised(job, found.ranking, shipped, held_out, bound)
    return Proposal(
        environment=env.name, max_p95_minutes=bound / 60, hours=job.workload.hours, shipped=shipped,
        promised=promised, yaml=text, tried=found.ranking, candidates=found.tried, refused=found.refused,
        runs=found.runs, grid=judged.size, settled=found.settled, exhaustive=found.exhaustive,
        floor_usd=floor(job, judged), search_seeds=seeds, held_out_seeds=held_out,
    )  # fmt: skip


def _promised(
    job: Job, ranking: Sequence[Outcome], shipped: Outcome, seeds: Sequence[int], bound: float
) -> tuple[Outcome | None, str]:
    lowest, tries = float("inf"), 0
    for candidate in ranking:
        # After one that was only lucky, another is worth a try if it waited less.
        if not candidate.settings or candidate.worst_p95 >= lowest or tries == _CANDIDATES:
            continue
        lowest, tries = candidate.worst_p95, tries + 1
        text = paste.text(job.loaded, candidate.settings)
        outcome = measured(job, pasted(job.root, job.loaded, text, job.settings), seeds, candidate.settings)
        cheaper = outcome.mean_usd < shipped.mean_usd * (1 - LEAST_SAVING)
        if outcome.keeps(bound) and (cheaper or not shipped.keeps(bound)):
            return outcome, text
    return None, ""


def pasted(root: Path, loaded: Loaded, text: str, settings: Sequence[str] = ()) -> Loaded:
    """Load an environment as it will be with ``text`` pasted into its file, by the configuration's own loader.

    Raises ConfigInvalid where the result is not valid.
    """
    name = loaded.environment.name
    own = yaml_source.read(root / FOLDER / f"{name}.yaml", Path(f"{name}.yaml")).data
    added = yaml_source.parse(text.encode(), Path("proposal.yaml")).data
    with tempfile.TemporaryDirectory() as folder:
        below = Path(folder, FOLDER)
        below.mkdir()
        beside = (root / FOLDER / DEFAULTS, lock_file(root, name), root / f".env.{name}")
        for file in beside:
            if file.is_file():
                Path(folder, file.relative_to(root)).write_bytes(file.read_bytes())
        content = yaml.safe_dump(paste.merged(own, added), sort_keys=False, allow_unicode=True)
        (below / f"{name}.yaml").write_text(content, encoding="utf-8")
        return load(Path(folder), name, settings=settings)


def measured(job: Job, loaded: Loaded, seeds: Sequence[int], settings: Settings = ()) -> Outcome:
    """Simulate a loaded environment with every seed."""
    estate = job.estate(loaded.environment)
    runs = [_figures(estate, job.workload, run(estate, job.workload, seed)) for seed in seeds]
    return search.outcome(settings, runs)


def _outcome(job: Job, settings: Settings, seeds: Sequence[int]) -> Outcome:
    return measured(job, job.loaded if not settings else _candidate(job, settings), seeds, settings)


def _candidate(job: Job, settings: Settings) -> Loaded:
    given = (*job.settings, *(f"{key}={value}" for key, value in settings))
    return load(job.root, job.loaded.environment.name, settings=given)


def _simulate(job: Job) -> search.Simulate:
    estates: dict[Settings, Estate | None] = {}
    known = _errors(job, job.loaded)

    def simulate(settings: Settings, seed: int) -> Measured | None:
        if settings not in estates:
            estates[settings] = _estate(job, settings, known)
        if (estate := estates[settings]) is None:
            return None
        try:
            return _figures(estate, job.workload, run(estate, job.workload, seed))
        except ThothError:
            return None  # jobs pile up without bounds

    return simulate


def _estate(job: Job, settings: Settings, known: frozenset[str]) -> Estate | None:
    """Return a candidate's estate; None where the loader or the prover refuse it: static bounds come first."""
    try:
        loaded = _candidate(job, settings) if settings else job.loaded
    except ConfigInvalid:
        return None
    return job.estate(loaded.environment) if _errors(job, loaded) <= known else None


def _errors(job: Job, loaded: Loaded) -> frozenset[str]:
    """Return the rules that a candidate breaks; what the shipped one breaks, too, is not the candidate's fault."""
    if job.render is None:
        return frozenset()
    proof = prove(loaded, job.render(loaded), rules=_ASKED)
    return frozenset(finding.rule for finding in proof.findings if finding.severity == "error")


def _figures(estate: Estate, workload: Workload, result: Result) -> Measured:
    """Return a run's figures. What is fixed is paid for the workload's hours, however long the last job took."""
    fixed = {part.part for part in estate.fixed}
    moved = sum(part.usd for part in result.cost if part.part not in fixed)
    usd = moved + sum(part.hourly for part in estate.fixed) * workload.hours
    lost = result.dead_letters + result.expired + result.unfinished
    return Measured(usd, result.wait.p95, lost)


def floor(job: Job, judged: Space) -> float:
    """Return US dollars below which no candidate can be: all work at the cheapest price, and what is fixed."""
    estate = job.estate(judged.environment)
    result = run(estate, job.workload, job.seed)
    fixed = sum(part.hourly for part in estate.fixed) * job.workload.hours
    audio = result.audio_hours * 3600
    return fixed + sum(_cheapest(estate, stage, job.workload, result.finished, audio) for stage in estate.stages)


def _cheapest(estate: Estate, stage: Stage, workload: Workload, jobs: int, audio_seconds: float) -> float:
    work = workload.of(stage.name)
    prices: Mapping[str, float]
    match stage.launch:
        case Fargate(spot_hourly=spot):
            prices = {kind: spot for kind, _ in work.per_audio_second}
        case OnPool(pool=name, tasks_per_host=per_host):
            prices = {kind.name: kind.spot_hourly / per_host for kind in estate.pool(name).types}
    return min(
        price * (work.fixed_seconds * jobs + work.on(kind) * audio_seconds) / 3600 for kind, price in prices.items()
    )


def as_data(proposal: Proposal) -> dict[str, Any]:
    """Return the frozen result of ``simulate --optimize --json``."""
    return {
        **{name: getattr(proposal, name) for name in proposal.__dataclass_fields__ if name != "tried"},
        "saving": proposal.saving,
        "best": proposal.tried[:10],
    }
