"""Sends a lesson through the whole system, through the API's public address: ``python -m workers.api.prove``.

A deployment runs it as a task of its own, once the new images serve and before the old ones are gone. It works with a
key of its own tenant, which is valid for an hour and revoked at the end; the lesson is erased.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx2

from workers.api.records import opened
from workers.api.settings import read_api
from workers.api.store import keys
from workers.api.store.engine import Database
from workers.common.messages import now
from workers.common.settings import SettingsInvalid

TENANT: Final = "thoth-proof"
#: Eight seconds of a spoken sentence, made with a speech synthesizer.
LESSON: Final = Path(__file__).with_name("lesson.ogg")
#: A GPU host may have to boot, and a model to be loaded, before anything is heard.
_PATIENCE_SECONDS: Final = 45 * 60
_POLL_SECONDS: Final = 3.0
_TIMEOUT: Final = httpx2.Timeout(60.0)
_ENDED: Final = ("completed", "failed", "cancelled")


class Unproved(Exception):
    """The lesson did not come through; the message says how far it came."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 proved, 1 not, 2 settings invalid."""
    parser = argparse.ArgumentParser(prog="python -m workers.api.prove", description=__doc__)
    parser.add_argument("--patience", type=float, default=_PATIENCE_SECONDS, help="seconds to wait for the lesson")
    asked = parser.parse_args(arguments)
    try:
        settings = read_api(os.environ)
    except SettingsInvalid as error:
        sys.stderr.write(f"{error}\n")
        return 2
    database = opened(settings)
    try:
        with _key(database) as secret, httpx2.Client(
            base_url=settings.public_url, headers={"Authorization": f"Bearer {secret}"}, timeout=_TIMEOUT
        ) as client:  # fmt: skip
            _tell(_proved(client, asked.patience))
    except (Unproved, httpx2.HTTPError) as error:
        sys.stderr.write(f"not proved: {error}\n")
        return 1
    finally:
        database.close()
    return 0


def _proved(client: httpx2.Client, patience: float) -> str:
    """Return what was heard. Raises Unproved for anything short of a transcript."""
    with LESSON.open("rb") as file:
        job = _json(client.post("/api/jobs", files={"file": (LESSON.name, file, "audio/ogg")}))
    try:
        state = _ended(client, job, patience)
        if state["state"] != "completed":
            failure = state.get("error") or {}
            raise Unproved(f"the lesson is {state['state']}: {failure.get('code')}: {failure.get('message')}")
        segments = _json(client.get(f"/api/jobs/{job['id']}/transcript.json"))["segments"]
        if not segments:
            raise Unproved("the lesson came through, but nothing was heard in it")
        return " ".join(segment["text"].strip() for segment in segments)
    finally:
        client.delete(f"/api/jobs/{job['id']}")


def _ended(client: httpx2.Client, job: dict[str, Any], patience: float) -> dict[str, Any]:
    until = time.monotonic() + patience
    told = ""
    while time.monotonic() < until:
        job = _json(client.get(f"/api/jobs/{job['id']}"))
        stage = f"{job['state']} {job.get('stage') or ''}".strip()
        if stage != told:
            _tell(stage)
            told = stage
        if job["state"] in _ENDED:
            return job
        time.sleep(_POLL_SECONDS)
    raise Unproved(f"the lesson is still {told} after {patience:.0f} s")


def _json(answer: httpx2.Response) -> Any:
    if answer.status_code >= 400:
        by = answer.headers.get("server", "")
        raise Unproved(
            f"{answer.request.method} {answer.request.url.path}: {answer.status_code} by {by}: {answer.text[:300]}"
        )
    return answer.json()


@contextmanager
def _key(database: Database) -> Iterator[str]:
    at = now()
    with database.write() as session:
        key, secret = keys.create(
            session, TENANT, ("jobs:read", "jobs:write"), expires_at=at + timedelta(hours=1), at=at
        )
        key_id = key.id
    try:
        yield secret
    finally:
        with database.write() as session:
            keys.revoke(session, key_id, at=now())


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
