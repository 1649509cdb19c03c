"""What ``simulate`` can do beside one run: check, optimize, plot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

from thoth_infra.cli.context import Project
from thoth_infra.cli.tables import marked, table
from thoth_infra.cli.views import as_json
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import Loaded
from thoth_infra.errors import CheckFailed, ThothError
from thoth_infra.files import write_atomic
from thoth_infra.render.tree import Tree, render
from thoth_infra.review.scaling.check import Proof, prove
from thoth_infra.simulate import prover, run
from thoth_infra.simulate.defaults import work_of
from thoth_infra.simulate.estate import Estate
from thoth_infra.simulate.optimize.propose import HOURS_PER_MONTH, Job, Proposal, as_data, propose
from thoth_infra.simulate.optimize.search import Outcome
from thoth_infra.simulate.plots import FORMATS, compared, picture
from thoth_infra.simulate.result import Result
from thoth_infra.simulate.workload import Workload
from thoth_infra.terraform.version import read_pin


def check(
    project: Project, loaded: Loaded, estate: Estate, workload: Workload | None, slo_minutes: float | None
) -> None:
    """Prove the scaling of an environment, statically and by simulation. Raises CheckFailed where it does not hold."""
    load = prover.loads(estate, workload) if workload else None
    proof = prove(loaded, _tree(project, loaded), load, slo_minutes)
    findings = list(proof.findings)
    simulated = find_spec("numba") is not None
    if simulated:
        findings += prover.first_lesson(estate, work_of(loaded.environment), run)
        if workload:
            findings += prover.under_load(estate, workload, run, slo_minutes)
    proof = replace(proof, findings=tuple(findings))
    project.emit({**as_json(proof), "holds": proof.holds, "simulated": simulated}, proof_text(proof, simulated))
    if not proof.holds:
        raise CheckFailed(f"the scaling of {proof.environment} does not hold", "each finding says what mends it")


def _tree(project: Project, loaded: Loaded) -> Tree:
    return render(project.root, loaded.environment, read_pin(project.root).version)


def proof_text(proof: Proof, simulated: bool) -> str:
    """Return the text of ``simulate --check``."""
    how = f"{len(proof.rules)} rules" + (", and a first lesson simulated" if simulated else "; nothing was simulated")
    if not proof.findings:
        return f"{proof.environment}: scaling holds ({how})"
    lines = [f"{proof.environment}: {len(proof.findings)} found ({how})"]
    for found in proof.findings:
        where = " ".join(part for part in (found.key, f"({found.place})" if found.place else "") if part)
        lines += [f"  {found.severity} {found.rule}{f': {where}' if where else ''}", f"    {found.what}"]
        lines.append(f"    mend: {found.mend}")
    return "\n".join(lines)


def optimize(
    project: Project,
    loaded: Loaded,
    workload: Workload,
    max_p95_minutes: float | None,
    seed: int,
    settings: tuple[str, ...],
    estate: Callable[[Environment], Estate],
) -> None:
    """Look for the cheapest configuration that keeps a wait, and print it as YAML to paste."""
    job = Job(project.root, loaded, workload, max_p95_minutes, seed, settings, lambda one: _tree(project, one), estate)
    found = propose(job, project.say)
    project.emit(as_json(as_data(found)), proposal_text(found))


def proposal_text(found: Proposal) -> str:
    """Return the text of ``simulate --optimize``."""
    names = [("shipped", found.shipped)] + ([("proposed", found.promised)] if found.promised else [])
    head = ("", "US DOLLARS", "A MONTH", "P95 WAIT", "WORST SEED", "NOT DONE")
    parts = [table(head, [_row(name, outcome, found) for name, outcome in names]), _extent(found)]
    if found.promised:
        parts.append(f"paste into environments/{found.environment}.yaml:\n\n{found.yaml.rstrip()}")
    return "\n\n".join(parts)


def _row(name: str, outcome: Outcome, found: Proposal) -> tuple[object, ...]:
    month = outcome.mean_usd / found.hours * HOURS_PER_MONTH
    worst = f"{outcome.worst_p95 / 60:.1f} min"
    return (
        name, f"{outcome.mean_usd:,.2f} ± {outcome.spread_usd:,.2f}", f"{month:,.0f}",
        f"{outcome.mean_p95 / 60:.1f} ± {outcome.spread_p95 / 60:.1f} min",
        worst if outcome.worst_p95 <= found.max_p95_minutes * 60 else marked(worst, "red"), outcome.lost,
    )  # fmt: skip


def _extent(found: Proposal) -> str:
    """Say what was found, and how far the search went."""
    went = (
        f"all {found.grid:,} combinations were tried"
        if found.exhaustive
        else f"{found.candidates:,} of {found.grid:,} combinations were tried ({found.runs:,} runs), one change at a"
        f" time{'' if found.settled else ', and the search was not at its end'}: a local optimum, not a proof"
    )
    seeds = f"{len(found.held_out_seeds)} seeds that the search has not seen"
    floor = f"the work alone at the cheapest price, with all that is fixed, is {found.floor_usd:,.2f}"
    if found.promised:
        return f"{found.saving:.1%} cheaper, on {seeds}; {floor}\n{went}"
    kept = found.shipped.keeps(found.max_p95_minutes * 60)
    what = "nothing cheaper was found" if kept else f"nothing that keeps {found.max_p95_minutes:g} minutes was found"
    return f"{what}, on {seeds}; {floor}, so no configuration can be below that\n{went}"


def plot(project: Project, file: Path, theme: str, runs: Sequence[tuple[str, Result]], start: datetime) -> None:
    """Draw one run, or several side by side, into a file whose ending is its format."""
    form = file.suffix.removeprefix(".").lower()
    if form not in FORMATS:
        raise ThothError(f"{file}: a plot is a .{' or a .'.join(FORMATS)} file", "name it so")
    if len(runs) > 3:
        raise ThothError(f"{len(runs)} runs are too many for one plot", "compare at most two with the first")
    data = picture(runs[0][1], form, theme, start) if len(runs) == 1 else compared(runs, form, theme, start)
    write_atomic(file, data)
    project.say(f"drew {file}")
