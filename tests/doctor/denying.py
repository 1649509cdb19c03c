"""The emulator behind a proxy that denies some actions, as a role without the permission meets them."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


@contextmanager
def denying(url: str, *operations: str) -> Iterator[str]:
    """Yield the address of a proxy for ``url`` that answers AccessDenied to these operations of AWS."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    class Handler(BaseHTTPRequestHandler):
        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            target = (self.headers.get("X-Amz-Target") or "").rpartition(".")[2]
            action = (parse_qs(body.decode("utf-8", "replace")).get("Action") or [""])[0]
            if (target or action) in operations:
                self._answer(403, *_denial(bool(target), target or action))
                return
            request = urllib.request.Request(url + self.path, body or None, dict(self.headers), method=self.command)  # noqa: S310
            try:
                with opener.open(request, timeout=30) as found:
                    self._answer(found.status, found.headers.get("Content-Type", ""), found.read())
            except urllib.error.HTTPError as error:
                self._answer(error.code, error.headers.get("Content-Type", ""), error.read())

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _pass  # noqa: N815 - the server's names

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _denial(as_json: bool, operation: str) -> tuple[str, bytes]:
    message = f"User is not authorized to perform: {operation}"
    if as_json:
        return "application/x-amz-json-1.1", json.dumps(
            {"__type": "AccessDeniedException", "message": message}
        ).encode()
    error = f"<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{message}</Message></Error>"
    return "text/xml", f"<ErrorResponse>{error}</ErrorResponse>".encode()
