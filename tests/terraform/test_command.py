"""Commands become the arguments that the real Terraform takes, each value in one piece."""

from __future__ import annotations

from pathlib import Path

import pytest

from thoth_infra.errors import ThothError
from thoth_infra.terraform.argv import arguments
from thoth_infra.terraform.command import (
    Apply,
    Command,
    Fmt,
    ForceUnlock,
    Init,
    Output,
    Plan,
    Raw,
    Show,
    Validate,
    Version,
    argv,
)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (Init(), "init -input=false -no-color"),
        (Init(lockfile_readonly=True), "init -input=false -lockfile=readonly -no-color"),
        (Init(upgrade=True, reconfigure=True), "init -input=false -upgrade -reconfigure -no-color"),
        (Validate(), "validate -no-color"),
        (Validate(json=True), "validate -json -no-color"),
        (Fmt(), "fmt -recursive -no-color"),
        (Fmt(check=True), "fmt -recursive -check -no-color"),
        (Plan(), "plan -input=false -detailed-exitcode -no-color"),
        (Plan(destroy=True, detailed_exitcode=False), "plan -input=false -destroy -no-color"),
        (Plan(variables=("a=b", "c=d")), "plan -input=false -detailed-exitcode -var=a=b -var=c=d -no-color"),
        (
            Plan(refresh_only=True, lock=False, lock_timeout_s=30),
            "plan -input=false -detailed-exitcode -refresh-only -lock=false -lock-timeout=30s -no-color",
        ),
        (
            Plan(out=Path("/p/a"), targets=("module.a", "module.b")),
            "plan -input=false -detailed-exitcode -target=module.a -target=module.b -out=/p/a -no-color",
        ),
        (Apply(Path("/p/a.tfplan")), "apply -input=false -no-color /p/a.tfplan"),
        (Apply(Path("/p/a.tfplan"), 5), "apply -input=false -lock-timeout=5s -no-color /p/a.tfplan"),
        (Show(), "show -json -no-color"),
        (Show(Path("/p/a.tfplan"), json=False), "show -no-color /p/a.tfplan"),
        (Output(), "output -json -no-color"),
        (Output("alb_dns"), "output -json -no-color alb_dns"),
        (ForceUnlock("6f1c"), "force-unlock -force -no-color 6f1c"),
        (Version(), "version -json"),
        (Raw(("state", "list", "-id=x")), "state list -id=x"),
    ],
)
def test_arguments(command: Command, expected: str) -> None:
    assert argv(command) == tuple(expected.split())


def test_color_is_left_to_terraform_when_wanted() -> None:
    assert argv(Validate(), color=True) == ("validate",)


def test_a_value_is_never_split() -> None:
    address = 'aws_sqs_queue.jobs["music terms, v2"] $(id) -destroy'
    assert f"-target={address}" in argv(Plan(targets=(address,)))
    assert argv(Raw(("console", "-var=a b"))) == ("console", "-var=a b")


@pytest.mark.parametrize("command", [ForceUnlock("-force"), Output("--json"), ForceUnlock("")])
def test_an_operand_that_would_be_an_option_is_refused(command: Command) -> None:
    with pytest.raises(ThothError, match="is not a"):
        argv(command)


def test_a_state_in_the_working_folder_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "terraform.tfstate").write_text("not JSON: python-terraform would fail on it")
    monkeypatch.chdir(tmp_path)
    assert arguments("plan", {}) == ("plan",)


def test_false_and_none_leave_an_option_out() -> None:
    assert arguments("plan", {"destroy": False, "out": None, "target": ()}) == ("plan",)


@pytest.mark.parametrize(
    ("command", "name"), [(Plan(), "plan"), (Raw(("-version",)), ""), (Raw(("-x", "plan")), "plan")]
)
def test_a_command_knows_its_name(command: Command, name: str) -> None:
    assert command.name == name
