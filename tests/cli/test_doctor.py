"""``thoth-infra doctor`` as an operator types it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Cli
from tests.snapshots import same

# What differs from machine to machine, in length too.
MACHINE = {
    r"Python \d+\.\d+\.\d+": "Python 3",
    r"\d+\.\d GiB free": "100 GiB free",
    r"\b(linux|darwin)_\w+": "this_platform",
}


@pytest.fixture
def machine(cli: Cli, tmp_path: Path) -> dict[str, str]:
    """A machine with a Terraform of the pinned version and Git, and no more."""
    folder = tmp_path / "programs"
    folder.mkdir()
    version = (ROOT / ".terraform-version").read_text().split()[0]
    terraform = folder / "terraform"
    terraform.write_text(f"""#!/bin/sh\necho '{{"terraform_version": "{version}"}}'\n""")
    terraform.chmod(0o755)
    git = shutil.which("git")
    assert git
    (folder / "git").symlink_to(git)
    return {"PATH": str(folder), "THOTH_PROVIDER_MIRROR": "", "HOME": str(tmp_path)}


def anywhere(out: str, folder: Path) -> str:
    """Return an output without what differs from machine to machine."""
    out = out.replace(str(folder), "FOLDER")
    for pattern, word in MACHINE.items():
        out = re.sub(pattern, word, out)
    return out


def states(out: str) -> dict[str, str]:
    return {row["name"]: row["state"] for row in json.loads(out)}


def test_without_an_environment_it_looks_at_the_machine_and_every_environments_files(
    cli: Cli, machine: dict[str, str]
) -> None:
    found = cli("--json", "doctor", **machine)
    rows = json.loads(found.stdout)
    assert {row["environment"] for row in rows} == {None, "dev", "staging", "production", "shared"}
    assert {row["name"] for row in rows} & {"credentials", "quota-gpu", "secrets"} == set()
    # The small project was never rendered.
    assert found.returncode == 1
    assert "rendered" in found.stderr


def test_an_environment_is_looked_at_without_an_account(cli: Cli, machine: dict[str, str]) -> None:
    cli("render", "--env", "staging")
    shown = cli("doctor", "--env", "staging", "--emulate", **machine)
    assert shown.returncode == 1
    same("doctor.txt", anywhere(shown.stdout, cli.root.parent))
    as_json = cli("--json", "doctor", "--env", "staging", "--emulate", **machine)
    same("doctor.json", anywhere(as_json.stdout, cli.root.parent))
    found = states(as_json.stdout)
    assert (found["account"], found["role"], found["clock"]) == ("ok", "ok", "ok")
    assert (found["quota-gpu"], found["applied"], found["secrets"]) == ("fail", "warn", "skipped")
    assert "checks fail: " in as_json.stderr


def test_a_broken_configuration_is_one_finding(cli: Cli, machine: dict[str, str]) -> None:
    path = cli.root / "environments" / "staging.yaml"
    path.write_text(path.read_text().replace("name: staging", "name: staging\nregions: x"))
    found = cli("--json", "doctor", "--env", "staging", **machine)
    assert found.returncode == 1
    rows = {row["name"]: row for row in json.loads(found.stdout)}
    assert "environments/staging.yaml" in rows["configuration"]["what"]
    assert {rows[name]["state"] for name in ("rendered", "credentials", "secrets")} == {"skipped"}


@pytest.mark.slow
def test_what_bootstrap_makes_doctor_is_content_with(cli: Cli, machine: dict[str, str]) -> None:
    before = states(cli("--json", "doctor", "--env", "dev", "--emulate", **machine).stdout)
    assert cli("bootstrap", "--env", "dev", "--emulate").returncode == 0
    after = states(cli("--json", "doctor", "--env", "dev", "--emulate", **machine).stdout)
    parts = ("state-bucket", "github-oidc")
    assert [before[part] for part in parts] == ["fail", "fail"]
    assert [after[part] for part in parts] == ["ok", "ok"]
    assert after["certificate"] == "skipped"


def test_the_shared_account_has_no_checks_of_environments(cli: Cli, machine: dict[str, str]) -> None:
    found = states(cli("--json", "doctor", "--env", "shared", "--emulate", **machine).stdout)
    assert found["account"] == "ok"
    assert set(found) & {"quota-gpu", "secrets", "images-lock", "github-oidc"} == set()
