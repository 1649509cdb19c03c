"""One environment's Terraform: guarded before anything starts, initialised when needed, sealed, explained."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.terraform.conftest import BACKEND_TF, PIN, PRODUCTION
from thoth_infra.errors import (
    CheckFailed,
    EngineError,
    IdentityRefused,
    SealBroken,
    TerraformFailed,
    ThothError,
)
from thoth_infra.terraform.docker import DockerEngine
from thoth_infra.terraform.launch import Completed, Launch
from thoth_infra.terraform.local import LocalEngine
from thoth_infra.terraform.runner import RecordingRunner, SubprocessRunner
from thoth_infra.terraform.seal import Counts, seal_path
from thoth_infra.terraform.session import Terraform
from thoth_infra.terraform.workspace import Workspace

Make = Callable[..., Terraform]
Calls = Callable[[], list[str]]


class Stage:
    """A session whose processes are recorded, and answered by ``answer``."""

    def __init__(self, workspace: Workspace, variables: dict[str, str], terraform: Path) -> None:
        self.workspace = workspace
        self.variables = variables
        self.engine = LocalEngine(PIN, terraform)
        self.runner = RecordingRunner(self.answer)
        self.replies: dict[str, Completed] = {}
        self.effects: dict[str, Callable[[Launch], object]] = {}
        self.told: list[str] = []

    def answer(self, launch: Launch) -> Completed:
        command = launch.argv[1]
        if effect := self.effects.get(command):
            effect(launch)
        return self.replies.get(command, Completed(0))

    def session(self, **settings: Any) -> Terraform:
        return Terraform(
            self.workspace, self.engine, self.runner, self.variables, notify=self.told.append, **settings
        )

    @property
    def calls(self) -> list[str]:
        return [" ".join(launch.argv[1:]) for launch in self.runner.launches]


@pytest.fixture
def stage(workspace: Workspace, variables: dict[str, str], fake_terraform: Path) -> Stage:
    made = Stage(workspace, variables, fake_terraform)
    made.effects["plan"] = lambda launch: write_plan(launch, b"a plan")
    return made


def write_plan(launch: Launch, content: bytes) -> None:
    out = next(word for word in launch.argv if word.startswith("-out=")).removeprefix("-out=")
    Path(out).write_bytes(content)


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


# --- init ---------------------------------------------------------------------------------------------


def test_init_runs_once_while_nothing_changes(stage: Stage) -> None:
    assert stage.session().init()
    assert not stage.session().init()
    assert stage.calls == ["init -input=false -no-color"]


@pytest.mark.parametrize(
    "change",
    [
        lambda stage: (stage.workspace.tree / ".terraform.lock.hcl").write_text("# hashes\n"),
        lambda stage: (stage.workspace.tree / "20-more.tf").write_text('module "x" {\n  source = "./m"\n}\n'),
        lambda stage: (stage.workspace.tree / "20-more.tf.json").write_text("{}"),
        lambda stage: (
            (stage.workspace.data_dir / "providers/a/b/c/1").mkdir(parents=True)
            or (stage.workspace.data_dir / "providers/a/b/c/1/linux").symlink_to("/gone")
        ),
        lambda stage: stage.workspace.data_dir.rmdir(),
        lambda stage: stage.variables.update(TF_PLUGIN_CACHE_DIR=str(stage.workspace.project / "cache")),
        lambda stage: setattr(stage, "engine", DockerEngine(PIN)),
    ],
    ids=["lock file", "module", "JSON", "mirror gone", "data directory gone", "plugin cache", "engine"],
)
def test_init_runs_again_after_a_change_of_what_it_depends_on(
    stage: Stage, change: Callable[[Stage], object]
) -> None:
    stage.session().init()
    change(stage)
    assert stage.session().init()


def test_init_does_not_run_again_for_a_resource(stage: Stage) -> None:
    stage.session().init()
    (stage.workspace.tree / "10-main.tf").write_text('resource "terraform_data" "other" {}\n')
    assert not stage.session().init()


def test_init_runs_when_asked(stage: Stage) -> None:
    for settings in ({"force": True}, {"upgrade": True}, {"reconfigure": True}):
        stage.session().init()
        assert stage.session().init(**settings)
    assert stage.calls[-2:] == [
        "init -input=false -upgrade -no-color",
        "init -input=false -reconfigure -no-color",
    ]


def test_a_committed_lock_file_is_checked_and_not_rewritten(stage: Stage) -> None:
    stage.workspace.lock_file.write_text("# hashes of every platform\n")
    stage.session().init()
    stage.session().init(upgrade=True)
    assert stage.calls == [
        "init -input=false -lockfile=readonly -no-color",
        "init -input=false -upgrade -no-color",
    ]


def test_an_init_that_fails_is_not_remembered(stage: Stage) -> None:
    stage.session().init()
    stage.replies["init"] = Completed(1)
    with pytest.raises(TerraformFailed, match=r"terraform init failed \(1\)"):
        stage.session().init(force=True)
    stage.replies.clear()
    assert stage.session().init()


# --- plan and apply -----------------------------------------------------------------------------------


def test_a_plan_is_saved_sealed_and_private(stage: Stage) -> None:
    stage.replies["plan"] = Completed(
        2, "\x1b[1mPlan:\x1b[0m 1 to import, 12 to add, 3 to change, 4 to destroy.\n\nChanges to Outputs:\n"
    )
    plan = stage.session(color=True).plan(targets=("module.a",), lock_timeout_s=9)
    assert plan.changes
    assert plan.path == stage.workspace.scratch / "plan.tfplan"
    assert plan.path.stat().st_mode & 0o777 == 0o600
    assert plan.seal.counts == Counts(12, 3, 4)
    assert (plan.seal.targets, plan.seal.engine, plan.seal.terraform_version) == (
        ("module.a",),
        "local",
        "1.11.4",
    )
    assert stage.calls == [
        f"plan -input=false -detailed-exitcode -lock-timeout=9s -target=module.a -out={plan.path}"
    ]


def test_a_plan_without_changes_says_so(stage: Stage) -> None:
    plan = stage.session().plan(
        stage.workspace.project / "plans" / "a.tfplan", destroy=True, refresh_only=True
    )
    assert not plan.changes
    assert plan.seal.counts == Counts()
    assert (plan.seal.destroy, plan.seal.refresh_only) == (True, True)


def test_a_plan_that_fails_leaves_no_earlier_one_behind(stage: Stage) -> None:
    plan = stage.session().plan()
    stage.replies["plan"] = Completed(1)
    with pytest.raises(TerraformFailed):
        stage.session().plan()
    assert not plan.path.exists()
    assert not seal_path(plan.path).exists()


def test_a_tree_that_changes_meanwhile_makes_no_plan(stage: Stage) -> None:
    def change(launch: Launch) -> None:
        write_plan(launch, b"a plan")
        (stage.workspace.tree / "10-main.tf").write_text("# rendered again\n")

    stage.effects["plan"] = change
    with pytest.raises(ThothError, match=r"changed while Terraform was planning: ~ 10-main\.tf"):
        stage.session().plan()
    assert not stage.workspace.default_plan.exists()


def test_a_container_can_save_a_plan_only_where_it_sees_it(stage: Stage, tmp_path: Path) -> None:
    session = Terraform(stage.workspace, DockerEngine(PIN), stage.runner, stage.variables)
    with pytest.raises(ThothError, match="outside the project"):
        session.plan(tmp_path / "elsewhere.tfplan")
    assert stage.calls == []


def test_apply_takes_only_the_sealed_plan_and_removes_it(stage: Stage) -> None:
    plan = stage.session().plan()
    assert stage.session().apply(lock_timeout_s=3) == plan.seal
    assert stage.calls[-1] == f"apply -input=false -lock-timeout=3s -no-color {plan.path}"
    assert not plan.path.exists()
    with pytest.raises(SealBroken, match="There is no saved plan"):
        stage.session().apply()


def test_a_plan_for_staging_is_not_applied_to_production(stage: Stage) -> None:
    plan = stage.session().plan()
    production = replace(
        stage.workspace,
        environment="production",
        backend=PRODUCTION,
        tree=stage.workspace.project / "terraform" / "production",
    )
    production.tree.mkdir()
    (production.tree / "00-backend.tf").write_text(BACKEND_TF.format(PRODUCTION))
    started = len(stage.calls)
    session = Terraform(production, stage.engine, stage.runner, stage.variables)
    with pytest.raises(SealBroken, match="environment: staging, not production"):
        session.apply(plan.path)
    assert len(stage.calls) == started


def test_an_apply_that_fails_keeps_the_plan_to_look_at(stage: Stage) -> None:
    plan = stage.session().plan()
    stage.replies["apply"] = Completed(1)
    with pytest.raises(TerraformFailed, match="terraform apply failed"):
        stage.session().apply()
    assert plan.path.exists()


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
    for command in (COMMANDS["validate"], COMMANDS["raw"]):
        with pytest.raises(EngineError, match="Docker could not run"):
            command(stage.session())


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
    removed = stage.session().clean()
    assert workspace.data_dir in removed
    assert all(path.read_text() == "keep" for path in kept)
    assert sorted(path.name for path in workspace.scratch.iterdir()) == ["emulated", "terraform.tfstate"]
    assert stage.session().clean() == ()


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
    assert "`thoth-infra unlock 2f4a6c1e-77aa-4a0b-9b0f-1f1b6e3d9d11 --env staging`" in (
        failed.value.hint or ""
    )


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
