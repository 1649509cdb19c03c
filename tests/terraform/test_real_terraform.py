"""The whole way with the real Terraform, on this machine and in its container."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.terraform.conftest import PIN, InterruptWhen
from thoth_infra.errors import CheckFailed, EngineError, Interrupted, SealBroken, TerraformFailed
from thoth_infra.terraform.docker import DockerEngine
from thoth_infra.terraform.launch import Engine
from thoth_infra.terraform.local import LocalEngine
from thoth_infra.terraform.mirror import candidates, host_platform, search
from thoth_infra.terraform.runner import SubprocessRunner
from thoth_infra.terraform.session import Terraform
from thoth_infra.terraform.workspace import Workspace

pytestmark = pytest.mark.terraform

#: The second resource tries for minutes to reach a machine that does not answer.
SLOW_ROOT = """\
resource "terraform_data" "quick" {}

resource "terraform_data" "slow" {
  depends_on = [terraform_data.quick]

  provisioner "remote-exec" {
    inline = ["true"]
    connection {
      host     = "127.0.0.1"
      port     = 9
      user     = "nobody"
      password = "none"
      timeout  = "2m"
    }
  }
}
"""

AWS_ROOT = """\
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "5.100.0" }
  }
}

provider "aws" {
  region = "eu-central-1"
}

resource "aws_sqs_queue" "jobs" {
  name = "jobs"
}
"""


@pytest.fixture(params=["local", pytest.param("docker", marks=pytest.mark.docker)])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "docker":
        return DockerEngine(PIN, request.getfixturevalue("docker_engine"))
    return LocalEngine(PIN, request.getfixturevalue("real_terraform"))


@pytest.fixture
def terraform(local_state: Workspace, variables: dict[str, str], engine: Engine) -> Terraform:
    return session(local_state, variables, engine)


def session(workspace: Workspace, variables: dict[str, str], engine: Engine) -> Terraform:
    return Terraform(workspace, engine, SubprocessRunner(), variables, guard=lambda _: None)


def test_from_nothing_to_applied_and_back(terraform: Terraform, local_state: Workspace) -> None:
    assert terraform.init()
    assert not terraform.init()
    terraform.validate()
    plan = terraform.plan()
    assert (plan.changes, plan.seal.counts.add) == (True, 1)
    assert plan.path.stat().st_mode & 0o777 == 0o600
    assert plan.path.stat().st_uid == os.getuid()
    shown = terraform.show_json(plan.path)
    assert [change["address"] for change in shown["resource_changes"]] == ["terraform_data.lesson"]
    terraform.apply()
    assert terraform.output("lesson") == "transcribed"
    assert not terraform.plan().changes
    assert terraform.raw(("state", "list")) == 0
    assert terraform.plan(destroy=True).seal.counts.destroy == 1
    terraform.apply()
    assert terraform.output() == {}
    assert not (local_state.tree / ".terraform").exists()


def test_an_edited_tree_is_not_applied(terraform: Terraform, local_state: Workspace) -> None:
    terraform.init()
    terraform.plan()
    (local_state.tree / "10-main.tf").write_text('resource "terraform_data" "other" {}\n')
    with pytest.raises(SealBroken, match=r"~ 10-main\.tf"):
        terraform.apply()
    assert terraform.output() == {}


def test_formatting_is_checked_and_done(terraform: Terraform, local_state: Workspace) -> None:
    (local_state.tree / "10-main.tf").write_text('locals {\na="b"\n}\n')
    with pytest.raises(CheckFailed):
        terraform.fmt(check=True)
    terraform.fmt()
    terraform.fmt(check=True)


def test_terraforms_own_error_is_shown_and_named(
    terraform: Terraform, local_state: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    (local_state.tree / "10-main.tf").write_text("locals {\n  a = var.missing\n}\n")
    terraform.init()
    with pytest.raises(TerraformFailed, match="terraform validate failed"):
        terraform.validate()
    assert "Reference to undeclared input variable" in capfd.readouterr().err


def test_a_state_that_another_run_holds_is_told(terraform: Terraform, local_state: Workspace) -> None:
    terraform.init()
    state, info = local_state.tree / "terraform.tfstate", local_state.tree / ".terraform.tfstate.lock.info"
    with state.open("a+") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        info.write_text('{"ID": "2f4a6c1e", "Operation": "OperationTypeApply", "Who": "ada@lovelace"}')
        with pytest.raises(TerraformFailed) as failed:
            terraform.plan()
    assert "`thoth-infra unlock 2f4a6c1e --env staging`" in (failed.value.hint or "")


def test_ctrl_c_lets_terraform_release_its_lock(
    local_state: Workspace,
    variables: dict[str, str],
    engine: Engine,
    interrupt_when: InterruptWhen,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (local_state.tree / "10-main.tf").write_text(SLOW_ROOT)
    terraform = session(local_state, variables, engine)
    terraform.init()
    terraform.plan()
    state, lock = local_state.tree / "terraform.tfstate", local_state.tree / ".terraform.tfstate.lock.info"
    locked: list[bool] = []

    def applying() -> bool:
        if not (state.exists() and "quick" in state.read_text()):
            return False
        locked.append(lock.exists())
        return True

    interrupt_when((applying, signal.SIGINT))
    with pytest.raises(Interrupted):
        terraform.apply()
    assert locked == [True]
    assert not lock.exists()
    assert "Interrupt received" in capfd.readouterr().out
    assert containers(local_state, engine) == []
    # What was not finished is still to do.
    assert terraform.plan().changes
    assert json.loads(state.read_text())["resources"][0]["name"] == "quick"


@pytest.mark.docker
def test_ctrl_c_before_the_container_is_there_is_not_lost(
    local_state: Workspace, variables: dict[str, str], docker_engine: str, interrupt_when: InterruptWhen
) -> None:
    (local_state.tree / "10-main.tf").write_text(SLOW_ROOT)
    engine = DockerEngine(PIN, docker_engine)
    terraform = session(local_state, variables, engine)
    terraform.init()
    terraform.plan()
    started = threading.Event()
    runner = SubprocessRunner(echo=lambda _line: started.set())  # echoed before the client even starts
    interrupt_when((lambda: started.wait(60) and bool(clients(local_state)), signal.SIGINT))
    with pytest.raises(Interrupted):
        Terraform(local_state, engine, runner, variables, guard=lambda _: None).apply()
    assert containers(local_state, engine) == []


def clients(workspace: Workspace) -> list[str]:
    """Return the processes that run Docker's client for the workspace's project."""
    mount = f"src={workspace.project}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # ended meanwhile
            if mount in path.read_bytes():
                found.append(path.parent.name)
    return found


def containers(workspace: Workspace, engine: Engine) -> list[str]:
    """Return the containers that mount the workspace's project, running or not."""
    if not isinstance(engine, DockerEngine):
        return []
    mounted = f"volume={workspace.project}"
    listed = subprocess.run(
        [engine.docker, "ps", "-aq", "--filter", mounted], capture_output=True, text=True, check=True
    )
    return listed.stdout.split()


