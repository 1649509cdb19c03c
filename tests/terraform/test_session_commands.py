"""The other commands, and what is made of Terraform failing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.terraform.conftest import PIN
from tests.terraform.stage import Stage
from thoth_infra.errors import (
    CheckFailed,
    EngineError,
    TerraformFailed,
)
from thoth_infra.terraform.docker import DockerEngine
from thoth_infra.terraform.launch import Completed
from thoth_infra.terraform.session import Terraform, clean

# --- the rest -----------------------------------------------------------------------------------------


def test_json_is_read_and_not_shown(stage: Stage) -> None:
    stage.replies = {
        "show": Completed(0, '{"resource_changes": []}'),
        "output": Completed(0, '{"alb": {"value": "x", "type": "string", "sensitive": false}}'),
    }
    assert stage.session().show_json(Path("/p")) == {"resource_changes": []}
    assert stage.session().output()["alb"]["value"] == "x"
    assert stage.calls == ["show -json -no-color /p", "output -json -no-color"]


def test_fmt_check_holds_or_not(stage: Stage) -> None:
    stage.session().fmt(check=True)
    stage.replies["fmt"] = Completed(3)
    with pytest.raises(CheckFailed, match="is not formatted"):
        stage.session().fmt(check=True)


def test_terraforms_output_can_be_moved(stage: Stage) -> None:
    session = Terraform(stage.workspace, stage.engine, stage.runner, stage.variables, stdout="stderr")
    session.validate()
    session.show_output("inherit")
    session.validate()
    assert stage.runner.stdouts == ["stderr", "inherit"]


def test_unlock_and_raw_commands(stage: Stage) -> None:
    stage.session().force_unlock("6f1c")
    stage.replies["state"] = Completed(7)
    assert stage.session().raw(("state", "list", "-id=a b"), tty=True) == 7
    assert stage.calls == ["force-unlock -force -no-color 6f1c", "state list -id=a b"]
    raw = stage.runner.launches[-1]
    assert raw.interactive
    assert raw.stdin


def test_an_engine_that_fails_is_told_apart_from_terraform(stage: Stage) -> None:
    stage.engine = DockerEngine(PIN)  # type: ignore[assignment]
    stage.replies["run"] = Completed(125, stderr="docker: no such image")
    with pytest.raises(EngineError, match="Docker could not run"):
        stage.session().validate()
    with pytest.raises(EngineError, match="Docker could not run"):
        stage.session().raw(("state", "list"))


def test_clean_removes_what_can_be_made_again_and_nothing_else(stage: Stage) -> None:
    workspace = stage.workspace
    workspace.lock_file.write_text("# hashes\n")
    stage.session().init()
    stage.session().plan()
    kept = [
        workspace.scratch / "emulated" / "state.pickle",
        workspace.scratch / "terraform.tfstate",
        workspace.lock_file,
        workspace.tree / "terraform.tfstate",
    ]
    for path in kept:
        path.parent.mkdir(exist_ok=True)
        path.write_text("keep")
    removed = clean(workspace)
    assert workspace.data_dir in removed
    assert all(path.read_text() == "keep" for path in kept)
    assert sorted(path.name for path in workspace.scratch.iterdir()) == ["emulated", "terraform.tfstate"]
    assert clean(workspace) == ()


# --- what Terraform says ------------------------------------------------------------------------------

LOCKED = """\
\x1b[31m╷\x1b[0m
\x1b[31m│\x1b[0m Error: Error acquiring the state lock
│
│ Lock Info:
│   ID:        2f4a6c1e-77aa-4a0b-9b0f-1f1b6e3d9d11
│   Path:      thoth-state/staging.tfstate
╵
"""


def test_a_held_lock_tells_how_to_free_it(stage: Stage) -> None:
    stage.replies["plan"] = Completed(1, stderr=LOCKED)
    with pytest.raises(TerraformFailed) as failed:
        stage.session().plan()
    assert "`thoth-infra unlock 2f4a6c1e-77aa-4a0b-9b0f-1f1b6e3d9d11 --env staging`" in (failed.value.hint or "")


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("│ Error: Failed to query available provider packages\n", "THOTH_PROVIDER_MIRROR"),
        ("│ Error: Inconsistent dependency lock file\n", "THOTH_PROVIDER_MIRROR"),
        (
            "│ Error: Failed to install provider\n│ the local package doesn't match any of the\n"
            "│ checksums previously recorded\n",
            "providers lock -platform=linux_amd64",
        ),
    ],
)
def test_a_provider_that_is_not_to_be_had(stage: Stage, said: str, hint: str) -> None:
    stage.replies["init"] = Completed(1, stderr=said)
    with pytest.raises(EngineError) as failed:
        stage.session().init()
    assert failed.value.exit_code == 5
    assert hint in (failed.value.hint or "")


def test_a_killed_terraform_is_told_by_its_signal(stage: Stage) -> None:
    stage.replies["validate"] = Completed(-9)
    with pytest.raises(TerraformFailed, match="terraform validate was killed by signal 9"):
        stage.session().validate()


def test_json_output_of_the_state_is_json(stage: Stage) -> None:
    stage.replies["output"] = Completed(0, json.dumps("x"))
    assert stage.session().output("alb") == "x"
