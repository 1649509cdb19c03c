"""What stands between a program and an emulated AWS: it sees each call, and may answer it, cut it off or hold it."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

_HOP = {"connection", "transfer-encoding", "content-length"}
_READS = ("Describe", "Get", "List", "BatchGet", "Filter", "Receive", "GET", "HEAD", "Search", "Lookup", "Simulate")


@dataclass(frozen=True)
class Call:
    """One request: which it is since the proxy began, of which service, and which operation (S3: the HTTP method)."""

    number: int
    service: str
    operation: str
    protocol: str = "rest"
    """What it speaks, and wants to be answered in: json, query, cbor, or rest."""

    @property
    def name(self) -> str:
        """The call as people write it: ``ecs:UpdateService``."""
        return f"{self.service}:{self.operation}"

    @property
    def writes(self) -> bool:
        """Whether it may change anything."""
        return not self.operation.startswith(_READS)


@dataclass(frozen=True)
class Answer:
    """What goes back; ``cut`` ends the connection after half of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False


Forward: TypeAlias = Callable[[], Answer]
Handle: TypeAlias = Callable[[Call, Forward], Answer | None]


def passed_on(_: Call, forward: Forward) -> Answer | None:
    """Do nothing of our own."""
    return forward()


class Proxy(ThreadingHTTPServer):
    """Passes requests on to an emulator; ``handle_call`` decides about each. Returning None hangs up."""

    daemon_threads = True

    def __init__(self, target: str, handle_call: Handle = passed_on) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target)
        self.handle_call = handle_call
        self.calls: list[Call] = []
        self._one = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """Programs that are killed hang up: nothing to tell."""

    def note(self, service: str, operation: str, protocol: str) -> Call:
        """Remember a call."""
        with self._one:
            call = Call(len(self.calls), service, operation, protocol)
            self.calls.append(call)
        return call

    @property
    def url(self) -> str:
        """Address of the proxy."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_POST(self) -> None:
        body = self._body()
        call = self.server.note(self._service(), self._operation(body), self._protocol())
        answer = self.server.handle_call(call, lambda: self._forwarded(body))
        if answer is None:
            self.close_connection = True
            return
        self._answer(answer)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_POST  # noqa: N815 - the base class looks for these names

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return found

    def _service(self) -> str:
        scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request", self.headers.get("Authorization", ""))
        return scope[1] if scope else "unknown"

    def _protocol(self) -> str:
        if "cbor" in self.headers.get("smithy-protocol", ""):
            return "cbor"
        if self.headers.get("X-Amz-Target"):
            return "json"
        return "query" if "x-www-form-urlencoded" in self.headers.get("Content-Type", "") else "rest"

    def _operation(self, body: bytes) -> str:
        if target := self.headers.get("X-Amz-Target"):
            return target.rpartition(".")[2]
        if rpc := re.search(r"/operation/(\w+)$", self.path):
            return rpc[1]
        if "x-www-form-urlencoded" in self.headers.get("Content-Type", ""):
            return parse_qs(body.decode(errors="replace")).get("Action", [self.command])[0]
        return self.command

    def _forwarded(self, body: bytes) -> Answer:
        target = self.server.target
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in (*_HOP, "expect")}
        try:
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            kept = {name: value for name, value in response.getheaders() if name.lower() not in _HOP}
            return Answer(response.status, kept, response.read())
        finally:
            connection.close()

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if answer.cut:
            self.wfile.write(answer.body[: len(answer.body) // 2])
            self.close_connection = True
            return
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def proxy(target: str, handle_call: Handle = passed_on) -> Iterator[Proxy]:
    """Yield a proxy in front of ``target``."""
    with Proxy(target, handle_call) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()


@dataclass
class Failing:
    """A handler that answers 500 while ``now`` is set."""

    now: threading.Event = field(default_factory=threading.Event)
    failed: int = 0

    def __call__(self, _: Call, forward: Forward) -> Answer | None:
        """Pass the call on, or refuse it."""
        if not self.now.is_set():
            return forward()
        self.failed += 1
        return Answer(500, {"Content-Type": "text/plain"}, b"the drill says no")