def test_a_provider_from_a_mirror_validates(
    local_state: Workspace, variables: dict[str, str], engine: Engine, tmp_path: Path
) -> None:
    """With no registry in reach, a configuration file that is not there, and the mirror linked elsewhere."""
    found = search(candidates(dict(os.environ), tmp_path), host_platform("linux"))
    if found is None:
        pytest.skip("this machine has no mirror of the provider")
    variables |= {
        "THOTH_PROVIDER_MIRROR": str(found.root),
        "TF_CLI_CONFIG_FILE": str(tmp_path / "missing"),
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    (local_state.tree / "00-backend.tf").write_text(AWS_ROOT)
    terraform = session(local_state, variables, engine)
    terraform.init()
    terraform.validate()
    before = local_state.lock_file.read_text()
    assert "h1:" in before
    assert not terraform.init()
    terraform.init(force=True)
    assert local_state.lock_file.read_text() == before


def test_a_provider_that_the_lock_file_does_not_know_tells_how_to_add_it(
    local_state: Workspace, variables: dict[str, str], real_terraform: Path, tmp_path: Path
) -> None:
    found = search(candidates(dict(os.environ), tmp_path), host_platform("linux"))
    if found is None:
        pytest.skip("this machine has no mirror of the provider")
    variables["THOTH_PROVIDER_MIRROR"] = str(found.root)
    (local_state.tree / "00-backend.tf").write_text(AWS_ROOT)
    local_state.lock_file.write_text(
        'provider "registry.terraform.io/hashicorp/aws" {\n  version = "5.100.0"\n'
        '  hashes  = ["h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]\n}\n'
    )
    with pytest.raises(EngineError) as failed:
        session(local_state, variables, LocalEngine(PIN, real_terraform)).init()
    assert "providers lock -platform=" in (failed.value.hint or "")


def test_a_provider_that_is_nowhere_is_an_engine_error(
    local_state: Workspace, variables: dict[str, str], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thoth_infra.terraform.mirror.SYSTEM_FOLDERS", ())
    monkeypatch.setattr("thoth_infra.terraform.cli_config.find", lambda *_: None)
    variables |= {"HTTPS_PROXY": "http://127.0.0.1:9", "XDG_DATA_DIRS": "/nowhere"}
    absent = AWS_ROOT.replace("hashicorp/aws", "thoth-infra/absent").replace("aws =", "absent =")
    (local_state.tree / "00-backend.tf").write_text(absent.partition("provider ")[0])
    with pytest.raises(EngineError) as failed:
        session(local_state, variables, engine).init()
    assert "THOTH_PROVIDER_MIRROR" in (failed.value.hint or "")


def test_emulated_and_real_runs_keep_apart(local_state: Workspace, variables: dict[str, str], engine: Engine) -> None:
    emulated = replace(local_state, scratch=local_state.scratch / "emulated", emulated=True)
    session(local_state, variables, engine).init()
    assert session(emulated, variables, engine).init()
    session(emulated, variables, engine).plan()
    with pytest.raises(SealBroken, match="made against: the emulator, not AWS"):
        session(local_state, variables, engine).apply(emulated.default_plan)
