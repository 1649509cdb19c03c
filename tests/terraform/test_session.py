"""One environment: initialised when needed, planned, sealed and applied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.terraform.conftest import BACKEND_TF, PIN, PRODUCTION
from tests.terraform.stage import Stage, write_plan
from thoth_infra.errors import (
    SealBroken,
    TerraformFailed,
    ThothError,
)
from thoth_infra.terraform.docker import DockerEngine
from thoth_infra.terraform.launch import Completed, Launch
from thoth_infra.terraform.seal import Counts, seal_path
from thoth_infra.terraform.session import Terraform

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
def test_init_runs_again_after_a_change_of_what_it_depends_on(stage: Stage, change: Callable[[Stage], object]) -> None:
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


def test_providers_alone_need_no_backend_and_leave_init_to_do(stage: Stage) -> None:
    stage.workspace.lock_file.write_text("# hashes\n")
    stage.session().init_without_backend()
    assert stage.calls == ["init -input=false -lockfile=readonly -backend=false -no-color"]
    assert stage.session().init()


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
    assert stage.calls == [f"plan -input=false -detailed-exitcode -lock-timeout=9s -target=module.a -out={plan.path}"]


def test_a_plan_without_changes_says_so(stage: Stage) -> None:
    plan = stage.session().plan(stage.workspace.project / "plans" / "a.tfplan", destroy=True, refresh_only=True)
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
