"""docs/api.md says what is so."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.workers.api.http.rig import services_over
from workers.api.http.app import create_app
from workers.api.http.services import Limits
from workers.api.http.throttle import Throttle
from workers.api.orchestrator.ports import Policy
from workers.api.settings import sqlite_url
from workers.api.store.engine import Database
from workers.api.store.keys import SCOPES
from workers.api.store.webhooks import signature
from workers.common.messages import now

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text(encoding="utf-8")


def test_its_program_tells_genuine_webhooks_from_others() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102 - our own document
    holds, key, body, at = names["is_from_thoth"], b"k" * 32, b'{"id": "evt_1"}', now()
    assert holds(signature(key, body, at=at), body, key)
    assert not holds(signature(b"x" * 32, body, at=at), body, key)
    assert not holds(signature(key, body, at=at), body + b" ", key)
    assert not holds(signature(key, body, at=at - timedelta(minutes=6)), body, key)


def test_it_names_every_scope_and_only_paths_that_there_are(tmp_path: Path) -> None:
    rows = [line for line in DOCUMENT.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([a-z:]+)`", row.split("|")[1])} == set(SCOPES)
    app = create_app(services_over(Database(sqlite_url(tmp_path / "thoth.sqlite3")), tmp_path))
    paths = {path.replace("{job_id}", "{id}") for path in app.openapi()["paths"]}
    named = {path.split("…")[0].rstrip("/") for path in re.findall(r"`[A-Z]+ (/api/[^`]+)`", DOCUMENT)}
    assert named and named <= paths


def test_its_figures_are_those_of_the_code() -> None:
    assert "1,200 times a minute" in DOCUMENT and Throttle()._requests.amount == 1200
    assert "10 GiB at most" in DOCUMENT and Limits().upload_bytes == 10 << 30
    assert "forgotten after seven days" in DOCUMENT and Policy({}, 1, 1, 1).upload_days == 7
