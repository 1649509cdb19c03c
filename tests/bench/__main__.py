"""Prints how quick the command line is beside what it wraps; exit 1 when a bound is missed.

``python -m tests.bench [help] [render] [plan] [simulate]`` measures those only.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import Measure, Row, alternate, beside, measured, process
from tests.bench.simulating import simulating
from thoth_infra.cli.session import emulator_folder, workspace_of
from thoth_infra.config.load import load
from thoth_infra.emulator import running, stop
from thoth_infra.terraform import cli_config
from thoth_infra.terraform.mirror import host_platform

PROJECT = Path(__file__).resolve().parents[2]
THOTH = [sys.executable, "-m", "thoth_infra"]
# A CDKTF synth of three stacks with 151 resources each, warm, on a machine like the one that builds this project.
CDKTF_SYNTH_S = 15.5
RUNS, PLAN_RUNS = 9, 7
# The user's own settings must not reach a measurement.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "THOTH_", "TF_"))}


def help_page(root: Path) -> Iterator[Row]:
    """A cold ``--help`` beside a cold import of click: what Python itself costs cancels out."""
    ours = process([*THOTH, "--help"], cwd=root, env=CLEAN)
    theirs = process([sys.executable, "-c", "import click"], cwd=root, env=CLEAN)
    alternate(1, ours, theirs)
    seconds, least = alternate(RUNS, ours, theirs)
    yield Row("thoth-infra --help / import click", seconds / least, "×", 3.0, f"{seconds:.3f} s / {least:.3f} s")


def rendering(root: Path) -> Iterator[Row]:
    """A cold ``render`` that writes every file of every environment, and of the shared account's side."""
    run = process([*THOTH, "render"], cwd=root, env=CLEAN, before=lambda: shutil.rmtree(root / "terraform"))
    alternate(1, run)
    (seconds,) = alternate(RUNS, run)
    count = sum(1 for path in (root / "terraform").rglob("*") if path.is_file())
    yield Row("render of all environments, cold", seconds, "s", 0.7, f"{count} files written")
    note = f"{CDKTF_SYNTH_S} s"
    yield Row("that / CDKTF synth of 3 stacks of 151 resources", seconds / CDKTF_SYNTH_S, "×", note=note)


def planning(root: Path) -> Iterator[Row]:
    """``plan --emulate`` beside a bare ``terraform plan``: same tree, same providers, same running emulator."""
    env = load(root, "staging", personal=False).environment
    workspace = workspace_of(root, env, emulate=True)
    folder = emulator_folder(root, env.name)
    with running(folder, keep=True) as emulator:
        try:
            thoth = [*THOTH, "--engine", "local"]
            process([*thoth, "init", "--env", env.name, "--emulate"], cwd=root, env=CLEAN)()
            redirected = emulator.variables(account_id=env.accounts.own, region=env.region, role=env.identity.profile)
            providers = cli_config.prepare(workspace, CLEAN, host_platform())
            bare = {**CLEAN, **redirected, **providers.variables, "TF_DATA_DIR": str(workspace.data_dir)}
            plan = ["terraform", "plan", "-input=false", f"-out={workspace.scratch / 'bare.tfplan'}"]
            seconds, least = beside(
                PLAN_RUNS,
                process([*thoth, "plan", "--env", env.name, "--emulate"], cwd=root, env=CLEAN),
                process(plan, cwd=workspace.tree, env=bare),
            )
        finally:
            stop(folder)
    note = f"bare: {least:.2f} s; bound 1.05 × bare + 0.5 s"
    yield Row("plan --emulate of staging", seconds, "s", 1.05 * least + 0.5, note)


def _in_copy(measure: Measure) -> Measure:
    """Have a measurement made in a copy of the project."""

    def measured_there(folder: Path) -> Iterator[Row]:
        for part in ("environments", "templates", "terraform"):
            shutil.copytree(PROJECT / part, folder / part)
        shutil.copy(PROJECT / ".terraform-version", folder)
        yield from measure(folder)

    return measured_there


MEASUREMENTS = {name: _in_copy(measure) for name, measure in
                (("help", help_page), ("render", rendering), ("plan", planning))}  # fmt: skip
MEASUREMENTS["simulate"] = simulating

if __name__ == "__main__":
    waiting, cores = os.getloadavg()[0], os.cpu_count() or 1
    if waiting > cores / 2:
        sys.stderr.write(f"note: {waiting:.1f} processes wait for {cores} cores: seconds will be too long\n")
    sys.exit(measured(MEASUREMENTS, sys.argv[1:]))
