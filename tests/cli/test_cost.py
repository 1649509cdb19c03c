"""``thoth-infra cost``: what a person and a program read, and when it fails."""

from __future__ import annotations

import json
import os
import re
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.test_main import Run
from tests.cli.test_main import run as run
from tests.render.support import PROJECT, copy_project
from tests.snapshots import same
from thoth_infra.review.cost.usage import Usage


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in [name for name in os.environ if name.startswith("THOTH_")]:
        monkeypatch.delenv(name)
    return str(copy_project(tmp_path / "project"))


def test_the_parts_stand_between_their_bounds(run: Run, project: str) -> None:
    code, out, _ = run("--root", project, "cost", "--env", "production")
    assert code == 0
    same("cost.txt", out)


def test_a_pull_request_gets_a_table(run: Run, project: str) -> None:
    same("cost.md", run("--root", project, "cost", "--env", "production", "--markdown")[1])
    same("cost-compare.md", run("--root", project, "cost", "--env", "dev", "--compare", "staging", "--markdown")[1])


def test_two_environments_stand_beside_each_other(run: Run, project: str) -> None:
    same("cost-compare.txt", run("--root", project, "cost", "--env", "dev", "--compare", "staging")[1])


def test_a_program_gets_every_position_with_exact_amounts(run: Run, project: str) -> None:
    code, out, _ = run("--root", project, "--json", "cost", "--env", "staging")
    made = json.loads(out)
    assert code == 0
    for bound in ("least", "expected", "most"):
        assert sum(Decimal(line["cost"][bound]) for line in made["lines"]) == Decimal(made["total"][bound])
    gateway = next(line for line in made["lines"] if line["item"] == "NAT gateways")
    amounts = [Decimal(gateway[what]["expected"]) for what in ("quantity", "price", "cost")]
    assert amounts == [Decimal(730), Decimal("0.045"), Decimal("32.85")]
    assert (made["environment"], made["prices_as_of"], made["audio_hours"]) == ("staging", "2025-06-01", "100")
    both = json.loads(run("--root", project, "--json", "cost", "--env", "dev", "--compare", "staging")[1])
    change = Decimal(both["to"]["total"]["expected"]) - Decimal(both["from"]["total"]["expected"])
    assert change == sum(
        Decimal(part["after"]["expected"]) - Decimal(part["before"]["expected"]) for part in both["delta"]["parts"]
    )


def test_every_position_is_shown_below_its_part(run: Run, project: str) -> None:
    lines = run("--root", project, "cost", "--env", "staging", "--lines")[1].splitlines()
    storage = next(n for n, line in enumerate(lines) if line.startswith("Storage "))
    assert re.match(r"  EFS: standard +0\.00 +23\.68 +47\.37$", lines[storage + 1])


def test_above_the_budget_it_fails_and_says_what_drives_it(run: Run, project: str) -> None:
    code, out, err = run("--root", project, "cost", "--env", "production", "--max-monthly", "1000")
    assert code == 1
    assert "| " not in out
    assert out.startswith("production: $")
    assert re.search(
        r"Error: production is expected to cost \$1,[\d.]+ a month, \$[\d.]+ above \$1,000\.00 \(--max-monthly\);"
        r" most of it: GPU hosts, \$563\.06",
        err,
    )


def test_the_environments_own_budget_holds_and_strict_asks_for_the_bound(run: Run, project: str) -> None:
    assert run("--root", project, "cost", "--env", "production")[0] == 0
    code, _, err = run("--root", project, "cost", "--env", "production", "--strict")
    assert code == 1
    assert "production can cost $7," in err
    assert "above $4,000.00 (budget.monthly_usd); most of it: GPU hosts" in err
    code, _, err = run("--root", project, "cost", "--env", "staging", "--set", "budget.monthly_usd=100")
    assert (code, "above $100.00 (budget.monthly_usd)" in err) == (1, True)
    assert run("--root", project, "cost", "--env", "staging", "--set", "budget=null", "--strict")[0] == 0


def test_assumptions_come_from_a_file_and_from_the_command_line(run: Run, project: str, tmp_path: Path) -> None:
    file = tmp_path / "usage.yaml"
    file.write_text("audio_hours: 250\n")
    assert "250 of audio" in run("--root", project, "cost", "--env", "staging", "--usage", str(file))[1]
    hours = ("--usage", str(file), "--audio-hours", "40")
    assert "$5." in (out := run("--root", project, "cost", "--env", "staging", *hours)[1])
    assert "40 of audio" in out
    file.write_text("audio_hour: 250\n")
    code, out, err = run("--root", project, "cost", "--env", "staging", "--usage", str(file))
    assert (code, out) == (1, "")
    assert "usage.yaml: audio_hour:" in err


@pytest.mark.parametrize("amount", ["-1", "nan", "much"])
def test_an_amount_that_is_none_is_wrong_usage(run: Run, project: str, amount: str) -> None:
    code, _, err = run("--root", project, "cost", "--env", "staging", "--audio-hours", amount)
    assert code == 2
    assert "is not a number from 0 on" in err


def test_old_prices_and_other_regions_are_said_on_stderr(run: Run, project: str) -> None:
    code, out, err = run("--root", project, "--json", "cost", "--env", "staging")
    assert code == 0
    assert json.loads(out)
    assert re.search(r"note: \d+ of \d+ prices are older than 180 days \(the oldest of 2025-06-01\)", err)
    elsewhere = [f"network.availability_zones={','.join(f'eu-west-1{zone}' for zone in 'abc')}", "region=eu-west-1"]
    options = [word for setting in elsewhere for word in ("--set", setting)]
    assert (
        "the prices are those of us-east-1, not of eu-west-1"
        in run("--root", project, "cost", "--env", "staging", *options)[2]
    )


def test_what_can_not_be_estimated_is_said(run: Run, project: str) -> None:
    code, _, err = run("--root", project, "cost", "--env", "shared")
    assert (code, "the shared account's side is not estimated" in err) == (1, True)
    code, _, err = run("--root", project, "cost", "--env", "stagin")
    assert (code, "did you mean 'staging'?" in err) == (1, True)


def test_the_document_lists_every_assumption_with_its_default() -> None:
    text = (PROJECT / "docs" / "cost.md").read_text()
    rows = dict(re.findall(r"(?m)^\| `(\w+)` \| ([\d.]+) \|", text))
    assert rows == {name: str(field.default) for name, field in Usage.model_fields.items()}
