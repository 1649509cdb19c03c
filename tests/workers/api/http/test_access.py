"""Who may do what: every operation of the OpenAPI document with no key, bad keys, other tenants' and narrow keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from httpx2 import Response
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from tests.workers.api.http.rig import MP3, OTHER, TENANT, Api, running
from workers.api.http import access
from workers.api.http.access import MEMORY_SECONDS, Keys
from workers.api.http.throttle import Rate, Throttle
from workers.api.store import keys
from workers.api.store.engine import Database
from workers.api.store.keys import SCOPES, Scope
from workers.api.store.models import Base
from workers.common.messages import now

OPEN = {"/healthz", "/readyz"}
"""Paths that need no key."""


@dataclass(frozen=True)
class Operation:
    """One of the document's; ``scopes`` as it documents them."""

    method: str
    path: str
    scopes: frozenset[Scope]

    @property
    def named(self) -> bool:
        """Whether it is about something that belongs to somebody."""
        return "{" in self.path

    def send(self, api: Api, headers: dict[str, str], **names: str) -> Response:
        """Send it; ``names`` are the ids in the path."""
        path = self.path.format(**{"form": "json", "number": "1", **names})
        form = {"files": {"file": ("a.mp3", MP3)}} if self.path == "/api/jobs" and self.method == "POST" else {}
        bodies: dict[str, Any] = {
            "/api/uploads": {"json": {"name": "a.mp3", "size": 4}},
            "/api/uploads/{upload_id}/parts/{number}": {"content": MP3},
            "/api/jobs/{job_id}/transcript": {"json": {"segments": [{"id": 0, "words": []}]}},
            "/api/glossary": {"json": {}},
        }
        body = form or ({} if self.method in {"GET", "DELETE"} else bodies.get(self.path, {}))
        more = {"If-Match": '"1"'} if self.method == "PUT" else {}
        return api.client.request(self.method, path, headers={**headers, **more}, **body)


def operations(api: Api) -> Iterator[Operation]:
    """Yield every documented operation that needs a key."""
    for path, methods in api.client.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            if path not in OPEN:
                (scopes,) = (each["key"] for each in operation["security"] if "key" in each)
                yield Operation(method.upper(), path, frozenset(scopes))


def records(api: Api) -> dict[str, Any]:
    """Return every row but the audit trail's and the keys'."""
    with api.services.database.read() as session:
        return {
            name: sorted(map(repr, session.execute(select(table)).all()))
            for name, table in Base.metadata.tables.items()
            if name not in {"audit", "api_keys"}
        }


