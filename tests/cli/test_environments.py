"""``thoth-infra env``: what each command prints, and how it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.config.support import DEFAULTS, ROOT, Put, copy_project, edit
from thoth_infra.cli.environments import env
from thoth_infra.cli.main import COMMANDS, main
from thoth_infra.config.schema import schema


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: object
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return copy_project(tmp_path)


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs ``thoth-infra … env …`` in the project."""
    monkeypatch.delenv("THOTH_ENV", raising=False)

    def invoke(*words: str, json_output: bool = False) -> Done:
        with pytest.raises(SystemExit) as end:
            main(["--root", str(root), *(["--json"] if json_output else []), "env", *words])
        captured = capsys.readouterr()
        return Done(end.value.code, captured.out, captured.err)

    return invoke


def test_the_help_says_what_the_overview_says() -> None:
    assert env.get_short_help_str(limit=200) == COMMANDS["env"][3]
    assert {name: command.get_short_help_str(limit=200) for name, command in env.commands.items()} == {
        "list": "List the environments.",
        "show": "Show the effective values, or those of one KEY.",
        "explain": "Tell where the value of KEY comes from.",
        "check": "Check the configuration, each environment and all together.",
        "new": "Create environments/NAME.yaml after another environment.",
        "schema": "Print the JSON Schema for editors.",
    }


def test_list_is_a_table(run: Run) -> None:
    done = run("list")
    assert done.code == 0
    rows = [re.split(r"  +", line) for line in done.out.splitlines()]
    assert rows == [
        ["NAME", "ACCOUNT", "REGION", "DOMAIN", "GPU"],
        ["dev", "087439708020", "us-east-1", "-", "g4dn.xlarge"],
        ["staging", "087439708020", "us-east-1", "thoth-staging.tfs.services", "g4dn.xlarge"],
        ["production", "087439708020", "us-east-1", "thoth.tfs.services", "g4dn.2xlarge"],
    ]


def test_list_shows_the_others_when_one_is_invalid(run: Run, root: Path) -> None:
    edit(root, Put("staging", "network.nat", "two"))
    done = run("list")
    assert done.code == 0
    assert "staging     invalid: thoth-infra env check --env staging" in done.out
    assert "production  087439708020" in done.out
    rows = json.loads(run("list", json_output=True).out)
    assert rows[1] == {"name": "staging", "problems": 1}
    assert rows[2]["gpu"] == {"main": "g4dn.2xlarge"}


def test_show_is_yaml_that_loads_again_as_the_same_environment(run: Run, root: Path) -> None:
    shown = run("show", "--env", "staging").out
    assert yaml.safe_load(shown)["accounts"]["own"] == "087439708020"
    assert yaml.safe_load(shown)["off_hours"]["stop_at"] == "20:00"
    (root / "environments" / "_defaults.yaml").write_text("")
    (root / "environments" / "staging.yaml").write_text(shown)
    assert run("show", "--env", "staging").out == shown


def test_show_of_one_key_is_fit_for_scripts(run: Run) -> None:
    assert run("show", "identity.profile", "--env", "dev").out == "tfs-ai-staging\n"
    assert run("show", "network.availability_zones", "--env", "dev").out == "- us-east-1a\n- us-east-1b\n"
    assert run("show", "domain", "--env", "dev").out == "null\n"
    assert run("show", "prefix", "--env", "dev").out == "thoth-dev\n"


def test_show_as_json_holds_the_derived_values(run: Run) -> None:
    shown = json.loads(run("show", "--env", "staging", json_output=True).out)
    assert shown["alarms"]["processing_minutes"] == 60
    assert shown["derived"]["public_url"] == "https://thoth-staging.tfs.services"
    assert shown["derived"]["all_tags"]["Environment"] == "staging"


def test_show_notes_values_from_outside_the_committed_files(run: Run) -> None:
    done = run("show", "whisper.model", "--env", "staging", "--set", "whisper.model=tiny")
    assert done.out == "tiny\n"
    assert done.err == "note: whisper.model comes from --set, not from the committed files\n"


def test_explain_says_value_place_meaning_and_what_is_overridden(run: Run, root: Path) -> None:
    (root / ".env.staging").write_text("SPOT_ENABLED=false\nMAX_GPU_INSTANCES=3\n")
    lines = run("explain", "gpu_pools.main.spot.enabled", "--env", "staging").out.splitlines()
    assert lines[:2] == [
        "gpu_pools.main.spot.enabled = false  (dotenv, .env.staging:1)",
        "  Whether spot instances are used at all",
    ]
    assert re.fullmatch(r"  over true  \(environment, environments/staging\.yaml:\d+\)", lines[2])
    assert re.fullmatch(r"  over true  \(defaults, environments/_defaults\.yaml:\d+\)", lines[3])


