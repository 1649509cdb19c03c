"""A small project to run Terraform in, and stand-ins for the programs it starts."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.terraform.stage import Stage, write_plan
from thoth_infra.terraform.version import Pin
from thoth_infra.terraform.workspace import Backend, Workspace

PIN = Pin("1.11.4")
STAGING = Backend("thoth-state-staging", "staging/terraform.tfstate", "eu-central-1")
PRODUCTION = Backend("thoth-state-staging", "production/terraform.tfstate", "eu-central-1")

BACKEND_TF = """\
# Rendered from environments/staging.yaml.
terraform {{
  backend "s3" {{
    bucket       = "{0.bucket}"
    key          = "{0.key}"
    region       = "{0.region}"
    use_lockfile = true
  }}
}}
"""

#: A root that needs no provider and no state elsewhere.
TINY_ROOT = """\
resource "terraform_data" "lesson" {
  input = "transcribed"
}

output "lesson" {
  value = terraform_data.lesson.output
}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A project whose staging tree holds a backend block and one resource."""
    project = tmp_path / "project"
    tree = project / "terraform" / "staging"
    tree.mkdir(parents=True)
    (project / ".terraform-version").write_text("1.11.4\n")
    (tree / "00-backend.tf").write_text(BACKEND_TF.format(STAGING))
    (tree / "10-main.tf").write_text(TINY_ROOT)
    return Workspace(
        environment="staging",
        account_id="111122223333",
        region="eu-central-1",
        backend=STAGING,
        project=project,
        tree=tree,
        scratch=project / ".thoth" / "staging",
    )


@pytest.fixture
def local_state(workspace: Workspace) -> Workspace:
    """The same with its state in the tree, so that the real Terraform needs no S3."""
    (workspace.tree / "00-backend.tf").write_text('terraform {\n  required_version = "1.11.4"\n}\n')
    return workspace


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """An environment of its own: an empty home, no user configuration, no mirror of this machine."""
    home = tmp_path / "home"
    home.mkdir()
    return {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_DATA_DIRS": str(tmp_path / "no-data")}


Script = Callable[[str, str], Path]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Write an executable shell script: ``script("terraform", "echo hello")``."""

    def write(name: str, body: str) -> Path:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def fake_terraform(script: Script, tmp_path: Path) -> Path:
    """A ``terraform`` that says it is the pinned version and records every other call in ``calls``."""
    return script(
        "terraform",
        f'[ "$1" = version ] && {{ echo \'{{"terraform_version": "1.11.4"}}\'; exit; }}\n'
        f'echo "$@" >> "{tmp_path}/calls"',
    )


@pytest.fixture(scope="session")
def real_terraform() -> Path:
    """The Terraform of this machine, if it is the pinned version."""
    found = shutil.which("terraform")
    if found is None:
        pytest.skip("no terraform on PATH")
    answer = subprocess.run([found, "version", "-json"], capture_output=True, text=True, check=True)
    if f'"{PIN.version}"' not in answer.stdout:
        pytest.skip(f"terraform on PATH is not {PIN.version}")
    return Path(found)


@pytest.fixture(scope="session")
def docker_engine() -> str:
    """A Docker client whose engine answers and has the pinned image."""
    found = shutil.which("docker")
    if found is None:
        pytest.skip("no docker on PATH")
    image = subprocess.run([found, "image", "inspect", PIN.image], capture_output=True, text=True, check=False)
    if image.returncode != 0:
        pytest.skip(f"no Docker engine with {PIN.image}: {image.stderr.strip()}")
    return found


InterruptWhen = Callable[..., None]


@pytest.fixture
def interrupt_when() -> Iterator[InterruptWhen]:
    """``interrupt_when(ready, signal, …)``: send each signal to ourselves, the first when ``ready()``."""
    threads: list[threading.Thread] = []

    def start(*steps: tuple[Callable[[], bool], int]) -> None:
        def send() -> None:
            for ready, number in steps:
                deadline = time.monotonic() + 60
                while not ready() and time.monotonic() < deadline:
                    time.sleep(0.01)
                os.kill(os.getpid(), number)

        threads.append(threading.Thread(target=send, daemon=True))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(60)


@pytest.fixture
def stage(workspace: Workspace, variables: dict[str, str], fake_terraform: Path) -> Stage:
    made = Stage(workspace, variables, fake_terraform)
    made.effects["plan"] = lambda launch: write_plan(launch, b"a plan")
    return made
