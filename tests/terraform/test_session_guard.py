"""Nothing of Terraform starts before the guard has agreed, whichever command comes first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terraform.conftest import BACKEND_TF, PRODUCTION
from tests.terraform.stage import Stage
from thoth_infra.errors import (
    IdentityRefused,
)
from thoth_infra.terraform.runner import SubprocessRunner
from thoth_infra.terraform.session import Terraform
from thoth_infra.terraform.workspace import Workspace

# --- nothing starts before the guard agrees -----------------------------------------------------------

COMMANDS: dict[str, Callable[[Terraform], object]] = {
    "init": lambda session: session.init(),
    "validate": lambda session: session.validate(),
    "fmt": lambda session: session.fmt(),
    "plan": lambda session: session.plan(),
    "show": lambda session: session.show_json(),
    "apply": lambda session: session.apply(),
    "output": lambda session: session.output(),
    "unlock": lambda session: session.force_unlock("6f1c"),
    "raw": lambda session: session.raw(("state", "list")),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_on_another_environments_state_nothing_starts(stage: Stage, tmp_path: Path, name: str) -> None:
    (stage.workspace.tree / "00-backend.tf").write_text(BACKEND_TF.format(PRODUCTION))
    real = Terraform(stage.workspace, stage.engine, SubprocessRunner(), stage.variables)
    for session in (stage.session(), real):
        with pytest.raises(IdentityRefused):
            COMMANDS[name](session)
    assert stage.calls == []
    assert not (tmp_path / "calls").exists()
    assert not stage.workspace.scratch.exists()  # not even `terraform version` was asked


@pytest.mark.parametrize("name", COMMANDS)
def test_a_guard_that_refuses_stops_every_command(stage: Stage, name: str) -> None:
    def refuse(workspace: Workspace) -> None:
        raise IdentityRefused(f"not {workspace.environment}'s role")

    with pytest.raises(IdentityRefused, match="not staging's role"):
        COMMANDS[name](stage.session(guard=refuse))
    assert stage.calls == []


def test_the_guard_is_asked_once(stage: Stage) -> None:
    asked: list[Workspace] = []
    session = stage.session(guard=asked.append)
    session.init()
    session.plan()
    session.apply()
    assert asked == [stage.workspace]


def test_settings_that_are_not_in_force_are_told_once(stage: Stage, tmp_path: Path) -> None:
    rc = tmp_path / "rc"
    rc.write_text("provider_installation {\n  direct {}\n}\n")
    stage.variables |= {
        "TF_CLI_ARGS_plan": "-destroy",
        "TF_CLI_CONFIG_FILE": str(rc),
        "THOTH_PROVIDER_MIRROR": "/mirror",
    }
    session = stage.session()
    session.validate()
    session.validate()
    assert stage.told == [
        "Not passed on to Terraform: TF_CLI_ARGS_plan",
        f"THOTH_PROVIDER_MIRROR is not used: {rc} already says where providers come from",
    ]
