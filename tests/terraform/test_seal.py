"""A sealed plan is applied to what it was made from, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.terraform.conftest import PRODUCTION
from thoth_infra.errors import SealBroken
from thoth_infra.terraform.seal import Counts, Seal, seal, seal_path, verify
from thoth_infra.terraform.tree_digest import combined, differences, file_digests
from thoth_infra.terraform.workspace import Workspace

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
VERSION = "1.11.4"


@pytest.fixture
def plan(workspace: Workspace) -> Path:
    """A sealed plan, made at noon."""
    workspace.scratch.mkdir(parents=True)
    (workspace.tree / "modules").mkdir()
    (workspace.tree / "modules" / "main.tf").write_text("# a module\n")
    (workspace.tree / ".terraform.lock.hcl").write_text("# provider checksums\n")
    path = workspace.default_plan
    path.write_bytes(b"a plan")
    made = seal(
        workspace,
        path,
        file_digests(workspace.tree),
        terraform_version=VERSION,
        engine="local",
        targets=("module.a",),
        counts=Counts(3, 2, 1),
        now=NOON,
    )
    assert made.created_at == "2026-03-01T12:00:00+00:00"
    return path


def check(workspace: Workspace, plan: Path) -> Seal:
    return verify(workspace, plan, terraform_version=VERSION, max_age=timedelta(hours=8), now=NOON)


def test_an_untouched_plan_holds(workspace: Workspace, plan: Path) -> None:
    sealed = check(workspace, plan)
    assert (sealed.environment, sealed.targets, sealed.counts) == ("staging", ("module.a",), Counts(3, 2, 1))
    assert seal_path(plan).stat().st_mode & 0o777 == 0o600


def test_what_terraform_leaves_in_a_tree_does_not_count(workspace: Workspace, plan: Path) -> None:
    (workspace.tree / ".terraform").mkdir()
    (workspace.tree / ".terraform" / "terraform.tfstate").write_text("{}")
    for name in ("errored.tfstate", "terraform.tfstate.backup", ".terraform.tfstate.lock.info", "x.tfplan"):
        (workspace.tree / name).write_text("left")
    check(workspace, plan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: (w.tree / "10-main.tf").write_text("# edited\n"), "~ 10-main.tf"),
        (lambda w: (w.tree / "10-main.tf").unlink(), "- 10-main.tf"),
        (lambda w: (w.tree / "override.tf").write_text(""), "+ override.tf"),
        (lambda w: (w.tree / "modules/main.tf").write_text("# edited\n"), "~ modules/main.tf"),
        (lambda w: (w.tree / ".terraform.lock.hcl").write_text("# other\n"), "~ .terraform.lock.hcl"),
        (lambda w: w.default_plan.write_bytes(b"another plan"), "the plan file is not the one"),
    ],
)
def test_any_change_of_tree_or_plan_breaks_the_seal(
    workspace: Workspace, plan: Path, change: Callable[[Workspace], object], message: str
) -> None:
    change(workspace)
    with pytest.raises(SealBroken) as broken:
        check(workspace, plan)
    assert message in broken.value.message
    assert broken.value.exit_code == 6
    assert "thoth-infra plan --env staging" in (broken.value.hint or "")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"environment": "production"}, "environment: staging, not production"),
        ({"account_id": "999988887777"}, "account: 111122223333, not 999988887777"),
        ({"backend": PRODUCTION}, "state: s3://thoth-state-staging/staging/terraform.tfstate"),
        ({"emulated": True}, "made against: AWS, not the emulator"),
    ],
)
def test_a_plan_for_elsewhere_is_refused(
    workspace: Workspace, plan: Path, other: dict[str, object], message: str
) -> None:
    elsewhere = replace(workspace, **other)  # type: ignore[arg-type]
    with pytest.raises(SealBroken) as broken:
        check(elsewhere, plan)
    assert message in broken.value.message


def test_everything_that_changed_is_named_at_once(workspace: Workspace, plan: Path) -> None:
    plan.write_bytes(b"another")
    (workspace.tree / "override.tf").write_text("")
    with pytest.raises(SealBroken) as broken:
        verify(replace(workspace, environment="production"), plan, terraform_version="1.12.0", now=NOON)
    for part in ("environment: staging", "Terraform: 1.11.4, not 1.12.0", "plan file", "+ override.tf"):
        assert part in broken.value.message


def test_an_old_plan_is_refused(workspace: Workspace, plan: Path) -> None:
    def at(hours: int, max_age: timedelta | None) -> Seal:
        now = NOON + timedelta(hours=hours)
        return verify(workspace, plan, terraform_version=VERSION, max_age=max_age, now=now)

    at(8, timedelta(hours=8))
    at(1000, None)
    with pytest.raises(SealBroken, match=r"made 2026-03-01T12:00:00\+00:00, 9\.0 hours ago; 8\.0 hours"):
        at(9, timedelta(hours=8))


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"counts": {"add": 1}}'])
def test_a_seal_that_is_none_is_refused(workspace: Workspace, plan: Path, content: str) -> None:
    seal_path(plan).write_text(content)
    with pytest.raises(SealBroken, match="is not a seal"):
        check(workspace, plan)


def test_a_seal_whose_list_of_files_was_edited_is_refused(workspace: Workspace, plan: Path) -> None:
    content = json.loads(seal_path(plan).read_text())
    content["tree_digest"] = "0" * 64
    seal_path(plan).write_text(json.dumps(content))
    with pytest.raises(SealBroken, match="the seal's own list of files"):
        check(workspace, plan)


def test_no_plan_and_no_seal_are_told_apart(workspace: Workspace, plan: Path) -> None:
    seal_path(plan).unlink()
    with pytest.raises(SealBroken, match="has no seal"):
        check(workspace, plan)
    plan.unlink()
    with pytest.raises(SealBroken, match="There is no saved plan"):
        check(workspace, plan)


def test_a_digest_tells_apart_what_could_be_confused() -> None:
    assert combined({"a": "1", "b": "2"}) == combined({"b": "2", "a": "1"})
    assert combined({"a": "1", "b": "2"}) != combined({"a": "2", "b": "1"})
    assert differences({"a": "1"}, {"a": "1"}) == ()
