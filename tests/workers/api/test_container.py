"""The API's image, really built and run as its two rendered task definitions say, over Postgres, SQS and S3."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.ports import free_port
from tests.workers import containers
from tests.workers.api import postgres
from tests.workers.api.http.rig import MP3
from tests.workers.api.orchestrator.aws import Account
from tests.workers.api.orchestrator.process import Workers
from tests.workers.conftest import MakeRig
from tests.workers.containers import Containers, docker
from tests.workers.rig import wait_until
from thoth_infra.contract.services import API, ORCHESTRATOR, Service
from thoth_infra.contract.storage import JOBS
from thoth_infra.emulator import Emulator

pytestmark = [pytest.mark.slow, pytest.mark.docker]


@pytest.fixture
def run(make_rig: MakeRig) -> Iterator[Containers]:
    containers.engine_or_skip()
    if not postgres.installed():
        pytest.skip("Postgres 15 is not installed (Debian's package postgresql-15)")
    containers.build((API.image,))
    made = Containers(make_rig())
    yield made
    made.remove()


def test_a_job_goes_through_api_and_orchestrator(run: Containers, aws: Emulator) -> None:
    run.prepare()
    account = Account(aws)
    port = free_port()
    with postgres.running() as server:

        def variables(service: Service) -> dict[str, str]:
            known: dict[str, Any] = {
                **account.variables(server.url, run.rig.jobs),
                "JOBS_DIR": JOBS.path,
                "PORT": str(port),
                "PUBLIC_URL": "https://thoth.example",
                "SERVICE_NAME": service.name,
                **{v.name: "600" for v in service.variables if v.name.endswith("_SECONDS")},
                # The server trusts whoever comes; the variable must be there all the same.
                "DATABASE_PASSWORD": "unused",
            }
            return {**account.credentials(), **{v.name: known[v.name] for v in service.variables}}

        api = run.start(API, given=variables(API))
        orchestrator = run.start(ORCHESTRATOR, given=variables(ORCHESTRATOR))
        for name in (api, orchestrator):
            wait_until(lambda name=name: run.health(name) == "healthy", 120, f"health of {name}")  # type: ignore[misc]
        told = docker(
            "exec", api, "python", "-m", "workers.api.keys", "create", "--tenant", "conservatory",
            "--scope", "jobs:read", "--scope", "jobs:write",
        )  # fmt: skip
        (key,) = re.findall(r"thoth_[a-z2-7]{24}", told)
        headers = {"Authorization": f"Bearer {key}"}
        with (
            httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client,
            Workers(account, run.rig.jobs).working(),
        ):
            assert "Thoth" in client.get("/").text
            job_id = client.post("/api/jobs", files={"file": ("a.mp3", MP3)}).json()["id"]
            wait_until(lambda: client.get(f"/api/jobs/{job_id}").json()["state"] == "completed", 60, "the end")
            assert client.get(f"/api/jobs/{job_id}/media").content == MP3
            assert client.delete(f"/api/jobs/{job_id}").status_code == 202
            wait_until(lambda: not (run.rig.jobs / job_id).exists(), 30, "the erasure")
        for name in (api, orchestrator):
            docker("stop", name)
            assert docker("inspect", "--format", "{{.State.ExitCode}}", name) == "0"
