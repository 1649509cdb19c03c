"""A small Thoth project: the real environments, and templates of a handful of resources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from thoth_infra.emulator import Emulator, running

ROOT = Path(__file__).resolve().parents[2]

# Two queues, since the provider waits half a minute for one: time to interrupt an apply.
QUEUES = """\
variable "environment" { type = string }
variable "project" { type = string }
variable "account_id" { type = string }
variable "region" { type = string }
variable "tags" { type = map(string) }

resource "aws_sqs_queue" "jobs" {
  name                       = "${var.project}-${var.environment}-jobs"
  visibility_timeout_seconds = 300
}

resource "aws_cloudwatch_log_group" "jobs" {
  name              = "/thoth/${var.environment}/jobs"
  retention_in_days = 14
}

output "queue_name" {
  description = "For tests."
  value       = aws_sqs_queue.jobs.name
}

output "password" {
  description = "For tests."
  value       = "hunter2"
  sensitive   = true
}
"""

# The user's own settings must not reach a test.
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "THOTH_", "TF_"))}


@dataclass(frozen=True)
class Cli:
    """Runs ``thoth-infra`` as a process in a project."""

    root: Path
    variables: Mapping[str, str]

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "thoth_infra", "--engine", "local", *arguments]
        return subprocess.Popen(
            command, cwd=self.root, env={**self.variables, **variables}, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=280)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    shutil.copytree(ROOT / "environments", root / "environments")
    shutil.copy(ROOT / ".terraform-version", root)
    (root / "templates").mkdir()
    for name in ("00-backend.tf.j2", "01-providers.tf.j2"):
        shutil.copy(ROOT / "templates" / name, root / "templates")
    providers = root / "templates" / "01-providers.tf.j2"
    # Without the shared account's provider, whose variables the small project has not.
    providers.write_text(providers.read_text().replace("{% if uses_shared_account %}", "{% if false %}"))
    (root / "templates" / "10-queues.tf.j2").write_text(QUEUES)
    return root


@pytest.fixture
def cli(project: Path) -> Cli:
    return Cli(project, CLEAN)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator that stands in for the real AWS: commands reach it without ``--emulate``."""
    with running(tmp_path_factory.mktemp("aws")) as emulator:
        yield emulator


@dataclass(frozen=True)
class Recorder:
    """A ``terraform`` that only notes that it was started."""

    binary: Path
    log: Path

    @property
    def starts(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    found = Recorder(tmp_path / "bin" / "terraform", tmp_path / "terraform.log")
    found.binary.parent.mkdir()
    found.binary.write_text(f'#!/bin/sh\necho "$@" >> {found.log}\nexit 0\n')
    found.binary.chmod(0o755)
    return found