def files(folder: Path) -> dict[str, bytes]:
    """Return what is in the folder of the jobs."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def things(api: Api, key: dict[str, str]) -> dict[str, str]:
    """A job and an upload of the tenant."""
    begun = api.client.post("/api/uploads", headers=key, json={"name": "a.mp3", "size": len(MP3)}).json()
    return {"job_id": api.completed(), "upload_id": begun["id"]}


def test_every_route_is_documented(api: Api) -> None:
    document = api.client.get("/openapi.json").json()["paths"]
    app: Any = api.client.app
    found = {(path, method) for path, methods in document.items() for method in methods}
    assert len(found) == 23
    # The only routes beside them are the page, its files, and the documentation itself.
    assert not [route.path for route in app.routes if isinstance(route, APIRoute) and route.path not in document]
    beside = {str(getattr(route, "path", "")) for route in app.routes} - document.keys()
    assert not [path for path in beside if path.startswith("/api")]


def test_no_operation_is_done_without_a_valid_key(api: Api, things: dict[str, str]) -> None:
    database, at = api.services.database, now()
    with database.write() as session:
        _, expired = keys.create(session, TENANT, SCOPES, expires_at=at - timedelta(seconds=1), at=at)
        row, revoked = keys.create(session, TENANT, SCOPES, at=at)
        keys.revoke(session, row.id, at=at)
    bad = [expired, revoked, "thoth_" + "a" * 24, "thoth_", "x", "", "' OR 1=1 --"]
    headers = [{}, {"Authorization": "Basic dXNlcjpwYXNz"}, *({"Authorization": f"Bearer {secret}"} for secret in bad)]
    object.__setattr__(api.services, "throttle", Throttle(refusals=10_000))
    before, kept = records(api), files(api.services.jobs_dir)
    for operation in operations(api):
        for header in headers:
            answer = operation.send(api, header, **things)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised"), (operation, header)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert (records(api), files(api.services.jobs_dir)) == (before, kept)


def test_no_operation_is_done_with_a_key_that_lacks_its_scope(api: Api, things: dict[str, str]) -> None:
    before, kept = records(api), files(api.services.jobs_dir)
    narrow = {scope: api.key(*(each for each in SCOPES if each not in {scope, "admin"})) for scope in SCOPES}
    refused = 0
    for operation in operations(api):
        for scope in operation.scopes:
            answer = operation.send(api, narrow[scope], **things)
            assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope"), operation
            assert scope in answer.json()["detail"]
            refused += 1
    # All but /api/me, which tells what a key may do.
    assert refused == 20
    assert (records(api), files(api.services.jobs_dir)) == (before, kept)


@pytest.mark.parametrize("scopes", [SCOPES[:-1], SCOPES, ("admin",)], ids=["all", "all-and-admin", "admin"])
def test_no_operation_shows_or_changes_what_is_another_tenants(
    api: Api, things: dict[str, str], scopes: tuple[Scope, ...]
) -> None:
    stranger = api.key(*scopes, tenant=OTHER)
    before, kept = records(api), files(api.services.jobs_dir)
    absent = dict.fromkeys(things, "0" * 26)
    tried = 0
    for operation in operations(api):
        if operation.named:
            answer, nothing = (operation.send(api, stranger, **ids) for ids in (things, absent))
            assert answer.status_code == 404, operation
            # It must not show whether there is such a thing.
            assert answer.json() == nothing.json()
            tried += 1
    assert tried == 15
    assert (records(api), files(api.services.jobs_dir)) == (before, kept)
    assert api.client.get("/api/jobs", headers=stranger).json() == {"jobs": [], "next_cursor": None}
    assert api.client.get("/api/me", headers=stranger).json()["tenant"] == OTHER


def test_every_operation_is_done_with_the_right_key(api: Api, things: dict[str, str]) -> None:
    for operation in operations(api):
        narrow = api.key(*(operation.scopes or {"jobs:read"}))
        if operation.named:
            things = {"job_id": api.completed(), "upload_id": things["upload_id"]}
        answer = operation.send(api, narrow, **things)
        assert answer.status_code not in {401, 403, 404, 500, 503}, (operation, answer.text)
        if operation.method == "DELETE" and "upload_id" in operation.path:
            whole = {"name": "a.mp3", "size": len(MP3)}
            things["upload_id"] = api.client.post("/api/uploads", headers=api.key(), json=whole).json()["id"]


def test_admin_may_do_what_every_scope_may(api: Api, things: dict[str, str]) -> None:
    admin = api.key("admin")
    answers = {str(each): each.send(api, admin, **things).status_code for each in operations(api)}
    assert 403 not in answers.values() and 401 not in answers.values()


def test_open_paths_need_no_key(api: Api) -> None:
    for path in (*sorted(OPEN), "/docs", "/docs/style.css", "/openapi.json"):
        assert api.client.get(path).status_code == 200, path


def test_a_revoked_key_ends_within_seconds(database: Database, jobs_dir: Path) -> None:
    clock = [0.0]
    with running(database, jobs_dir) as api:
        object.__setattr__(api.services, "keys", Keys(database, clock=lambda: clock[0]))
        header = api.key("jobs:read")
        assert api.client.get("/api/me", headers=header).status_code == 200
        with database.write() as session:
            (row,) = keys.every(session)
            keys.revoke(session, row.id, at=now())
        clock[0] = MEMORY_SECONDS + 0.1
        assert api.client.get("/api/me", headers=header).status_code == 401
        assert api.client.get("/api/me", headers=header).status_code == 401


def test_a_key_expires_on_time_though_it_is_remembered(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    with api.services.database.write() as session:
        _, secret = keys.create(session, TENANT, ["jobs:read"], expires_at=now() + timedelta(hours=1), at=now())
    header = {"Authorization": f"Bearer {secret}"}
    told = api.client.get("/api/me", headers=header).json()
    assert told["scopes"] == ["jobs:read"] and told["expires_at"] is not None
    monkeypatch.setattr(access, "now", lambda: now() + timedelta(hours=2))
    assert api.client.get("/api/me", headers=header).status_code == 401


def test_whoever_tries_many_keys_is_kept_out_for_a_while(database: Database, jobs_dir: Path) -> None:
    clock = [0.0]
    with running(database, jobs_dir, throttle=Throttle(refusals=5, clock=lambda: clock[0])) as api:
        right = api.key()
        wrong = {"Authorization": "Bearer thoth_" + "c" * 24}
        statuses = [api.client.get("/api/me", headers=wrong).status_code for _ in range(8)]
        assert statuses == [401] * 5 + [429] * 3
        kept_out = api.client.get("/api/me", headers=right)
        assert (kept_out.status_code, kept_out.json()["code"]) == (429, "too_many_requests")
        assert kept_out.headers["Retry-After"] == "12"
        clock[0] = 12.0
        assert api.client.get("/api/me", headers=right).status_code == 200


def test_a_key_has_so_many_requests_a_minute_and_others_have_theirs(database: Database, jobs_dir: Path) -> None:
    clock = [0.0]
    with running(database, jobs_dir, throttle=Throttle(requests=6, clock=lambda: clock[0])) as api:
        one, two = api.key(), api.key()
        assert [api.client.get("/api/me", headers=one).status_code for _ in range(8)] == [200] * 6 + [429] * 2
        assert api.client.get("/api/me", headers=two).status_code == 200
        for at in (10.0, 20.0):
            clock[0] = at
            assert [api.client.get("/api/me", headers=one).status_code for _ in "ab"] == [200, 429]
        clock[0] = 90.0
        assert [api.client.get("/api/me", headers=one).status_code for _ in range(7)] == [200] * 6 + [429]


@given(st.integers(1, 50), st.lists(st.floats(0, 40, allow_nan=False), max_size=200))
def test_no_minute_has_more_than_twice_what_is_allowed(amount: int, pauses: list[float]) -> None:
    at, admitted = [0.0], []
    rate = Rate(amount, clock=lambda: at[0])
    for pause in pauses:
        at[0] += pause
        if not rate.wait("x"):
            rate.count("x")
            admitted.append(at[0])
    for first in admitted:
        assert len([each for each in admitted if first <= each < first + 60]) <= 2 * amount
    # Whoever has been quiet for a minute may send all of them at once.
    at[0] += 61
    for _ in range(amount):
        assert not rate.wait("x")
        rate.count("x")
    assert rate.wait("x") > 0
