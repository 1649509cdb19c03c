"""``source scripts/load-env.sh ENV`` in bash and zsh, under the options that people set."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.config.support import ROOT, copy_project
from thoth_infra.config import sources

# Prints what a shell exports after the script, then that the shell is still alive, and its options.
REPORT = f'"{sys.executable}" -c \'import json, os; print(json.dumps(dict(os.environ)))\'; echo "alive $-"'


@dataclass(frozen=True)
class Shell:
    """A shell, and the project that it works in."""

    command: str
    root: Path

    def run(self, script: str, *, path: str = "/usr/bin:/bin", options: str = "") -> subprocess.CompletedProcess[str]:
        """Run ``script`` from the project with few variables and no start-up files."""
        flags = ["--norc", "--noprofile"] if self.command.endswith("bash") else ["-f"]
        return subprocess.run(
            [self.command, *flags, "-c", f"{options}\n{script}"],
            cwd=self.root, env={"PATH": path, "HOME": str(self.root)}, text=True, capture_output=True, check=False,
            timeout=60,
        )  # fmt: skip

    def exports(self, script: str, *, path: str = "/usr/bin:/bin", options: str = "") -> dict[str, str]:
        """Return the variables that ``script`` leaves exported; the shell must survive it, options and all."""
        before = self.run("echo alive $-", options=options).stdout
        done = self.run(f"{script}\n{REPORT}", path=path, options=options)
        assert done.stdout.endswith(before), done
        return dict(json.loads(done.stdout.split("\n")[0]))


@pytest.fixture(params=["bash", "zsh"])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Shell:
    """Return each shell that this machine has, in a copy of the project."""
    command = shutil.which(request.param)
    if command is None:
        pytest.skip(f"no {request.param} here")
    copy_project(tmp_path)
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "load-env.sh", tmp_path / "scripts")
    shutil.copy(ROOT / ".env.example", tmp_path)
    return Shell(command, tmp_path)


def dotenv(shell: Shell, text: str, env: str = "staging") -> None:
    (shell.root / f".env.{env}").write_text(text)


LOAD = "source scripts/load-env.sh staging"


@pytest.mark.parametrize("options", ["", "set -u", "set -e", "set -eu"])
def test_exports_the_file_the_profile_and_the_name(shell: Shell, options: str) -> None:
    dotenv(shell, "# mine\n\nexport VPC_ID='vpc-01234567' # ours\nSPOT_ENABLED=false\nAWS_PROFILE=mine\nIMAGE_TAG=\n")
    found = shell.exports(LOAD, options=options)
    assert found["AWS_PROFILE"] == "mine"
    assert found["THOTH_ENV"] == "staging"
    assert found["VPC_ID"] == "vpc-01234567"
    assert found["SPOT_ENABLED"] == "false"
    assert "IMAGE_TAG" not in found


def test_nothing_in_the_file_is_executed_or_expanded(shell: Shell) -> None:
    dotenv(shell, "AWS_PROFILE=p\nDOMAIN_NAME=$(touch hacked)`touch hacked`;touch hacked\nVPC_ID=$HOME\n")
    found = shell.exports(LOAD)
    assert found["DOMAIN_NAME"] == "$(touch hacked)`touch hacked`;touch hacked"
    assert found["VPC_ID"] == "$HOME"
    assert not (shell.root / "hacked").exists()


@pytest.mark.parametrize("line", ["PATH=/tmp", "LD_PRELOAD=x.so", "FOO=1", "THOTH_ENV=x"])
def test_a_key_that_is_not_ours_is_refused_and_nothing_is_exported(shell: Shell, line: str) -> None:
    dotenv(shell, f"AWS_PROFILE=p\nVPC_ID=x\n{line}\n")
    done = shell.run(f"{LOAD} || echo refused; {REPORT}")
    assert done.stdout.startswith("refused\n")
    assert re.search(r"\.env\.staging:3: \w+ is not a known key; \.env\.example lists them", done.stderr)
    assert {"VPC_ID", "AWS_PROFILE", "THOTH_ENV"}.isdisjoint(json.loads(done.stdout.split("\n")[1]))


def test_a_line_that_is_no_assignment_is_named(shell: Shell) -> None:
    dotenv(shell, "VPC_ID vpc-1\n")
    done = shell.run(f"{LOAD} || echo refused")
    assert done.stdout == "refused\n"
    assert ".env.staging:1: not an assignment; write KEY=value" in done.stderr


def test_a_second_load_unsets_what_the_first_exported(shell: Shell) -> None:
    dotenv(shell, "AWS_PROFILE=one\nVPC_ID=vpc-01234567\n")
    dotenv(shell, "AWS_PROFILE=two\nLOG_LEVEL=DEBUG\n", "dev")
    found = shell.exports(f"export OTHER=kept; {LOAD}; source scripts/load-env.sh dev", options="set -eu")
    assert (found["AWS_PROFILE"], found["THOTH_ENV"], found["LOG_LEVEL"]) == ("two", "dev", "DEBUG")
    assert found["OTHER"] == "kept"
    assert "VPC_ID" not in found


def test_a_list_of_loaded_names_that_was_tampered_with_unsets_nothing_else(shell: Shell) -> None:
    dotenv(shell, "AWS_PROFILE=p\n")
    found = shell.exports(f"export OTHER=kept _THOTH_LOADED='OTHER HOME VPC_ID'; {LOAD}")
    assert (found["OTHER"], found["HOME"]) == ("kept", str(shell.root))


@pytest.mark.parametrize("options", ["", "set -u"])
@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("", "give an environment's name"),
        ("stagign", "there is no environment 'stagign'"),
        ("../x", "give an environment's name"),
        ("'a b'", "give an environment's name"),
    ],
)
def test_a_wrong_name_returns_1_and_the_shell_lives(shell: Shell, argument: str, message: str, options: str) -> None:
    done = shell.run(f"source scripts/load-env.sh {argument}; echo alive $?", options=options)
    assert done.stdout == "alive 1\n"
    assert message in done.stderr


def test_under_errexit_a_wrong_name_can_be_caught(shell: Shell) -> None:
    done = shell.run("source scripts/load-env.sh nope || echo caught; echo alive", options="set -e")
    assert done.stdout == "caught\nalive\n"


def test_a_failed_load_leaves_the_earlier_one(shell: Shell) -> None:
    dotenv(shell, "AWS_PROFILE=one\nVPC_ID=vpc-01234567\n")
    dotenv(shell, "nonsense\n", "dev")
    found = shell.exports(f"{LOAD}; source scripts/load-env.sh dev || true")
    assert (found["THOTH_ENV"], found["VPC_ID"]) == ("staging", "vpc-01234567")


def test_executed_it_says_to_source_it(shell: Shell) -> None:
    done = subprocess.run(
        [shell.command, "scripts/load-env.sh", "dev"], cwd=shell.root, text=True, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert "source scripts/load-env.sh dev" in done.stderr


def test_another_shell_is_told_what_is_needed() -> None:
    dash = shutil.which("dash")
    if dash is None:
        pytest.skip("no dash here")
    done = subprocess.run([dash, "scripts/load-env.sh"], cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert "needs bash or zsh" in done.stderr


def test_no_function_or_variable_of_its_own_stays_but_the_list_of_names(shell: Shell) -> None:
    dotenv(shell, "AWS_PROFILE=p\n")
    done = shell.run(f"{LOAD}; set | grep -o '^_*[tT][hH][oO][tT][hH][a-zA-Z_]*'; typeset -f | grep -c thoth")
    assert done.stdout.split() == ["THOTH_ENV", "_THOTH_LOADED", "0"] or sorted(done.stdout.split()) == [
        "0", "THOTH_ENV", "_THOTH_LOADED",
    ]  # fmt: skip


def test_it_works_from_another_folder_and_in_a_path_with_spaces(shell: Shell) -> None:
    spaced = shell.root / "a b"
    spaced.mkdir()
    for name in ("environments", "scripts", ".env.example"):
        (shell.root / name).rename(spaced / name)
    (spaced / ".env.staging").write_text("AWS_PROFILE=p\n")
    assert shell.exports("export CDPATH=/; source 'a b/scripts/load-env.sh' staging")["AWS_PROFILE"] == "p"


def test_the_profile_comes_from_the_environment_when_the_file_gives_none(shell: Shell) -> None:
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    assert shell.exports("source scripts/load-env.sh production", path=path)["AWS_PROFILE"] == "tfs-ai-production"


def test_without_the_command_the_way_out_is_told(shell: Shell) -> None:
    done = shell.run(f"{LOAD} || echo refused")
    assert done.stdout == "refused\n"
    assert "AWS_PROFILE is not in .env.staging" in done.stderr


LINES = (
    "VPC_ID=plain", "VPC_ID= spaced ", "  VPC_ID=indented", "export VPC_ID=exported", "export\tVPC_ID=tabbed",
    'VPC_ID="double quoted"', "VPC_ID='single quoted'", "VPC_ID='a' # comment", "VPC_ID=a # comment",
    "VPC_ID='a # b' # c", "VPC_ID=\"a' b\" #c", "VPC_ID='a' b", "VPC_ID=a#b",
    "VPC_ID=#comment", "VPC_ID= # comment", 'VPC_ID="', "VPC_ID=''", "VPC_ID=a=b",
    "VPC_ID=a b  c", "VPC_ID=back\\slash", "VPC_ID=*", "VPC_ID=~", "VPC_ID=é", "VPC_ID=x\r",
    "VPC_ID='it''s'", "VPC_ID=\"a' b\"",
)  # fmt: skip


def test_lines_are_read_as_the_command_reads_them(shell: Shell) -> None:
    expected, script = [], ""
    for number, line in enumerate(LINES):
        name = f"e{number}"
        (shell.root / "environments" / f"{name}.yaml").touch()
        dotenv(shell, f"AWS_PROFILE=p\n{line}\n", name)
        read = sources.dotenv_layer(shell.root / f".env.{name}", Path("x")).data
        expected.append(read.get("network", {}).get("vpc_id", "(unset)"))
        script += f"source scripts/load-env.sh {name}; printf '%s\\n' \"${{VPC_ID-(unset)}}\"\n"
    assert shell.run(script).stdout.split("\n")[:-1] == expected


def test_the_example_names_every_key_with_a_comment_and_no_value() -> None:
    text = (ROOT / ".env.example").read_text()
    assert re.findall(r"^([A-Z_]+)=(.*)$", text, re.M) == [(key, "") for key in re.findall(r"^([A-Z_]+)=", text, re.M)]
    assert set(re.findall(r"^([A-Z_]+)=", text, re.M)) == set(sources.ENV_KEYS)
    assert not re.search(r"(SECRET|PASSWORD|TOKEN|ACCESS_KEY)\w*=", text)


def test_the_example_itself_loads_and_sets_nothing(tmp_path: Path) -> None:
    shutil.copy(ROOT / ".env.example", tmp_path / ".env.staging")
    assert sources.dotenv_layer(tmp_path / ".env.staging", Path("x")).data == {}


def test_git_ignores_the_personal_files_and_not_the_example() -> None:
    done = subprocess.run(
        ["git", "check-ignore", ".env.staging", ".env.production", ".env.example"],
        cwd=ROOT, text=True, capture_output=True, check=False, env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
    )  # fmt: skip
    assert done.stdout.split() == [".env.staging", ".env.production"]
