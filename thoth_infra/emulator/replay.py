"""Answers a repeated request from memory instead of running it twice.

Under load an answer can get lost; the SDK then sends the request again under the same ``amz-sdk-invocation-id``. Run
twice, a ``RevokeSecurityGroupIngress`` fails because there is nothing left to revoke. Only successes are kept: after
an error the SDK's retry (same id) has to reach AWS again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Answer(NamedTuple):
    """A whole HTTP answer: ``"200 OK"``, its headers and its body."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def succeeded(self) -> bool:
        return self.status.startswith("2")

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        start_response(self.status, self.headers)
        return [self.body]


def answer_of(app: WSGIApplication, environ: WSGIEnvironment) -> Answer:
    """Run ``app`` and collect its whole answer."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> object:
        started.append((status, headers))
        return started.append

    chunks = app(environ, start_response)  # type: ignore[arg-type]  # the legacy write() callable is never used
    try:
        body = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    status, headers = started[-1]
    return Answer(status, headers, body)


class Replay:
    """WSGI middleware. Remembers at most ``entries`` answers and ``size`` bytes of them, oldest forgotten first."""

    def __init__(self, app: WSGIApplication, entries: int = 512, size: int = 32 * 2**20) -> None:
        self._app = app
        self._entries, self._size = entries, size
        self._known: OrderedDict[str, Answer] = OrderedDict()
        self._bytes = 0
        self._running: dict[str, Lock] = {}
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        invocation = environ.get("HTTP_AMZ_SDK_INVOCATION_ID")
        if invocation is None or environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return self._app(environ, start_response)
        return self._once(invocation, environ).send(start_response)

    def _once(self, invocation: str, environ: WSGIEnvironment) -> Answer:
        with self._lock:
            mine = self._running.setdefault(invocation, Lock())
        with mine:  # a repetition waits here while the first one still runs
            if known := self._known.get(invocation):
                return known
            answer = answer_of(self._app, environ)
            with self._lock:
                if answer.succeeded:
                    self._remember(invocation, answer)
                self._running.pop(invocation, None)
            return answer

    def _remember(self, invocation: str, answer: Answer) -> None:
        self._known[invocation] = answer
        self._bytes += len(answer.body)
        while len(self._known) > self._entries or self._bytes > self._size:
            _, forgotten = self._known.popitem(last=False)
            self._bytes -= len(forgotten.body)
