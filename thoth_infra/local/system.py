"""Which programs the system consists of on this machine, and with which variables. Pure but for the queues."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from thoth_infra.config.environment import Environment
from thoth_infra.contract.queues import STAGE_QUEUES
from thoth_infra.contract.services import SECRETS, WITHOUT_RDS, Service
from thoth_infra.contract.storage import ARCHIVE, JOBS, MEDIA, MODELS
from thoth_infra.emulator import Emulator
from thoth_infra.local import queues
from thoth_infra.local.home import Home
from thoth_infra.local.processes import Program
from thoth_infra.local.variables import Places, variables

# The environment whose settings hold where nothing else is said: the smallest.
ENVIRONMENT = "dev"
_BUCKETS = {MEDIA.name: "thoth-local-media", ARCHIVE.name: "thoth-local-archive"}
# What a process keeps of ours: where programs are, who we are, how we speak.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "HTTPS_PROXY", "HF_HOME", "HF_ENDPOINT")


@dataclass(frozen=True)
class Choices:
    """What the user chooses."""

    port: int
    model: str | None = None
    """Name or folder of the Whisper model; None: what the environment says."""

    @property
    def url(self) -> str:
        """Address of the web page."""
        return f"http://127.0.0.1:{self.port}"


def prepare(emulator: Emulator, env: Environment, home: Home) -> Places:
    """Make queues, buckets, folders and secrets, where they are missing."""
    account, region = env.accounts.own, env.region
    sqs = emulator.client("sqs", account_id=account, region=region)
    visibility = {
        queue.name: getattr(env.timeouts, stage.name.lower()).visibility_seconds
        for stage, queue in STAGE_QUEUES.items()
    }
    s3 = emulator.client("s3", account_id=account, region=region)
    for bucket in _BUCKETS.values():
        s3.create_bucket(Bucket=bucket)
    return Places(
        queue_urls=queues.make(sqs, visibility, env.queues.max_receive_count),
        folders={volume.name: home.volume(volume.name) for volume in (JOBS, MODELS)},
        buckets=_BUCKETS,
        secrets={(secret.name, name): home.secret(name) for secret in SECRETS for name in secret.fields},
    )


def programs(
    root: Path, env: Environment, emulator: Emulator, home: Home, places: Places, choices: Choices
) -> tuple[Program, ...]:
    """Return the processes of the whole system."""
    account = emulator.variables(account_id=env.accounts.own, region=env.region)
    common = {
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        **{name: value for name, value in account.items() if value},
        "PYTHONPATH": str(root),
    }
    overrides = _overrides(home, choices)
    return tuple(_program(root, env, service, places, {**common}, overrides, home) for service in WITHOUT_RDS)


def _overrides(home: Home, choices: Choices) -> dict[str, str]:
    return {
        "THOTH_ENVIRONMENT": "local",
        "PORT": str(choices.port),
        "PUBLIC_URL": choices.url,
        "DATABASE_PATH": str(home.database),
        "WHISPER_ALLOW_CPU": "true",
        "WHISPER_COMPUTE_TYPE": "auto",
        **({"WHISPER_MODEL": choices.model} if choices.model else {}),
    }


def _program(
    root: Path,
    env: Environment,
    service: Service,
    places: Places,
    common: Mapping[str, str],
    overrides: Mapping[str, str],
    home: Home,
) -> Program:
    return Program(
        name=service.name,
        argv=(sys.executable, *service.command[1:]),
        env={**common, **variables(env, service, places, overrides)},
        cwd=root,
        log=home.logs / f"{service.name}.log",
    )
