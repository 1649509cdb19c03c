"""``thoth-infra simulate --check``, ``--optimize`` and ``--plot`` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, cli  # noqa: F401 - a fixture
from tests.render.support import copy_project

LOAD = ("--jobs-per-hour", "20", "--hours", "24")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path / "project")


def test_an_environment_that_holds_is_told_so(cli: Cli, project: Path) -> None:  # noqa: F811
    done = cli("simulate", "--env", "staging", "--check")

    assert (done.returncode, done.stdout.split(" (")[0]) == (0, "staging: scaling holds"), done.stderr


@pytest.mark.slow
def test_what_does_not_hold_is_told_with_its_line_and_fails(cli: Cli, project: Path) -> None:  # noqa: F811
    file = project / "environments" / "production.yaml"
    text = file.read_text().replace("base_tasks: 1, max: 3", "base_tasks: 5, max: 3")
    file.write_text(text)
    line = text[: text.index("base_tasks: 5")].count("\n") + 1

    done = cli("--json", "simulate", "--env", "production", "--check", *LOAD, "--slo-minutes", "0.1")

    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert not found["holds"]
    places = {finding["rule"]: finding["place"] for finding in found["findings"]}
    assert places["pool-place"] == f"environments/production.yaml:{line}"
    assert "simulated-slo" in places
    assert "does not hold" in done.stderr


def test_a_plot_is_drawn_beside_the_figures(cli: Cli, project: Path, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "night.png"

    done = cli("simulate", "--env", "staging", *LOAD, "--plot", str(file), "--theme", "dark")

    assert done.returncode == 0, done.stderr
    assert file.read_bytes().startswith(b"\x89PNG")
    refused = cli("simulate", "--env", "staging", *LOAD, "--plot", str(tmp_path / "night.doc"))
    assert refused.returncode == 1 and ".png or a .svg" in refused.stderr


@pytest.mark.slow
def test_a_proposal_is_the_same_each_time_and_can_be_pasted(cli: Cli, project: Path) -> None:  # noqa: F811
    words = ("simulate", "--env", "production", *LOAD, "--optimize", "--max-p95", "15", "--seed", "3")

    done, again = cli(*words), cli("--json", *words)

    assert done.returncode == again.returncode == 0, done.stderr
    found = json.loads(again.stdout)
    assert found["yaml"].rstrip() in done.stdout
    assert found["promised"]["settings"] and 0 < found["saving"] < 1
    assert "local optimum, not a proof" in done.stdout