def test_explain_as_json(run: Run) -> None:
    (found,) = json.loads(run("explain", "region", "--env", "dev", json_output=True).out)
    assert found["effective"]["layer"] == "defaults"
    assert found["shadowed"] == []


def test_explain_of_an_unknown_key_names_the_nearest(run: Run) -> None:
    done = run("explain", "whisper.modle", "--env", "dev")
    assert (done.code, done.out) == (1, "")
    assert "did you mean 'model'?" in done.err


def test_check_says_ok_for_each(run: Run) -> None:
    done = run("check")
    assert (done.code, done.out, done.err) == (0, "dev: ok\nstaging: ok\nproduction: ok\n", "")


def test_check_reports_the_problems_of_all_environments_and_exits_3(run: Run, root: Path) -> None:
    edit(root, Put("staging", "network.nat", "two"), Put("production", "database.multi_az", "false"))
    done = run("check")
    assert (done.code, done.out) == (3, "dev: ok\n")
    assert "2 problems in the configuration" in done.err
    assert "environments/staging.yaml" in done.err
    assert "environments/production.yaml" in done.err


def test_a_mistake_in_the_defaults_is_one_problem_though_all_have_it(run: Run, root: Path) -> None:
    edit(root, Put(DEFAULTS, "region", "mars"))
    done = run("check")
    assert done.code == 3
    assert "1 problem in the configuration" in done.err


def test_check_of_one_environment_leaves_the_others_alone(run: Run, root: Path) -> None:
    edit(root, Put("staging", "network.nat", "two"))
    assert run("check", "--env", "dev").out == "dev: ok\n"
    assert run("check", "--env", "dev", "--env", "staging").code == 3
    done = run("check", "--env", "stagign")
    assert done.code == 1
    assert "did you mean 'staging'?" in done.err


def test_check_finds_what_two_environments_share(run: Run, root: Path) -> None:
    assert run("new", "qa", "--from", "staging").code == 0
    edit(root, Put("qa", "domain.name", "thoth-staging.tfs.services"))
    done = run("check", json_output=True)
    assert done.code == 3
    by_name = {entry["name"]: entry for entry in json.loads(done.out)["environments"]}
    assert by_name["staging"]["ok"]
    assert by_name["qa"]["problems"][0]["key"] == "domain.name"
    assert run("check", "--env", "dev").code == 0
    assert run("check", "--env", "staging").code == 3


def test_check_warns_of_networks_that_overlap(run: Run, root: Path) -> None:
    file = root / "environments" / "staging.yaml"
    file.write_text(file.read_text().replace("10.40.", "10.50."))
    done = run("check")
    assert done.code == 0
    assert re.match(
        r"warning: environments/production\.yaml:\d+: network\.cidr: 10\.50\.0\.0/16 overlaps staging's", done.err
    )


def test_new_writes_a_file_that_checks(run: Run, root: Path) -> None:
    done = run("new", "qa", "--from", "staging")
    assert done.code == 0
    assert "wrote environments/qa.yaml: state qa/terraform.tfstate, network 10.10.0.0/16" in done.out
    assert "qa: ok" in run("check").out
    again = run("new", "qa", "--from", "staging")
    assert again.code == 1
    assert "there is an environment 'qa' already" in again.err


def test_schema_prints_the_schema(run: Run) -> None:
    assert json.loads(run("schema").out) == schema()


def test_schema_check_compares_the_committed_file(run: Run, root: Path) -> None:
    (root / "docs").mkdir()
    done = run("schema", "--check")
    assert done.code == 1
    assert "python -m thoth_infra.config.reference" in done.err
    (root / "docs" / "environments.schema.json").write_text((ROOT / "docs" / "environments.schema.json").read_text())
    assert run("schema", "--check").code == 0


def test_the_environment_may_come_from_the_process(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THOTH_ENV", "production")
    assert run("show", "name").out == "production\n"


def test_json_of_every_command_is_json(run: Run) -> None:
    commands: tuple[tuple[Any, ...], ...] = (("list",), ("check",), ("show", "region", "--env", "dev"), ("schema",))
    for words in commands:
        json.loads(run(*words, json_output=True).out)
