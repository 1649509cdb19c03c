"""Staging on an emulator of the test's own process, and ``thoth-infra`` run against it as its operator would."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.emulator.conftest import REGION, AsAccount, account, aws, emulator
from thoth_infra.cli.main import main
from thoth_infra.emulator.access import Emulator

__all__ = ["REGION", "Ran", "Site", "account", "aws", "emulator", "site"]

ROOT = Path(__file__).resolve().parents[2]
NAME, PREFIX = "staging", "thoth-staging"
GROUP = f"/thoth/{NAME}/api"


@dataclass(frozen=True)
class Ran:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Site:
    """Staging's account."""

    aws: Callable[[str], Any]
    root: Path
    account: str

    def run(self, *arguments: str, name: str = NAME) -> Ran:
        """Run thoth-infra in this process; ``--env`` is added behind the command's own words."""
        words = list(arguments)
        place = words.index("--") if "--" in words else len(words)
        words[place:place] = ["--env", name]
        out, err = io.StringIO(), io.StringIO()
        # That one is the tests' own, and would be taken for a setting.
        variables = {key: value for key, value in os.environ.items() if key != "THOTH_SNAPSHOTS"}
        with (
            patch.dict(os.environ, variables, clear=True),
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main(["--root", str(self.root), *words])
        return Ran(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    def log(self, group: str, stream: str, *events: tuple[int, object]) -> None:
        """Put events: milliseconds, and a line or the fields of one."""
        logs = self.aws("logs")
        known = {found["logGroupName"] for found in logs.describe_log_groups()["logGroups"]}
        if group not in known:
            logs.create_log_group(logGroupName=group)
        streams = {found["logStreamName"] for found in logs.describe_log_streams(logGroupName=group)["logStreams"]}
        if stream not in streams:
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        rows = [
            {"timestamp": ms, "message": line if isinstance(line, str) else json.dumps(line)} for ms, line in events
        ]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=rows)


@pytest.fixture
def site(tmp_path: Path, aws: AsAccount, account: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Staging, where nothing has been applied yet."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "THOTH_"))]:
        if name != "THOTH_SNAPSHOTS":
            monkeypatch.delenv(name)
    monkeypatch.setenv("THOTH_EMULATOR_PACE", "600")
    monkeypatch.setenv("THOTH_ACCOUNTS__OWN", account)
    monkeypatch.setenv("THOTH_STATE__BUCKET", f"thoth-state-{account}")
    monkeypatch.setenv("THOTH_IMAGES__REGISTRY", "own")
    for key, value in emulator.variables(account_id=account, region=REGION, role="tfs-ai-staging").items():
        if value:  # an empty AWS_PROFILE would mislead moto, which runs in this process
            monkeypatch.setenv(key, value)
    shutil.copytree(ROOT / "environments", tmp_path / "environments")
    shutil.copy(ROOT / ".terraform-version", tmp_path)
    return Site(aws, tmp_path, account)
