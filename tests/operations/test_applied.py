"""Staging as Terraform applied it, on the emulator: every command of Operations as text and JSON; a deployment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.render.support import copy_project
from thoth_infra.cli.session import emulator_folder
from thoth_infra.config.load import load
from thoth_infra.contract.services import IMAGES
from thoth_infra.emulator import running

PROJECT = Path(__file__).resolve().parents[2]
NAME, TAG = "staging", "next"

pytestmark = [pytest.mark.slow, pytest.mark.terraform]


@dataclass
class Operator:
    """Somebody with a terminal, and a staging that was applied."""

    root: Path

    def run(self, *words: str, code: int = 0, as_json: bool = False) -> str:
        """Run a command on the emulated staging; return what it printed."""
        command = [sys.executable, "-m", "thoth_infra", "--root", str(self.root), *(["--json"] if as_json else [])]
        done = subprocess.run(
            [*command, *words, "--env", NAME, "--emulate"], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.run(*words, code=code, as_json=True))

    def services(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.json("status")["services"]}


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Staging, applied, with images of another tag in the registry."""
    root = copy_project(tmp_path_factory.mktemp("applied") / "project")
    made = Operator(root)
    made.run("plan")
    made.run("apply", "--auto-approve")
    env = load(root, NAME, personal=False).environment
    with running(emulator_folder(root, NAME)) as emulator:
        ecr = emulator.client("ecr", account_id=env.ecr_account, region=env.region)
        for image in IMAGES:
            kind = "application/vnd.oci.image.manifest.v1+json"
            config = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 1, "digest": "sha256:0"}
            manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}
            text = json.dumps({**manifest, "annotations": {"of": f"{image} {TAG}"}})
            ecr.put_image(repositoryName=env.repository(image), imageManifest=text, imageTag=TAG)
    yield made


LOOKS = (
    ("status",),
    ("gpu-status",),
    ("images", "list"),
    ("dlq", "list"),
    ("dlq", "show", "transcription"),
    ("insights",),
    ("insights", "errors"),
)


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_a_command_that_looks(operator: Operator, words: tuple[str, ...]) -> None:
    assert operator.run(*words).strip()
    assert operator.json(*words) is not None


def test_logs_of_a_service(operator: Operator) -> None:
    for line in operator.run("logs", "api", as_json=True).splitlines():
        assert {"at", "stream", "message"} <= set(json.loads(line))
    operator.run("logs", "api", "--filter", "nobody says this")


def test_doctor_is_content_with_what_was_applied(operator: Operator) -> None:
    operator.run("bootstrap", "--confirm", NAME)
    # Not well: a new account's quotas and service-linked role, secrets without a value, what this machine lacks.
    found = operator.json("doctor", code=1)
    rows = found["findings"] if isinstance(found, dict) else found
    states = {row["name"]: row["state"] for row in rows}
    failed = {name for name, state in states.items() if state == "fail"}
    assert states["state-bucket"] == states["images"] == "ok"
    assert {name for name in failed if not name.startswith("quota")} <= {
        "engine",
        "terraform",
        "provider",
        "secrets",
        "spot-role",
    }


def test_deploy_rollback_stop_start_restart(operator: Operator) -> None:
    before = operator.services()
    assert {row["running"] for row in before.values()} >= {1}

    operator.run("deploy", "--tag", TAG)
    after = operator.services()
    assert all(after[name]["image"] != before[name]["image"] for name in before)
    assert {name: row["running"] for name, row in after.items()} == {
        name: row["running"] for name, row in before.items()
    }
    operator.run("drift")

    operator.run("rollback")
    assert {name: row["image"] for name, row in operator.services().items()} == {
        name: row["image"] for name, row in before.items()
    }

    operator.run("stop-services", "--wait")
    assert {row["running"] for row in operator.services().values()} == {0}
    operator.run("start-services", "--wait")
    assert {name: (row["desired"], row["scaling"]) for name, row in operator.services().items()} == {
        name: (row["desired"], row["scaling"]) for name, row in before.items()
    }
    operator.run("restart-service", "orchestrator", "--wait")
    assert operator.json("deploy", "--show")["state"] == "done"
