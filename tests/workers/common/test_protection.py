"""Scale-in protection, against a real HTTP server in the place of the ECS agent."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.workers.common.rig import Clock
from workers.common.protection import Protection


@dataclass
class Agent:
    """Remembers what it was asked, and answers what the test wants."""

    asked: list[tuple[str, str, str | None, Any]] = field(default_factory=list)
    status: int = 200
    answer: bytes = b'{"protection": {"ProtectionEnabled": true, "TaskArn": "arn"}}'
    uri: str = ""

    @property
    def states(self) -> list[Any]:
        return [body for _, _, _, body in self.asked]


@pytest.fixture
def agent() -> Iterator[Agent]:
    found = Agent()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.asked.append((self.command, self.path, self.headers["Content-Type"], json.loads(body)))
            if found.status == 0:
                self.wfile.write(b"nonsense\r\n\r\n")
                return
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(found.answer)))
            self.end_headers()
            self.wfile.write(found.answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    found.uri = f"http://127.0.0.1:{server.server_port}/api/0123"
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_request_is_what_the_agent_takes(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECS_AGENT_URI", agent.uri)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # no proxy leads to the agent
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    protection = Protection.for_jobs_of(600)
    protection.hold(True)
    protection.hold(False)

    path = "/api/0123/task-protection/v1/state"
    assert agent.asked == [
        ("PUT", path, "application/json", {"ProtectionEnabled": True, "ExpiresInMinutes": 11}),
        ("PUT", path, "application/json", {"ProtectionEnabled": False}),
    ]


def test_it_is_asked_only_when_something_changes(agent: Agent) -> None:
    protection = Protection(10, agent.uri)
    for working in (False, False, True, True, True, False, False, True):
        protection.hold(working)
    assert [state["ProtectionEnabled"] for state in agent.states] == [True, False, True]


def test_a_worker_that_is_never_idle_stays_protected(agent: Agent) -> None:
    """With the next job ready when one ends, nothing changes for hours, and the first protection runs out."""
    clock = Clock()
    protection = Protection(60, agent.uri, clock)
    for _ in range(12 * 5):
        protection.hold(True)
        clock.turn(60)
    assert len(agent.states) == 2
    assert all(state == {"ProtectionEnabled": True, "ExpiresInMinutes": 60} for state in agent.states)
    protection.hold(False)
    clock.turn(100_000)
    protection.hold(False)
    assert [state["ProtectionEnabled"] for state in agent.states[2:]] == [False]


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, b'{"failure": {"Arn": "arn", "Reason": "DEPLOYMENT_BLOCKED", "Detail": "x"}}'),
        (400, b'{"error": {"Code": "AccessDeniedException", "Message": "no"}}'),
        (500, b""),
        (200, b"no json"),
        (200, b'["a list"]'),
        (0, b"no HTTP"),
    ],
)
def test_a_refusal_is_logged_and_asked_again_later(
    agent: Agent, caplog: pytest.LogCaptureFixture, status: int, answer: bytes
) -> None:
    clock = Clock()
    protection = Protection(10, agent.uri, clock)
    right, agent.status, agent.answer = agent.answer, status, answer
    for _ in range(50):  # each turn of the loop
        protection.hold(True)
    assert len(agent.states) == 1
    (line,) = (record for record in caplog.records if record.levelno == logging.WARNING)
    assert vars(line)["reason"]

    agent.status, agent.answer = 200, right
    clock.turn(60)
    for _ in range(50):
        protection.hold(True)
    assert len(agent.states) == 2
    assert len(caplog.records) == 1


def test_an_agent_that_is_not_there_does_not_matter(caplog: pytest.LogCaptureFixture) -> None:
    Protection(10, "http://127.0.0.1:9/api").hold(True)
    assert len(caplog.records) == 1


def test_without_ecs_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("ECS_AGENT_URI", raising=False)
    Protection.for_jobs_of(10).hold(True)
    assert not caplog.records


@pytest.mark.parametrize(("seconds", "minutes"), [(1, 2), (60, 2), (61, 3), (21_600, 361), (10**6, 2880)])
def test_it_outlives_a_job_within_what_the_agent_allows(seconds: int, minutes: int) -> None:
    assert Protection.for_jobs_of(seconds).minutes == minutes
