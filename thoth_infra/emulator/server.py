"""The emulator's WSGI application and the server that runs it: moto's dispatcher behind small middlewares.

From the outside in: the emulator's own paths and Docker's pushes are answered, the request's body is read whole, the
journal (when asked for) writes a line, a repeated request is answered from memory, what moto can't do becomes an error
that Terraform shows at once, and moto does the rest.
"""

from __future__ import annotations

import io
import json
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thoth_infra.emulator import patches
from thoth_infra.emulator.docker_registry import DockerRegistry, is_docker
from thoth_infra.emulator.failfast import FailFast, call_of
from thoth_infra.emulator.replay import Answer, Replay, answer_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from werkzeug.serving import BaseWSGIServer

HEALTH = "/_thoth/health"

# How moto is set up, before its first import.
SETTINGS = {
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",  # AmazonECSTaskExecutionRolePolicy and its like can be attached
    "MOTO_ACM_VALIDATION_WAIT": "1",  # second; stock moto takes a minute to issue a certificate
    "MOTO_ECS_SERVICE_RUNNING": "1",
}


def application(journal: Path | None = None, identity: dict[str, object] | None = None) -> Front:
    """The whole emulator as one WSGI application. moto is imported and patched here."""
    os.environ.update(SETTINGS)
    os.environ.pop("MOTO_ACCOUNT_ID", None)  # it would override the roles that are assumed
    app: WSGIApplication = Replay(FailFast(_dispatcher()))
    if journal:
        app = Journal(app, journal)
    return Front(app, identity or {})


def listen(app: WSGIApplication, port: int) -> BaseWSGIServer:
    """A threaded server on the loopback interface; port 0 takes a free one. The caller calls serve_forever()."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    class QuietHandler(MotoRequestHandler):  # type: ignore[misc]  # moto is untyped here
        def log_request(self, *_: object) -> None:
            """Write nothing: the journal does it where someone wants it."""

    return make_server("127.0.0.1", port, app, threaded=True, request_handler=QuietHandler)


def _dispatcher() -> WSGIApplication:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.exceptions import NotFound

    patches.apply("core")

    def create_app(service: str | None) -> Any:
        if service is None:
            raise NotImplementedError("moto has no such service")
        patches.apply(service)
        app = create_backend_app(service)
        app.register_error_handler(NotFound, _unknown_path)
        return app

    return DomainDispatcherApplication(create_app)  # type: ignore[no-any-return]


def _unknown_path(error: Any) -> Any:
    """A path that no action has is not "no such resource" (404), which the provider would believe."""
    from flask import request

    if request.url_rule is None:
        raise NotImplementedError("no action has this path") from error
    return error


class Front:
    """WSGI middleware: answers health checks, reads bodies whole, and knows when no request is running.

    The body is read first because the server closes the connection after each answer, and closing one with bytes unread
    can cost the client its answer.
    """

    def __init__(self, app: WSGIApplication, identity: dict[str, object]) -> None:
        self._app = app
        self._docker = DockerRegistry()
        self._identity = json.dumps(identity).encode()
        self._running = 0
        self._closed = False
        self._changed = threading.Condition()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == HEALTH:
            return Answer("200 OK", [("Content-Type", "application/json")], self._identity).send(start_response)
        if is_docker(environ):  # reads by pieces: a layer may have gigabytes
            return self._counted(environ, self._docker).send(start_response)
        terminated = environ.get("wsgi.input_terminated")
        length = -1 if terminated else int(environ.get("CONTENT_LENGTH") or 0)
        body: bytes = environ["wsgi.input"].read(length)
        environ["thoth.body"], environ["wsgi.input"] = body, io.BytesIO(body)
        return self._counted(environ, self._app).send(start_response)

    def close(self) -> None:
        """Refuse what comes from now on and wait for the requests that run: moto's state is at rest afterwards."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._running == 0)

    def _counted(self, environ: WSGIEnvironment, app: WSGIApplication) -> Answer:
        with self._changed:
            if self._closed:
                return Answer("503 Service Unavailable", [("Content-Type", "text/plain")], b"the emulator is stopping")
            self._running += 1
        try:
            return answer_of(app, environ)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()


class Journal:
    """WSGI middleware: one JSON line per request. Holds names and error texts, never the body of a request."""

    def __init__(self, app: WSGIApplication, path: Path) -> None:
        self._app = app
        self._path = path

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.monotonic()
        answer = answer_of(self._app, environ)
        call = call_of(environ, environ["thoth.body"])
        line: dict[str, object] = {
            "service": call.service,
            "action": call.action,
            "status": int(answer.status[:3]),
        }
        line["seconds"] = round(time.monotonic() - began, 3)
        if not answer.succeeded:
            line["error"] = answer.body[:1000].decode("utf-8", "replace")
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        return answer.send(start_response)
